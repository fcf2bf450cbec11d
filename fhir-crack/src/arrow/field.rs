use std::collections::HashMap;

use arrow_schema::{DataType, Field, Schema};
use table_description::{Column, TableDescription};

/// Key of a field's metadata with the path of the element, such as `name/given`.
pub const FIELD_PATH: &str = "fhir.path";
/// Key of a field's metadata with the type the description gives the column, such as `datetime`.
pub const FIELD_TYPE: &str = "fhir.type";
/// Key of a schema's metadata with the type of the resources, such as `Patient`.
pub const SCHEMA_RESOURCE: &str = "fhir.resource";
/// Key of a schema's metadata with the name of the table.
pub const SCHEMA_TABLE: &str = "fhir.table";

/// The field of a column, which knows the path and the type of its element.
#[must_use]
pub fn field(column: &Column, data_type: DataType) -> Field {
    let metadata = [
        (FIELD_PATH, column.path().as_str()),
        (FIELD_TYPE, column.fhir_type.as_str()),
    ];
    Field::new(&column.name, data_type, true).with_metadata(owned(&metadata))
}

/// The schema of a table with these fields, which knows the type of the resources.
#[must_use]
pub fn schema(table: &TableDescription, fields: Vec<Field>) -> Schema {
    let mut metadata = vec![(SCHEMA_TABLE, table.name.as_str())];
    if let Some(resource) = &table.resource {
        metadata.push((SCHEMA_RESOURCE, resource));
    }
    Schema::new(fields).with_metadata(owned(&metadata))
}

fn owned(pairs: &[(&str, &str)]) -> HashMap<String, String> {
    let pairs = pairs
        .iter()
        .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()));
    pairs.collect()
}
