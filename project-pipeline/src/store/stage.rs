use std::fs::File;
use std::io::{self, Read, Seek, Write};
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::time::{Duration, SystemTime};

use sha2::{Digest, Sha256};

use super::SafeDir;
use super::disclosure::{self, Finding, Rules};
use crate::Level;

/// A private copy of an output; what was checked is what is stored.
#[derive(Debug)]
pub(crate) struct Staged {
    pub(crate) path: String,
    pub(crate) level: Level,
    /// Its name in the staging folder.
    pub(crate) name: String,
    pub(crate) size: u64,
    /// SHA-256 in hexadecimal.
    pub(crate) digest: String,
    pub(crate) finding: Finding,
}

/// How long a file must have been left alone before it counts as finished.
const REST: Duration = Duration::from_millis(60);

/// Copies one file of a job into the staging folder and checks the copy; the error says why it is no output.
pub(crate) fn stage(
    folder: &SafeDir,
    path: &str,
    level: Level,
    staging: &Path,
    name: String,
    rules: &Rules,
) -> io::Result<Result<Staged, String>> {
    let mut file = match folder.file(path) {
        Ok(Some(file)) => file,
        Ok(None) => return Ok(Err("it went away while it was read".to_owned())),
        Err(_) => return Ok(Err("it is no regular file".to_owned())),
    };
    let before = file.metadata()?;
    if before.nlink() != 1 {
        return Ok(Err(
            "it has another name too (a hard link), perhaps outside of the job".to_owned(),
        ));
    }
    let area = SafeDir::open(staging)?;
    let _ = area.remove(&name);
    let mut copy = area.new_file(&name, 0o600)?;
    let (size, digest) = copy_hashed(&mut file, &mut copy)?;
    copy.sync_all()?;
    if let Ok(age) = SystemTime::now().duration_since(before.modified()?) {
        std::thread::sleep(REST.saturating_sub(age));
    }
    if changed(&mut file, &before, size, &digest)? {
        area.remove(&name)?;
        return Ok(Err(
            "it changed while it was read; a process of the job was still writing".to_owned(),
        ));
    }
    let finding = if level == Level::ModeratelySensitive {
        disclosure::examine(path, size, || std::fs::read(staging.join(&name)), rules)?
    } else {
        Finding::default()
    };
    Ok(Ok(Staged {
        path: path.to_owned(),
        level,
        name,
        size,
        digest,
        finding,
    }))
}

fn changed(file: &mut File, before: &std::fs::Metadata, size: u64, digest: &str) -> io::Result<bool> {
    let now = file.metadata()?;
    let marks = |m: &std::fs::Metadata| {
        (
            m.size(),
            m.mtime(),
            m.mtime_nsec(),
            m.ctime(),
            m.ctime_nsec(),
            m.nlink(),
        )
    };
    if marks(&now) != marks(before) || now.size() != size {
        return Ok(true);
    }
    if now
        .modified()?
        .elapsed()
        .is_ok_and(|age| age > Duration::from_secs(2))
    {
        return Ok(false);
    }
    // A clock of few ticks may hide a write: read again what was written just now.
    file.rewind()?;
    let (_, again) = copy_hashed(file, &mut io::sink())?;
    Ok(again != digest)
}

/// Copies all of a file; gives its size in bytes and its SHA-256.
pub(crate) fn copy_hashed(from: &mut impl Read, to: &mut impl Write) -> io::Result<(u64, String)> {
    let mut hasher = Sha256::new();
    let mut buffer = vec![0; 128 * 1024];
    let mut size = 0;
    loop {
        let count = from.read(&mut buffer)?;
        if count == 0 {
            return Ok((size, hex(&hasher.finalize())));
        }
        hasher.update(&buffer[..count]);
        to.write_all(&buffer[..count])?;
        size += count as u64;
    }
}

/// Lower-case hexadecimal.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
