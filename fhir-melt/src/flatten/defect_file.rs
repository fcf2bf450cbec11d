use std::io::Write;

use table_description::Defect;

use super::Open;
use crate::error::{Error, ErrorKind};
use crate::write::write_csv_line;

/// The file of defects, which exists if there are any.
#[derive(Default)]
pub(super) struct DefectFile {
    sink: Option<Box<dyn Write + Send>>,
    count: u64,
}

impl DefectFile {
    pub(super) fn write(&mut self, defects: &[Defect], open: &mut Open) -> Result<(), Error> {
        if defects.is_empty() {
            return Ok(());
        }
        self.count += defects.len() as u64;
        let mut text = Vec::new();
        let sink = match &mut self.sink {
            Some(sink) => sink,
            None => {
                text.extend_from_slice(b"table,resource_id,column,index,kind\n");
                self.sink.insert(open("defects.csv").map_err(failed)?)
            }
        };
        for defect in defects {
            let index = defect.index_text();
            let cells = [
                Some(defect.table.name.as_str()),
                defect.resource_id.as_deref(),
                Some(defect.column_name()),
                Some(index.as_str()),
                Some(defect.kind.as_str()),
            ];
            write_csv_line(cells.map(|cell| cell.filter(|cell| !cell.is_empty())), &mut text);
        }
        sink.write_all(&text).map_err(failed)
    }

    /// How many defects there are.
    pub(super) fn finish(self) -> Result<u64, Error> {
        self.sink
            .map_or(Ok(()), |mut sink| sink.flush())
            .map_err(failed)?;
        Ok(self.count)
    }
}

fn failed(error: std::io::Error) -> Error {
    Error::caused(ErrorKind::Write, error)
}
