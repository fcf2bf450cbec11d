use crate::state::layout::{BatchFile, batch_name};
use crate::state::listing::paths_in;
use crate::{Error, Layout};

/// The files of typed rows in a run's directory, ordered by table and batch, as they were when they were listed.
#[derive(Clone, Debug)]
pub(crate) struct Files(Vec<BatchFile>);

impl Files {
    /// Lists the files. Text files of the original system count only where a table has no Parquet.
    pub(crate) fn list(layout: &Layout) -> Result<Self, Error> {
        let directory = layout.final_signals();
        let failed = |e| Error::file(&directory, e);
        let mut found = layout.batch_files().map_err(failed)?;
        let mut texts = Vec::new();
        for path in paths_in(&directory).map_err(failed)? {
            let name = path.file_name().and_then(|name| name.to_str());
            if let Some((table, batch)) = name.and_then(batch_name)
                && found
                    .binary_search_by(|file| file.table.as_str().cmp(table))
                    .is_err()
            {
                let table = table.to_owned();
                texts.push(BatchFile { table, batch, path });
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
    pub(crate) fn of(&self, table: &str) -> &[BatchFile] {
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
