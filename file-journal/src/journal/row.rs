//! One row of a journal: one version of one file.

use rusqlite::types::ValueRef;
use serde::Serialize;

/// One version of one file of a site.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FileRow {
    /// The row's number.
    pub id: i64,
    /// The patient's id as it stands in the path.
    pub person: Option<String>,
    /// The path relative to the modality's root, with `/` between its parts.
    pub path: String,
    /// The modality's name.
    pub modality: String,
    /// When the file was modified, in microseconds since 1970-01-01T00:00:00Z.
    pub modified_us: i64,
    /// Bytes.
    pub size: u64,
    /// MD5 of the content, in hexadecimal digits.
    pub md5: String,
    /// When a scan found this version, in microseconds since 1970-01-01T00:00:00Z.
    pub valid_us: i64,
    /// When a scan no longer found it; `None` while it is active.
    pub invalid_us: Option<i64>,
    /// When it was sent, as `YYYYMMDDhhmmss` in UTC; `None` while it waits.
    pub uploaded: Option<String>,
    /// The version that brought it: the folder in the central store.
    pub version: String,
}

impl FileRow {
    /// Columns that [`FileRow::read`] takes, and the tables that they come from.
    pub(super) const SELECT: &'static str = "SELECT j.FILE_ID, j.PERSON_ID, p.SRC_PATH, j.FILENAME, m.MODALITY, \
        j.SRC_MODTIME_us, j.SIZE, j.MD5, j.TIME_VALID_us, j.TIME_INVALID_us, u.UPLOAD_DT, v.VERSION \
        FROM journal_v2 j JOIN srcpaths p ON p.id = j.SRC_PATH_ID JOIN versions v ON v.id = j.VERSION_ID \
        LEFT JOIN modalities m ON m.id = j.MODALITY_ID LEFT JOIN uploads u ON u.id = j.UPLOAD_DT_ID";

    pub(super) fn read(row: &rusqlite::Row<'_>) -> rusqlite::Result<Self> {
        let folder: Option<String> = row.get(2)?;
        Ok(Self {
            id: row.get(0)?,
            person: text(row.get_ref(1)?),
            path: joined(folder.as_deref().unwrap_or_default(), &row.get::<_, String>(3)?),
            modality: row.get::<_, Option<String>>(4)?.unwrap_or_default(),
            modified_us: row.get(5)?,
            size: u64::try_from(row.get::<_, i64>(6)?).unwrap_or_default(),
            md5: row.get(7)?,
            valid_us: row.get(8)?,
            invalid_us: row.get(9)?,
            uploaded: text(row.get_ref(10)?),
            version: row.get(11)?,
        })
    }

    /// Whether the last scan found it.
    #[must_use]
    pub fn is_active(&self) -> bool {
        self.invalid_us.is_none()
    }

    /// Whether it is to be sent.
    #[must_use]
    pub fn is_waiting(&self) -> bool {
        self.is_active() && self.uploaded.is_none()
    }
}

/// Numbers are written as text: other tools keep ids of digits as integers.
fn text(value: ValueRef<'_>) -> Option<String> {
    match value {
        ValueRef::Null => None,
        ValueRef::Integer(number) => Some(number.to_string()),
        ValueRef::Real(number) => Some(number.to_string()),
        ValueRef::Text(bytes) | ValueRef::Blob(bytes) => Some(String::from_utf8_lossy(bytes).into_owned()),
    }
}

/// Folder and name of a path.
pub(super) fn split(path: &str) -> (&str, &str) {
    path.rsplit_once('/').unwrap_or((".", path))
}

/// The path of a folder and a name; `.` is the root.
pub(super) fn joined(folder: &str, name: &str) -> String {
    match folder {
        "" | "." => name.to_owned(),
        _ => format!("{folder}/{name}"),
    }
}
