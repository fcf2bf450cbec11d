use std::io::{self, Write};

use super::{Layout, SafeDir, Staged};
use crate::Level;

/// What becomes of a staged file.
pub(crate) struct Effective {
    /// The most protected level that any action gives the path.
    pub(crate) level: Level,
    /// Why it is not in `level4` although its own action makes it moderately sensitive.
    pub(crate) held: Option<String>,
    /// The path of the note that says so.
    pub(crate) note: Option<String>,
}

const PRIVATE: u32 = 0o700;
const SHARED: u32 = 0o750;

/// Moves a staged file into `level3`, and a copy of it into `level4` if it may be there; leaves a note if it may not.
pub(crate) fn publish(layout: &Layout, staged: &Staged, effective: &Effective) -> io::Result<()> {
    let staging = SafeDir::open(&layout.staging())?;
    let level3 = SafeDir::create(&layout.level3(), PRIVATE)?;
    let level4 = SafeDir::create(&layout.level4(), SHARED)?;
    let passes = effective.level == Level::ModeratelySensitive && effective.held.is_none();
    if !passes {
        level4.remove(&staged.path)?;
    }
    if let (Some(why), Some(note)) = (&effective.held, &effective.note) {
        put(
            &staging,
            &level4,
            note,
            &format!("{} is not here: {why}.\n", staged.path),
        )?;
    }
    if passes {
        let name = format!("{}.4", staged.name);
        let mut from = staging
            .file(&staged.name)?
            .ok_or_else(|| io::Error::from(io::ErrorKind::NotFound))?;
        let _ = staging.remove(&name);
        let mut copy = staging.new_file(&name, 0o640)?;
        io::copy(&mut from, &mut copy)?;
        copy.sync_all()?;
        level4.take(&staging, &name, &staged.path, SHARED)?;
    }
    level3.take(&staging, &staged.name, &staged.path, PRIVATE)
}

/// Leaves a note in `level4` about something that is in no store.
pub(crate) fn note(layout: &Layout, path: &str, note: &str, why: &str) -> io::Result<()> {
    let staging = SafeDir::open(&layout.staging())?;
    let level4 = SafeDir::create(&layout.level4(), SHARED)?;
    level4.remove(path)?;
    put(&staging, &level4, note, &format!("{path} is not here: {why}.\n"))
}

fn put(staging: &SafeDir, store: &SafeDir, path: &str, text: &str) -> io::Result<()> {
    let name = "note";
    let _ = staging.remove(name);
    let mut file = staging.new_file(name, 0o640)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    store.take(staging, name, path, SHARED)
}

/// Removes a path from both stores, with its note.
pub(crate) fn withdraw(layout: &Layout, path: &str, note: Option<&str>) -> io::Result<()> {
    let level3 = SafeDir::create(&layout.level3(), PRIVATE)?;
    let level4 = SafeDir::create(&layout.level4(), SHARED)?;
    level3.remove(path)?;
    level4.remove(path)?;
    if let Some(note) = note {
        level4.remove(note)?;
    }
    Ok(())
}

/// Removes only what `level4` has of a path: it became more protected, or its note is no longer true.
pub(crate) fn withdraw_from_level4(layout: &Layout, path: &str) -> io::Result<()> {
    SafeDir::create(&layout.level4(), SHARED)?.remove(path)
}
