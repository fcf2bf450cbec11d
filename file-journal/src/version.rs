//! Names of versions: the dated folders of the central store.

use jiff::Zoned;

use crate::journal::Journal;
use crate::{Error, Result};

/// The name of a version made now: local time as `YYYYMMDDhhmmss`.
#[must_use]
pub fn now() -> String {
    Zoned::now().strftime("%Y%m%d%H%M%S").to_string()
}

/// The moment of a submission: UTC as `YYYYMMDDhhmmss`.
#[must_use]
pub fn upload_moment() -> String {
    jiff::Timestamp::now().strftime("%Y%m%d%H%M%S").to_string()
}

/// The version of a scan: the wanted one, or one made now. The newest may be given again, which amends it.
///
/// # Errors
/// When the name cannot be a folder, or is older than the newest version.
pub fn of_scan(journal: &Journal, wanted: Option<&str>) -> Result<String> {
    let newest = journal.newest_version()?;
    let name = wanted.map_or_else(now, str::to_owned);
    let fault = |what: String| Error::Version {
        version: crate::text::shown(&name).into_owned(),
        what,
    };
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    if name.is_empty() || name.len() > 100 || !name.chars().all(allowed) || name.starts_with('.') {
        return Err(fault(
            "a version is the name of a folder: letters, digits, `_`, `-` and `.`".to_owned(),
        ));
    }
    match newest {
        Some(newest) if name < newest => Err(fault(format!(
            "it sorts before the newest version {newest}, whose past it would change"
        ))),
        _ => Ok(name),
    }
}
