use std::fmt;

use super::catalogue::{Catalogue, same_type};
use super::{Change, Question};
use crate::schema::index::Index;
use crate::schema::recipe::Recipe;
use crate::schema::{Kind, Model, Script, StoredTable, compose, identifier, inbox, seen};
use crate::transfer::Names;

/// Mark of columns whose values are kept under another name.
const KEPT: &str = "__kept_";

/// A table of the core that hubs before did not have.
const RAW_VALUE: &str = "raw_value";

/// What a migration does, and what it wants to know first.
#[derive(Clone, Debug, Default)]
pub struct Plan {
    pub(super) changes: Vec<Change>,
    pub(super) questions: Vec<Question>,
    pub(super) remarks: Vec<String>,
    pub(super) script: Script,
    /// Inboxes that have to be empty.
    pub(super) emptied: Vec<String>,
    pub(super) applied: bool,
}

impl Plan {
    /// What is done, in order.
    #[must_use]
    pub fn changes(&self) -> &[Change] {
        &self.changes
    }

    /// What has to be accepted before anything is done.
    #[must_use]
    pub fn questions(&self) -> &[Question] {
        &self.questions
    }

    /// What the operator should know: tables left alone, rows that needed a rule of their own.
    #[must_use]
    pub fn remarks(&self) -> &[String] {
        &self.remarks
    }

    /// Whether the changes were made.
    #[must_use]
    pub fn is_applied(&self) -> bool {
        self.applied
    }

    /// The statements, for a reader.
    #[must_use]
    pub fn script(&self) -> &Script {
        &self.script
    }

    /// Compares a hub with the tables it should have.
    pub(super) fn compare(model: &Model, catalogue: &Catalogue) -> Self {
        let mut plan = Self::default();
        for table in model.tables() {
            if catalogue.table("core", &table.name).is_some() {
                plan.table(table, catalogue);
            } else {
                plan.changes.push(Change::AddTable {
                    table: table.name.clone(),
                });
                compose::add_table(&mut plan.script, table);
            }
        }
        if catalogue.table("core", RAW_VALUE).is_none() {
            plan.changes.push(Change::AddTable {
                table: RAW_VALUE.to_owned(),
            });
            compose::raw_value(&mut plan.script);
        }
        for name in catalogue.recorded() {
            if model.table(name).is_none() {
                plan.remarks
                    .push(format!("{name} is not described any more; it stays as it is"));
            }
        }
        plan
    }

    fn table(&mut self, table: &StoredTable, catalogue: &Catalogue) {
        self.script.heading(format!("Table {}", table.name));
        let asides = self.set_aside(table, catalogue);
        let recorded = catalogue.recipe(&table.name);
        let recipe = Recipe::of(table);
        let names = |columns: &mut dyn Iterator<Item = &crate::schema::StoredColumn>| -> Vec<String> {
            columns.map(|c| c.name.clone()).collect()
        };
        let always = names(&mut recipe.columns());
        let added = names(&mut recipe.added());
        let rehash = recorded.is_none_or(|r| r.columns != always) || !asides.is_empty();
        let extended = recorded.is_none_or(|r| r.added != added);

        for schema in table.inboxes() {
            if rehash || extended || lacks(schema, table, catalogue) {
                self.inbox(schema, table, catalogue, &asides);
            }
        }
        for column in &table.columns {
            let aside = asides.contains(&column.name);
            if aside || catalogue.column("core", &table.name, &column.name).is_none() {
                self.changes.push(Change::AddColumn {
                    table: table.name.clone(),
                    column: column.name.clone(),
                });
                self.alter(
                    "core",
                    table,
                    &format!("ADD COLUMN {} {}", identifier(&column.name), column.sql_type()),
                );
            }
        }
        let hash = Index::hash(table);
        let no_digest = table.has_meta() && catalogue.column("core", &table.name, "meta_digest").is_none();
        if no_digest {
            self.alter("core", table, "ADD COLUMN meta_digest bigint NOT NULL DEFAULT 0");
        }
        if rehash || no_digest {
            self.script
                .push(format!("DROP INDEX IF EXISTS core.{}", identifier(&hash.name)));
        }
        if rehash {
            self.changes.push(Change::Rehash {
                table: table.name.clone(),
            });
            let expression = recipe.expression("");
            self.script.push(format!(
                "UPDATE core.{} SET hash = {expression}::uuid",
                identifier(&table.name)
            ));
        } else if extended {
            self.changes.push(Change::ExtendRecipe {
                table: table.name.clone(),
            });
        }
        if rehash || no_digest {
            self.script.push(unique_if_possible(&hash));
        }
        if rehash || extended {
            self.script
                .push(compose::recipe(table, recorded.map_or(1, |r| r.version + 1)));
        }
        if catalogue.column("core", &seen::name(table), "id").is_some() {
            self.blocks(table);
        }
        for replaced in Index::replaced(table) {
            if catalogue.has_index(&replaced) {
                self.script
                    .push(format!("DROP INDEX core.{}", identifier(&replaced)));
            }
        }
        for index in Index::of(table) {
            if index.name != hash.name && !catalogue.has_index(&index.name) {
                self.changes.push(Change::AddIndex {
                    index: index.name.clone(),
                });
                self.script.push(index.sql());
            }
        }
    }

    /// Hubs before had a row in the companion for each that was confirmed, and functions that took ids one by one.
    fn blocks(&mut self, table: &StoredTable) {
        self.changes.push(Change::Blocks {
            table: table.name.clone(),
        });
        let companion = seen::name(table);
        let companion = identifier(&companion);
        self.script.push(format!(
            "CREATE TEMPORARY TABLE seen_before ON COMMIT DROP AS SELECT * FROM core.{companion}"
        ));
        self.script.push(format!("DROP TABLE core.{companion}"));
        for statement in seen::create(table) {
            self.script.push(statement);
        }
        self.script
            .push(seen::fill(table, "SELECT * FROM pg_temp.seen_before"));
        self.script.push("DROP TABLE pg_temp.seen_before");
        if table.kind == Kind::Typed {
            let carry = Names::of(table).function("carry");
            self.script
                .push(format!("DROP FUNCTION IF EXISTS {carry}(int, int[], int[])"));
            self.script
                .push("DROP FUNCTION IF EXISTS core.note_rows(int, text, int[], int[], int, int)");
        }
    }

    /// Renames columns that are not described, or not so; returns those that are described otherwise.
    fn set_aside(&mut self, table: &StoredTable, catalogue: &Catalogue) -> Vec<String> {
        let mut retyped = Vec::new();
        let found = catalogue.table("core", &table.name).unwrap_or_default();
        for (name, sql_type) in found {
            if name.contains(KEPT) || is_technical(table, name) {
                continue;
            }
            let question = match table.columns.iter().find(|c| c.name == *name) {
                Some(column) if same_type(column.sql_type(), sql_type) => continue,
                Some(column) => {
                    retyped.push(name.clone());
                    Question::Retyped {
                        table: table.name.clone(),
                        column: name.clone(),
                        from: sql_type.clone(),
                        to: column.sql_type().to_owned(),
                    }
                }
                None => Question::Undescribed {
                    table: table.name.clone(),
                    column: name.clone(),
                },
            };
            self.questions.push(question);
            let now = free_name(name, found);
            self.alter(
                "core",
                table,
                &format!("RENAME COLUMN {} TO {}", identifier(name), identifier(&now)),
            );
            self.changes.push(Change::SetAside {
                table: table.name.clone(),
                column: name.clone(),
                now,
            });
        }
        retyped
    }

    /// Brings an inbox to the described columns. The generated hash has to go and come back, since its expression
    /// cannot be changed; rows that wait keep everything else.
    fn inbox(&mut self, schema: &str, table: &StoredTable, catalogue: &Catalogue, retyped: &[String]) {
        self.alter(schema, table, "DROP COLUMN IF EXISTS hash_index_col");
        let found = catalogue.table(schema, &table.name).unwrap_or_default();
        for (name, _) in found {
            let described = table.columns.iter().any(|c| c.name == *name);
            let gone = !described && !is_technical(table, name) && !inbox::is_technical(name);
            if gone || retyped.contains(name) {
                self.emptied.push(format!("{schema}.{}", identifier(&table.name)));
                self.alter(schema, table, &format!("DROP COLUMN {}", identifier(name)));
            }
        }
        for column in &table.columns {
            if retyped.contains(&column.name) || !found.iter().any(|(name, _)| *name == column.name) {
                self.alter(
                    schema,
                    table,
                    &format!("ADD COLUMN {} {}", identifier(&column.name), column.sql_type()),
                );
            }
        }
        self.alter(
            schema,
            table,
            &format!("ADD COLUMN {}", inbox::hash_column(table)),
        );
    }

    fn alter(&mut self, schema: &str, table: &StoredTable, what: &str) {
        self.script
            .push(format!("ALTER TABLE {schema}.{} {what}", identifier(&table.name)));
    }
}

/// Whether a column of an inbox, or its generated hash, is missing.
fn lacks(schema: &str, table: &StoredTable, catalogue: &Catalogue) -> bool {
    let has = |column: &str| catalogue.column(schema, &table.name, column).is_some();
    !has("hash_index_col") || table.columns.iter().any(|c| !has(&c.name))
}

/// Makes the hash index unique, or an ordinary one where columns that told rows apart are gone.
pub(super) fn unique_if_possible(hash: &Index) -> String {
    let (unique, ordinary) = (hash.sql(), hash.clone().not_unique().sql());
    format!("DO $$\nBEGIN\n{unique};\nEXCEPTION WHEN unique_violation THEN\n{ordinary};\nEND\n$$")
}

/// Columns of the core that are not data.
fn is_technical(table: &StoredTable, name: &str) -> bool {
    name == table.key_column()
        || name == table.id_column()
        || table.raw_id_column().as_deref() == Some(name)
        || ["import_no", "input_datetime", "meta_digest", "hash"].contains(&name)
        || (table.kind == Kind::Raw && name == "raw_already_processed")
}

fn free_name(name: &str, found: &[(String, String)]) -> String {
    let mut number = 1;
    loop {
        let mut end = name.len().min(52);
        while !name.is_char_boundary(end) {
            end -= 1;
        }
        let candidate = format!("{}{KEPT}{number}", &name[..end]);
        if !found.iter().any(|(n, _)| *n == candidate) {
            return candidate;
        }
        number += 1;
    }
}

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for change in &self.changes {
            writeln!(f, "{change}")?;
        }
        for question in &self.questions {
            writeln!(f, "? {question}")?;
        }
        for remark in &self.remarks {
            writeln!(f, "note: {remark}")?;
        }
        Ok(())
    }
}
