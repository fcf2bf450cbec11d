//! `db_log` is written to as if it were tables: by repair scripts of sites, and by resets before a test.
//!
//! Its views take what is inserted, changed or deleted row by row. Nothing is lost by it: what stood before is kept, an
//! inserted row comes with an import, and a deleted one lies in `core.removed`. Times and numbers of a row are those of its
//! imports and cannot be set.

use crate::schema::identifier::literal;
use crate::schema::{Function, Kind, Model, StoredTable, identifier, seen};
use crate::transfer::{Names, digest, header};

use super::Script;
use super::recipe::Recipe;

/// `core.write_T()`, the trigger function of each view of `db_log`.
pub(crate) fn functions(model: &Model) -> Vec<Function> {
    model.tables().iter().map(function).collect()
}

/// Adds the triggers that call them.
pub(super) fn triggers(script: &mut Script, model: &Model) {
    for table in model.tables() {
        script.push(format!(
            "CREATE TRIGGER written INSTEAD OF INSERT OR UPDATE OR DELETE ON db_log.{} FOR EACH ROW EXECUTE FUNCTION {}()",
            identifier(&table.name),
            Names::of(table).function("write")
        ));
    }
}

fn function(table: &StoredTable) -> Function {
    let names = Names::of(table);
    let name = names.function("write");
    let body = format!(
        "DECLARE v_import int; v_row tid; v_key int; v_before jsonb;
BEGIN
  v_import := core.begin_import('db_log', lower(TG_OP), NULL);
  IF TG_OP = 'INSERT' THEN
{insert}    PERFORM core.finish_import(v_import);
    RETURN NEW;
  END IF;
{find}  IF TG_OP = 'UPDATE' THEN
{update}    PERFORM core.finish_import(v_import);
    RETURN NEW;
  END IF;
{delete}  PERFORM core.finish_import(v_import);
  RETURN OLD;
END",
        insert = insert(table, &names),
        find = find(table, &names),
        update = update(table, &names),
        delete = delete(table, &names),
    );
    Function {
        signature: format!("{name}()"),
        sql: format!(
            "CREATE OR REPLACE FUNCTION {name}() RETURNS trigger\n{}\nAS $body$\n{body}\n$body$",
            header("plpgsql")
        ),
        roles: &[],
    }
}

/// An inserted row takes the way of a foreign writer's: through an inbox, and comes with an import.
fn insert(table: &StoredTable, names: &Names) -> String {
    let Some(inbox) = table.inboxes().first() else {
        return String::new();
    };
    let target = format!("{inbox}.{}", identifier(&table.name));
    let mut columns: Vec<String> = names.raw.iter().map(|raw| raw.id.clone()).collect();
    columns.extend(table.columns.iter().map(|c| identifier(&c.name).into_owned()));
    let values: Vec<String> = columns.iter().map(|c| format!("NEW.{c}")).collect();
    format!(
        "    INSERT INTO {target} ({id}, input_datetime, {columns})
    VALUES (coalesce(NEW.{id}, nextval('db.db_seq')::int), coalesce(NEW.input_datetime, now()::timestamp), {values})
    RETURNING ctid INTO v_row;
    PERFORM {store}(v_import, ARRAY[v_row]);\n",
        id = names.id,
        columns = columns.join(", "),
        values = values.join(", "),
        store = names.inbox_function("store", inbox),
    )
}

/// The row that is meant: by its id, and by its content where ids repeat.
fn find(table: &StoredTable, names: &Names) -> String {
    format!(
        "  SELECT t.{key} INTO v_key FROM {core} t WHERE t.{id} IS NOT DISTINCT FROM OLD.{id} AND t.hash = OLD.hash_index_col::uuid;
  IF v_key IS NULL THEN
    RAISE EXCEPTION USING ERRCODE = 'CDH06', MESSAGE = 'no such row of {table}';
  END IF;\n",
        key = names.key,
        core = names.core,
        id = names.id,
        table = table.name.replace('\'', ""),
    )
}

fn update(table: &StoredTable, names: &Names) -> String {
    let mut fixed = vec![names.id.clone()];
    fixed.extend(names.raw.iter().map(|raw| raw.id.clone()));
    fixed.extend(
        [
            "input_datetime",
            "last_check_datetime",
            "current_dataset_status",
            "input_processing_nr",
            "last_processing_nr",
        ]
        .map(str::to_owned),
    );
    if table.kind == Kind::Raw {
        fixed.push("raw_already_processed".to_owned());
    }
    let fixed_list = |row: &str| {
        fixed
            .iter()
            .map(|c| format!("{row}.{c}"))
            .collect::<Vec<_>>()
            .join(", ")
    };
    let set: Vec<String> = table
        .columns
        .iter()
        .map(|c| format!("{0} = NEW.{0}", identifier(&c.name)))
        .collect();
    let digest = if table.has_meta() {
        format!(
            ", meta_digest = {}",
            digest(table, |c| format!("NEW.{}", identifier(&c.name)))
        )
    } else {
        String::new()
    };
    format!(
        "    IF ({old}) IS DISTINCT FROM ({new}) THEN
      RAISE EXCEPTION USING ERRCODE = 'CDH06', MESSAGE = 'ids, times and numbers of a row are those of its imports';
    END IF;
    SELECT jsonb_object_agg(b.key, b.value) INTO v_before
    FROM jsonb_each(to_jsonb(OLD)) b WHERE b.value IS DISTINCT FROM to_jsonb(NEW) -> b.key AND b.key <> 'hash_index_col';
    IF v_before IS NOT NULL THEN
      INSERT INTO core.overwritten (table_name, id, import_no, before) VALUES ({table}, v_key, v_import, v_before);
      UPDATE {core} t SET {set}{digest}, hash = {hash}::uuid WHERE t.{key} = v_key;
    END IF;\n",
        old = fixed_list("OLD"),
        new = fixed_list("NEW"),
        table = literal(&table.name),
        core = names.core,
        key = names.key,
        set = set.join(", "),
        hash = Recipe::of(table).expression("NEW."),
    )
}

/// A deleted row is kept beside; what pointed at it goes.
fn delete(table: &StoredTable, names: &Names) -> String {
    let mut gone = String::new();
    if let Some(open) = &names.open {
        gone.push_str(&format!("  DELETE FROM {open} WHERE id = v_key;\n"));
        let link = format!("core.{}", identifier(&format!("{}_link", table.base())));
        gone.push_str(&format!("  DELETE FROM {link} WHERE raw_id = v_key;\n"));
    }
    if let Some(raw) = &names.raw {
        gone.push_str(&format!("  DELETE FROM {} WHERE typed_id = v_key;\n", raw.link));
    }
    format!(
        "  INSERT INTO core.removed (table_name, id, import_no, \"row\") VALUES ({table}, v_key, v_import, to_jsonb(OLD));
  UPDATE {seen} s SET imports[(v_key & {mask}) + 1] = 0 WHERE {on};
{gone}  DELETE FROM {core} t WHERE t.{key} = v_key;\n",
        table = literal(&table.name),
        seen = names.seen,
        mask = seen::MASK,
        on = seen::on("s", "v_key"),
        core = names.core,
        key = names.key,
    )
}
