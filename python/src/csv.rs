use arrow_array::cast::AsArray;
use arrow_array::types::{
    Date32Type, Decimal128Type, Float64Type, Int32Type, Int64Type, Time64MicrosecondType,
    TimestampMicrosecondType,
};
use arrow_array::{Array, RecordBatch};
use arrow_schema::{DataType, Schema};
use table_description::typing::{Value, write_sql};

/// Appends the line of names.
pub(crate) fn header(schema: &Schema, quote_all: bool, out: &mut Vec<u8>) {
    for (number, field) in schema.fields().iter().enumerate() {
        if number > 0 {
            out.push(b',');
        }
        cell(field.name(), quote_all, out);
    }
    out.push(b'\n');
}

/// Appends the rows of a batch.
pub(crate) fn rows(batch: &RecordBatch, quote_all: bool, out: &mut Vec<u8>) {
    for row in 0..batch.num_rows() {
        for (number, column) in batch.columns().iter().enumerate() {
            if number > 0 {
                out.push(b',');
            }
            if column.is_null(row) {
                continue;
            }
            match value(column, row) {
                Some(value) => write_sql(&value, out),
                None => {
                    if let Some(text) = text(column, row) {
                        cell(&text, quote_all, out);
                    }
                }
            }
        }
        out.push(b'\n');
    }
}

fn cell(text: &str, quote_all: bool, out: &mut Vec<u8>) {
    let bytes = text.as_bytes();
    let special = |byte: &u8| matches!(byte, b',' | b'"' | b'\n' | b'\r');
    if !quote_all && !bytes.is_empty() && !bytes.iter().any(special) {
        out.extend_from_slice(bytes);
        return;
    }
    out.push(b'"');
    for &byte in bytes {
        if byte == b'"' {
            out.push(b'"');
        }
        out.push(byte);
    }
    out.push(b'"');
}

/// A cell that is no text.
fn value(array: &dyn Array, row: usize) -> Option<Value<'static>> {
    Some(match array.data_type() {
        DataType::Boolean => Value::Boolean(array.as_boolean().value(row)),
        DataType::Int32 => Value::Integer(array.as_primitive::<Int32Type>().value(row)),
        DataType::Float64 => Value::Decimal(array.as_primitive::<Float64Type>().value(row)),
        DataType::Date32 => Value::Date(array.as_primitive::<Date32Type>().value(row)),
        DataType::Timestamp(..) => {
            Value::DateTime(array.as_primitive::<TimestampMicrosecondType>().value(row))
        }
        DataType::Time64(_) => Value::Time(array.as_primitive::<Time64MicrosecondType>().value(row)),
        _ => return None,
    })
}

/// A cell as text; `None` for NULL.
pub(crate) fn text(array: &dyn Array, row: usize) -> Option<String> {
    if array.is_null(row) {
        return None;
    }
    if let Some(value) = value(array, row) {
        let mut out = Vec::new();
        write_sql(&value, &mut out);
        return String::from_utf8(out).ok();
    }
    match array.data_type() {
        DataType::Dictionary(..) => {
            let dictionary = array.as_dictionary_opt::<Int32Type>()?;
            let key = dictionary.keys().value(row);
            text(dictionary.values(), usize::try_from(key).ok()?)
        }
        DataType::Int64 => Some(array.as_primitive::<Int64Type>().value(row).to_string()),
        DataType::Decimal128(..) => Some(array.as_primitive::<Decimal128Type>().value_as_string(row)),
        DataType::List(_) => {
            let items = array.as_list::<i32>().value(row);
            let texts: Vec<serde_json::Value> = (0..items.len()).map(|at| text(&items, at).into()).collect();
            Some(serde_json::Value::from(texts).to_string())
        }
        _ => crate::table::text_of(array, row).map(str::to_owned),
    }
}
