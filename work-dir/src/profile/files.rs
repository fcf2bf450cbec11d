use std::path::PathBuf;

use crate::{Error, Layout};

/// The files of typed rows in a run's directory, ordered by table and batch, as they were when they were listed.
#[derive(Clone, Debug)]
pub(crate) struct Files(Vec<TypedFile>);

/// One of them.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct TypedFile {
    /// The table, in lower case.
    pub(crate) table: String,
    /// Number of the batch, counted from 0.
    pub(crate) batch: u32,
    pub(crate) path: PathBuf,
}

impl Files {
    /// Lists the files. Text files of the original system count only where a table has no Parquet.
    pub(crate) fn list(layout: &Layout) -> Result<Self, Error> {
        let directory = layout.final_signals();
        let failed = |e| Error::file(&directory, e);
        let parquet = layout.batch_files().map_err(failed)?.into_iter();
        let mut found: Vec<TypedFile> = parquet
            .map(|file| TypedFile {
                table: file.table,
                batch: file.batch,
                path: file.path,
            })
            .collect();
        let entries = match std::fs::read_dir(&directory) {
            Ok(entries) => entries,
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(Self(found)),
            Err(e) => return Err(failed(e)),
        };
        let mut texts = Vec::new();
        for entry in entries {
            let path = entry.map_err(failed)?.path();
            let Some(name) = path.file_name().and_then(|name| name.to_str()) else {
                continue;
            };
            if let Some((table, batch)) = name.rsplit_once('.')
                && let Ok(batch) = batch.parse()
                && found
                    .binary_search_by(|file| file.table.as_str().cmp(table))
                    .is_err()
            {
                let table = table.to_owned();
                texts.push(TypedFile { table, batch, path });
            }
        }
        found.extend(texts);
        found.sort();
        Ok(Self(found))
    }

    /// The tables, by name.
    pub(crate) fn tables(&self) -> Vec<String> {
        let mut tables: Vec<String> = self.0.iter().map(|file| file.table.clone()).collect();
        tables.dedup();
        tables
    }

    /// The files of a table, by batch.
    pub(crate) fn of(&self, table: &str) -> &[TypedFile] {
        let begin = self.0.partition_point(|file| file.table.as_str() < table);
        let end = self.0.partition_point(|file| file.table.as_str() <= table);
        &self.0[begin..end]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_counts_where_a_table_has_no_parquet() {
        let directory = tempfile::tempdir().unwrap();
        let layout = Layout::new(directory.path());
        assert!(Files::list(&layout).unwrap().tables().is_empty());
        std::fs::create_dir(layout.final_signals()).unwrap();
        for name in [
            "a.0.parquet",
            "a.10.parquet",
            "a.2.parquet",
            "a.2",
            "b.1",
            "b.0",
            "ID2NR",
            "b.x",
        ] {
            std::fs::write(layout.final_signals().join(name), "").unwrap();
        }
        let files = Files::list(&layout).unwrap();
        assert_eq!(files.tables(), ["a", "b"]);
        let batches = |table| files.of(table).iter().map(|file| file.batch).collect::<Vec<_>>();
        assert_eq!(
            (batches("a"), batches("b"), batches("c")),
            (vec![0, 2, 10], vec![0, 1], vec![])
        );
        assert!(files.of("a").iter().all(|file| file.path.extension().is_some()));
    }
}
