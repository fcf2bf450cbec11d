//! Parquet tables: the same looks as at CSV, at columns that nest as well.

use std::panic::{AssertUnwindSafe, catch_unwind};

use ::parquet::errors::ParquetError;
use ::parquet::file::reader::{FileReader, SerializedFileReader};
use ::parquet::record::{Field, Row};

use super::table::{identifier, is_small};
use super::{Finding, Rules, words};

/// Bytes of texts beside the columns, at most: more could be rows that nobody sees.
const BESIDE: usize = 64 << 10;
/// How often larger than the file's most bytes its rows may be.
const UNPACKED: u64 = 16;

/// Looks at a table: its rows, names of identifiers among its columns and cells, small counts.
pub(super) fn examine(bytes: &[u8], rules: &Rules) -> Finding {
    let held = |why: &str| Finding {
        held: Some(why.to_owned()),
        ..Finding::default()
    };
    // What a job wrote may be anything; a reader that gives up over it is no reason to end with it.
    let looked = catch_unwind(AssertUnwindSafe(|| look(bytes, rules)));
    match looked {
        Ok(Ok(finding)) => finding,
        Ok(Err(_)) | Err(_) => held("it cannot be read as Parquet"),
    }
}

fn look(bytes: &[u8], rules: &Rules) -> Result<Finding, ParquetError> {
    let reader = SerializedFileReader::new(bytes::Bytes::copy_from_slice(bytes))?;
    let metadata = reader.metadata();
    let file = metadata.file_metadata();
    let schema = file.schema_descr();
    let rows = u64::try_from(file.num_rows()).unwrap_or(u64::MAX);
    let mut finding = Finding {
        rows: Some(rows),
        columns: Some(file.schema().get_fields().len() as u64),
        ..Finding::default()
    };
    let hold = |finding: &mut Finding, why: String| {
        finding.held.get_or_insert(why);
    };
    let parts = schema
        .columns()
        .iter()
        .flat_map(|column| column.path().parts().to_vec());
    let parts: Vec<String> = parts.collect();
    if let Some(name) = identifier(&parts, rules) {
        hold(&mut finding, format!("it has the column {name}"));
    }
    let beside = file.key_value_metadata().into_iter().flatten();
    let texts: Vec<&str> = beside
        .flat_map(|pair| [Some(pair.key.as_str()), pair.value.as_deref()])
        .flatten()
        .collect();
    if texts.iter().map(|text| text.len()).sum::<usize>() > BESIDE {
        hold(
            &mut finding,
            "it carries more beside its columns than a description".to_owned(),
        );
    }
    if let Some(name) = texts
        .iter()
        .find_map(|text| words::identifier(text.as_bytes(), rules))
    {
        hold(
            &mut finding,
            format!("what it carries beside its columns names the identifier {name}"),
        );
    }
    if rows > rules.most_rows {
        hold(
            &mut finding,
            format!("it has {rows} rows, the most are {}", rules.most_rows),
        );
    }
    let groups = metadata.row_groups().iter();
    let unpacked: u64 = groups
        .map(|group| u64::try_from(group.total_byte_size()).unwrap_or(u64::MAX))
        .fold(0, u64::saturating_add);
    if unpacked > rules.most_bytes.saturating_mul(UNPACKED) {
        hold(&mut finding, format!("its rows are {unpacked} bytes"));
    }
    if finding.held.is_some() {
        return Ok(finding);
    }
    let mut seen = 0;
    for row in reader.get_row_iter(None)? {
        seen += 1;
        let mut cells = Vec::new();
        texts_of(&row?, &mut cells);
        if let Some(name) = identifier(&cells, rules) {
            hold(
                &mut finding,
                format!("a cell of it is {name}, the name of an identifier"),
            );
        }
        finding.small_cells += cells.iter().filter(|cell| is_small(cell, rules)).count() as u64;
        if seen > rules.most_rows {
            hold(&mut finding, format!("it has more than {} rows", rules.most_rows));
            break;
        }
    }
    if seen != rows {
        hold(&mut finding, "it has other rows than it says".to_owned());
    }
    Ok(finding)
}

/// The cells of a row as text, those inside of others as well.
fn texts_of(row: &Row, cells: &mut Vec<String>) {
    row.get_column_iter().for_each(|(_, field)| text_of(field, cells));
}

fn text_of(field: &Field, cells: &mut Vec<String>) {
    match field {
        Field::Null | Field::Bool(_) => {}
        Field::Str(text) => cells.push(text.clone()),
        Field::Group(row) => texts_of(row, cells),
        Field::ListInternal(list) => list.elements().iter().for_each(|field| text_of(field, cells)),
        Field::MapInternal(map) => map.entries().iter().for_each(|(key, value)| {
            text_of(key, cells);
            text_of(value, cells);
        }),
        other => cells.push(other.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use ::parquet::basic::{Compression, ZstdLevel};
    use ::parquet::data_type::{ByteArray, ByteArrayType, Int64Type};
    use ::parquet::file::metadata::KeyValue;
    use ::parquet::file::properties::WriterProperties;
    use ::parquet::file::writer::SerializedFileWriter;
    use ::parquet::schema::parser::parse_message_type;

    use super::*;

    /// A table of a text and a whole number.
    fn table(names: [&str; 2], rows: &[(&str, i64)], properties: WriterProperties) -> Vec<u8> {
        let schema = format!(
            "message t {{ required binary {} (UTF8); required int64 {}; }}",
            names[0], names[1]
        );
        let schema = Arc::new(parse_message_type(&schema).expect("a schema"));
        let mut bytes = Vec::new();
        let mut writer =
            SerializedFileWriter::new(&mut bytes, schema, Arc::new(properties)).expect("a writer");
        let mut group = writer.next_row_group().expect("a group");
        let mut column = group.next_column().expect("no fault").expect("a column");
        let texts: Vec<ByteArray> = rows.iter().map(|(text, _)| ByteArray::from(*text)).collect();
        column
            .typed::<ByteArrayType>()
            .write_batch(&texts, None, None)
            .expect("written");
        column.close().expect("closed");
        let mut column = group.next_column().expect("no fault").expect("a column");
        let numbers: Vec<i64> = rows.iter().map(|(_, number)| *number).collect();
        column
            .typed::<Int64Type>()
            .write_batch(&numbers, None, None)
            .expect("written");
        column.close().expect("closed");
        group.close().expect("closed");
        writer.close().expect("closed");
        bytes
    }

    fn found(names: [&str; 2], rows: &[(&str, i64)]) -> Finding {
        let properties = WriterProperties::builder().set_compression(Compression::ZSTD(ZstdLevel::default()));
        examine(&table(names, rows, properties.build()), &Rules::default())
    }

    #[test]
    fn tables_are_looked_at_as_csv_is() {
        let good = found(["sex", "n"], &[("f", 20), ("m", 3), ("d", 1), ("u", 5)]);
        assert_eq!(
            good,
            Finding {
                held: None,
                rows: Some(4),
                columns: Some(2),
                small_cells: 2
            }
        );
        let held = |finding: Finding| finding.held.unwrap_or_default();
        assert_eq!(
            held(found(["Patient_ID", "n"], &[("f", 20)])),
            "it has the column patient_id"
        );
        assert!(held(found(["sex", "n"], &[("patient_id", 20)])).contains("a cell of it is patient_id"));
        let many = vec![("f", 9); 5001];
        assert_eq!(
            held(found(["sex", "n"], &many)),
            "it has 5001 rows, the most are 5000"
        );
        assert_eq!(found(["sex", "n"], &many[..5000]).held, None);
    }

    #[test]
    fn what_lies_beside_the_columns_is_looked_at() {
        let with = |value: String| {
            let pair = KeyValue::new("note".to_owned(), value);
            let properties = WriterProperties::builder()
                .set_key_value_metadata(Some(vec![pair]))
                .build();
            examine(&table(["sex", "n"], &[("f", 20)], properties), &Rules::default())
                .held
                .unwrap_or_default()
        };
        assert!(with("from the column pat_id".to_owned()).contains("names the identifier pat_id"));
        assert!(with("x".repeat(100_000)).contains("more beside its columns"));
        assert_eq!(with("a note".to_owned()), "");
    }

    #[test]
    fn broken_and_false_files_are_held() {
        let bytes = table(
            ["sex", "n"],
            &[("f", 20), ("m", 30)],
            WriterProperties::builder().build(),
        );
        let rules = Rules::default();
        for cut in [0, 4, 10, bytes.len() / 2, bytes.len() - 1] {
            assert!(examine(&bytes[..cut], &rules).held.is_some(), "{cut}");
        }
        for at in 0..bytes.len() {
            let mut other = bytes.clone();
            other[at] ^= 0x55;
            // Whatever it finds: it comes back.
            let _ = examine(&other, &rules);
        }
    }
}
