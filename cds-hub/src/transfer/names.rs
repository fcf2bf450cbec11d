use crate::schema::{Kind, StoredTable, identifier, seen};

/// The SQL names that belong to one stored table, quoted where needed and qualified.
#[derive(Clone, Debug)]
pub(crate) struct Names {
    /// Contract name without quotes.
    pub(crate) table: String,
    /// The wide table, `core.T`.
    pub(crate) core: String,
    /// The companion that says when rows were confirmed, `core.T_seen`.
    pub(crate) seen: String,
    /// The key of a row in the core.
    pub(crate) key: String,
    /// The contract's id.
    pub(crate) id: String,
    /// Names of the raw half, for typed tables.
    pub(crate) raw: Option<RawNames>,
    /// The queue of rows to be typed, for raw tables.
    pub(crate) open: Option<String>,
}

/// What a typed table needs of its raw table.
#[derive(Clone, Debug)]
pub(crate) struct RawNames {
    /// The raw wide table.
    pub(crate) core: String,
    /// The raw companion.
    pub(crate) seen: String,
    /// The raw id, in the raw and in the typed table alike.
    pub(crate) id: String,
    /// The queue of rows to be typed.
    pub(crate) open: String,
    /// Further raw versions of a typed row.
    pub(crate) link: String,
    /// The function that notes confirmations of raw rows.
    pub(crate) mark: String,
}

impl Names {
    pub(crate) fn of(table: &StoredTable) -> Self {
        let base = table.base();
        let core = |suffix: &str| format!("core.{}", identifier(suffix));
        let raw = table.raw_id_column().map(|id| RawNames {
            core: core(&format!("{base}_raw")),
            seen: core(&format!("{base}_raw_seen")),
            id: identifier(&id).into_owned(),
            open: core(&format!("{base}_raw_open")),
            link: core(&format!("{base}_link")),
            mark: core(&format!("mark_{base}_raw")),
        });
        Self {
            table: table.name.clone(),
            core: core(&table.name),
            seen: core(&seen::name(table)),
            key: identifier(&table.key_column()).into_owned(),
            id: identifier(&table.id_column()).into_owned(),
            raw,
            open: (table.kind == Kind::Raw).then(|| core(&format!("{base}_raw_open"))),
        }
    }

    /// Name of a function of the core for this table, such as `core.carry_patient`.
    pub(crate) fn function(&self, verb: &str) -> String {
        format!("core.{}", identifier(&format!("{verb}_{}", self.table)))
    }

    /// The same for one of its inboxes: `core.take_cds2db_in_patient`.
    pub(crate) fn inbox_function(&self, verb: &str, inbox: &str) -> String {
        format!("core.{}", identifier(&format!("{verb}_{inbox}_{}", self.table)))
    }
}
