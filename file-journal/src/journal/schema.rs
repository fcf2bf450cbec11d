//! The tables of a journal: the second layout, which the tools of the field open, and the first, which is converted.

use rusqlite::Connection;

/// The tables of the second layout. Statements and names are the contract with other tools: nothing is added to them.
pub(super) const TABLES: &str = "
CREATE TABLE command_history_v2 (COMMAND_ID INTEGER PRIMARY KEY AUTOINCREMENT, DATETIME TEXT NOT NULL, \
COMMON_PARAMS TEXT NOT NULL, COMMAND TEXT NOT NULL, PARAMS TEXT , SRC_PATHS TEXT , DEST_PATH TEXT , Duration REAL );
CREATE TABLE srcpaths (id INTEGER PRIMARY KEY AUTOINCREMENT, SRC_PATH TEXT UNIQUE);
CREATE INDEX srcpaths_idx ON srcpaths (SRC_PATH);
CREATE TABLE modalities (id INTEGER PRIMARY KEY AUTOINCREMENT, MODALITY TEXT UNIQUE);
CREATE INDEX modalities_idx ON modalities (MODALITY);
CREATE TABLE versions (id INTEGER PRIMARY KEY AUTOINCREMENT, VERSION TEXT UNIQUE);
CREATE INDEX versions_idx ON versions (VERSION);
CREATE TABLE uploads (id INTEGER PRIMARY KEY AUTOINCREMENT, UPLOAD_DT TEXT UNIQUE);
CREATE INDEX uploads_idx ON uploads (UPLOAD_DT);
CREATE TABLE journal_v2 (FILE_ID INTEGER PRIMARY KEY AUTOINCREMENT, PERSON_ID INTEGER , SRC_PATH_ID INTEGER NOT NULL, \
FILENAME TEXT NOT NULL, MODALITY_ID INTEGER , SRC_MODTIME_us INTEGER NOT NULL, SIZE INTEGER NOT NULL, MD5 TEXT NOT NULL, \
TIME_VALID_us INTEGER NOT NULL, TIME_INVALID_us INTEGER , UPLOAD_DT_ID INTEGER , VERSION_ID INTEGER NOT NULL, \
FOREIGN KEY (SRC_PATH_ID) REFERENCES srcpaths(id) ON UPDATE RESTRICT ON DELETE RESTRICT, \
FOREIGN KEY (MODALITY_ID) REFERENCES modalities(id) ON UPDATE RESTRICT ON DELETE RESTRICT, \
FOREIGN KEY (UPLOAD_DT_ID) REFERENCES uploads(id) ON UPDATE RESTRICT ON DELETE RESTRICT, \
FOREIGN KEY (VERSION_ID) REFERENCES versions(id) ON UPDATE RESTRICT ON DELETE RESTRICT);
";

/// Makes rows of the second layout of those of the first. The state of a row is not kept: it follows from its times.
pub(super) const UPGRADE: &str = "
INSERT OR IGNORE INTO modalities (MODALITY) SELECT DISTINCT MODALITY FROM journal WHERE MODALITY IS NOT NULL;
INSERT OR IGNORE INTO versions (VERSION) SELECT DISTINCT coalesce(VERSION, UPLOAD_DTSTR, '0') FROM journal;
INSERT OR IGNORE INTO uploads (UPLOAD_DT) SELECT DISTINCT UPLOAD_DTSTR FROM journal WHERE UPLOAD_DTSTR IS NOT NULL;
INSERT OR IGNORE INTO srcpaths (SRC_PATH) SELECT DISTINCT path_folder(FILEPATH) FROM journal;
INSERT INTO journal_v2 (FILE_ID, PERSON_ID, SRC_PATH_ID, FILENAME, MODALITY_ID, SRC_MODTIME_us, SIZE, MD5, TIME_VALID_us,
  TIME_INVALID_us, UPLOAD_DT_ID, VERSION_ID)
SELECT j.FILE_ID, j.PERSON_ID, p.id, path_name(j.FILEPATH), m.id, coalesce(j.SRC_MODTIME_us, 0), coalesce(j.SIZE, 0),
  coalesce(j.MD5, ''), coalesce(j.TIME_VALID_us, 0), j.TIME_INVALID_us, u.id, v.id
FROM journal j
JOIN srcpaths p ON p.SRC_PATH = path_folder(j.FILEPATH)
JOIN versions v ON v.VERSION = coalesce(j.VERSION, j.UPLOAD_DTSTR, '0')
LEFT JOIN modalities m ON m.MODALITY = j.MODALITY
LEFT JOIN uploads u ON u.UPLOAD_DT = j.UPLOAD_DTSTR
WHERE j.FILEPATH IS NOT NULL
ORDER BY j.FILE_ID;
";

/// What a database file holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Found {
    /// The second layout.
    Second,
    /// The first layout: one wide table.
    First,
    /// No table at all.
    Nothing,
    /// Tables of something else.
    Other,
}

/// Looks which layout a database has.
pub(super) fn found(database: &Connection) -> rusqlite::Result<Found> {
    let has = |name: &str| -> rusqlite::Result<bool> {
        database.query_row(
            "SELECT EXISTS (SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = ?1)",
            [name],
            |row| row.get(0),
        )
    };
    let tables: i64 = database.query_row(
        "SELECT count(*) FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'",
        [],
        |row| row.get(0),
    )?;
    Ok(match (has("journal_v2")?, has("journal")?, tables) {
        (true, ..) => Found::Second,
        (false, true, _) => Found::First,
        (false, false, 0) => Found::Nothing,
        _ => Found::Other,
    })
}
