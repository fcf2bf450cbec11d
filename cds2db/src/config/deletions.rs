//! How resources that are gone from the server are found.

use site_config::Reader;

/// How resources that are gone from the server are found. They are marked in the hub and never removed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Deletions {
    /// Not at all.
    #[default]
    Off,
    /// The ids that the hub has of the patients asked for are searched; those missing are read one by one, and 404 and
    /// 410 say that they are gone.
    Ids,
    /// The `DELETE` entries of the types' histories since the last run; the first time as [`Deletions::Ids`].
    History,
    /// The `deleted` files of a bulk export since the last run; the first time as [`Deletions::Ids`].
    Export,
}

impl Deletions {
    pub(super) fn read(r: &mut Reader<'_>) -> Self {
        match r.filled("FHIR_SEARCH_DELETIONS").map(str::trim) {
            None | Some("off") => Self::Off,
            Some("ids") => Self::Ids,
            Some("history") => Self::History,
            Some("export") => Self::Export,
            Some(_) => {
                r.fault("FHIR_SEARCH_DELETIONS", "must be off, ids, history or export");
                Self::Off
            }
        }
    }
}
