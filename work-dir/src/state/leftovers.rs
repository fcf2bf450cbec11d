use std::ffi::OsStr;

use super::listing::paths_in;
use super::private;
use super::state_file::is_name;
use crate::{Error, ErrorKind, Layout};

/// Removes everything that a table's load left: pages, typed rows, test results, pages of the report, logs.
pub(crate) fn remove_all(layout: &Layout, table: &str) -> Result<(), Error> {
    if !is_name(table) {
        return Err(Error::new(ErrorKind::Name, layout.root()));
    }
    remove_batches(layout, table, 0)?;
    let own = [
        layout.table_outputs(table),
        layout.profile(table),
        layout.test_log(table),
        layout.process_log(table),
    ];
    own.iter()
        .try_for_each(|path| private::remove(path).map_err(|e| Error::file(path, e)))
}

/// Removes pages and typed rows of a table's batches from this number on.
pub(crate) fn remove_batches(layout: &Layout, table: &str, from: u32) -> Result<(), Error> {
    for directory in [layout.spools(), layout.final_signals()] {
        for path in paths_in(&directory).map_err(|e| Error::file(&directory, e))? {
            let name = path.file_name().and_then(OsStr::to_str);
            if name
                .and_then(|name| batch_of(name, table))
                .is_some_and(|batch| batch >= from)
            {
                private::remove(&path).map_err(|e| Error::file(&path, e))?;
            }
        }
    }
    Ok(())
}

/// The batch of a file such as `TABLE.3`, `TABLE.3.parquet` or `TABLE.3.parquet.part`; the original system also writes
/// `TABLE` alone.
fn batch_of(name: &str, table: &str) -> Option<u32> {
    let rest = name.strip_prefix(table)?;
    if rest.is_empty() {
        return Some(0);
    }
    rest.strip_prefix('.')?.split('.').next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_of_other_tables_are_kept() {
        let cases = [
            ("observation.3", Some(3)),
            ("observation.3.parquet", Some(3)),
            ("observation.12.parquet.part", Some(12)),
            ("observation", Some(0)),
            ("observation_extra.3", None),
            ("ID2NR", None),
        ];
        for (name, batch) in cases {
            assert_eq!(batch_of(name, "observation"), batch, "{name}");
        }
    }
}
