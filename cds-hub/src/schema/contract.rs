//! What the original has beside its tables and views, for readers that depend on it: a log of the structure, and triggers
//! that give the frontend's rows an id.

use super::{Kind, Model, Script, StoredTable, identifier};
use crate::schema::Function;
use crate::transfer::{MODULES, header};

/// `db.log_table_view_structure()` and the trigger functions of the frontend's inboxes.
pub(crate) fn functions(model: &Model) -> Vec<Function> {
    let mut functions = vec![Function {
        signature: "db.log_table_view_structure()".to_owned(),
        sql: format!(
            "CREATE OR REPLACE FUNCTION db.log_table_view_structure() RETURNS void\n{}\nAS $body$\n{LOG}\n$body$",
            header("plpgsql")
        ),
        roles: MODULES,
    }];
    functions.extend(frontend(model).map(set_id));
    functions
}

/// Adds the triggers of the frontend's inboxes.
pub(super) fn triggers(script: &mut Script, model: &Model) {
    for table in frontend(model) {
        script.push(format!(
            "CREATE OR REPLACE TRIGGER {} BEFORE INSERT ON db2frontend_in.{} FOR EACH ROW EXECUTE FUNCTION {}()",
            identifier(&format!("{}_tr_ins", table.name)),
            identifier(&table.name),
            function_name(table)
        ));
    }
}

fn frontend(model: &Model) -> impl Iterator<Item = &StoredTable> {
    model
        .of(Kind::Form)
        .filter(|t| t.inboxes().contains(&"db2frontend_in"))
}

fn function_name(table: &StoredTable) -> String {
    format!(
        "db2frontend_in.{}",
        identifier(&format!("{}_ins_fkt", table.name))
    )
}

fn set_id(table: &StoredTable) -> Function {
    let name = function_name(table);
    let id = table.id_column();
    let id = identifier(&id);
    let body = format!("BEGIN\n  NEW.{id} := coalesce(NEW.{id}, nextval('db.db_seq'));\n  RETURN NEW;\nEND");
    Function {
        signature: format!("{name}()"),
        sql: format!(
            "CREATE OR REPLACE FUNCTION {name}() RETURNS trigger\n{}\nAS $body$\n{body}\n$body$",
            header("plpgsql")
        ),
        roles: &[],
    }
}

/// Notes columns, views, functions, triggers and indexes of the hub: `A` what is there, `H` what was.
const LOG: &str = "BEGIN
  CREATE TEMPORARY TABLE structure_now ON COMMIT DROP AS
  SELECT CASE c.relkind WHEN 'v' THEN 'view column' ELSE 'table column' END::varchar AS object_type, n.nspname::varchar AS schema_name,
         c.relname::varchar AS table_name, a.attname::varchar AS column_name,
         format_type(a.atttypid, a.atttypmod)::varchar AS data_type,
         CASE WHEN a.attnotnull THEN 'NO' ELSE 'YES' END::varchar AS is_nullable,
         pg_get_expr(d.adbin, d.adrelid)::varchar AS column_default, NULL::varchar AS definition
  FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid JOIN pg_namespace n ON n.oid = c.relnamespace
  LEFT JOIN pg_attrdef d ON d.adrelid = c.oid AND d.adnum = a.attnum
  WHERE a.attnum > 0 AND NOT a.attisdropped AND c.relkind IN ('r', 'v') AND n.nspname ~ '^(cds2db|db2|db_|db$)'
  UNION ALL
  SELECT 'view', n.nspname, c.relname, NULL, NULL, NULL, NULL, pg_get_viewdef(c.oid)
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
  WHERE c.relkind = 'v' AND n.nspname ~ '^(cds2db|db2|db_|db$)'
  UNION ALL
  SELECT 'function', n.nspname, p.oid::regprocedure::text, NULL, NULL, NULL, NULL, p.prosrc
  FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace WHERE n.nspname ~ '^(cds2db|db2|db_|db$)'
  UNION ALL
  SELECT 'trigger', n.nspname, c.relname, t.tgname, NULL, NULL, NULL, pg_get_triggerdef(t.oid)
  FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid JOIN pg_namespace n ON n.oid = c.relnamespace
  WHERE NOT t.tgisinternal AND n.nspname ~ '^(cds2db|db2|db_|db$)'
  UNION ALL
  SELECT 'index', schemaname, tablename, indexname, NULL, NULL, NULL, indexdef
  FROM pg_indexes WHERE schemaname ~ '^(cds2db|db2|db_|db$)';
  ALTER TABLE pg_temp.structure_now ADD COLUMN mark text;
  UPDATE pg_temp.structure_now s SET mark = md5((s.object_type, s.schema_name, s.table_name, s.column_name, s.data_type,
    s.is_nullable, s.column_default, s.definition)::text);
  UPDATE db_config.log_table_structure l SET status = 'H', last_change_timestamp = now()::timestamp
  WHERE l.status = 'A' AND md5((l.object_type, l.schema_name, l.table_name, l.column_name, l.data_type, l.is_nullable,
    l.column_default, l.definition)::text) NOT IN (SELECT s.mark FROM pg_temp.structure_now s);
  INSERT INTO db_config.log_table_structure (object_type, schema_name, table_name, column_name, data_type, is_nullable,
                                             column_default, definition, status, version_info, last_change_timestamp)
  SELECT s.object_type, s.schema_name, s.table_name, s.column_name, s.data_type, s.is_nullable, s.column_default, s.definition,
         'A', (SELECT p.parameter_value FROM db_config.db_parameter p WHERE p.parameter_name = 'release_version'),
         now()::timestamp
  FROM pg_temp.structure_now s
  WHERE s.mark NOT IN (SELECT md5((l.object_type, l.schema_name, l.table_name, l.column_name, l.data_type, l.is_nullable,
    l.column_default, l.definition)::text) FROM db_config.log_table_structure l WHERE l.status = 'A');
  DROP TABLE pg_temp.structure_now;
END";
