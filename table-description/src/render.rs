//! A description as the rows of its sheet.

use crate::{
    Column, Description, TableDescription,
    cells::{joined_by_rule, melt_text},
    sheet::{Row, Sheet},
};

/// The sheet the toolchain's readers look for.
pub(crate) const SHEET: &str = "table_description";

/// The header stands in row 6 below four lines of text, where readers of the workbooks expect it.
const HEADER_ROW: usize = 6;

const HINT: [&str; 4] = [
    "Hint",
    "A program wrote this list of columns from a definition; the next run overwrites what is changed here.",
    "Tables and columns are added and removed in the definition, which is then expanded again",
    "with \"cds2db describe expand\".",
];

/// A column of the sheet: its header, what it says of a column, and whether it stands there although nothing is said.
struct Field {
    header: &'static str,
    text: fn(&Description, &TableDescription, &Column) -> String,
    always: bool,
}

const FIELDS: [Field; 7] = [
    Field {
        header: "COLUMN_NAME",
        text: |_, _, column| column.name.clone(),
        always: true,
    },
    Field {
        header: "FHIR_EXPRESSION",
        text: |_, _, column| column.path().to_string(),
        always: true,
    },
    Field {
        header: "REFERENCE_TYPES",
        text: |_, _, column| column.reference_targets.join(", "),
        always: true,
    },
    Field {
        header: "FHIR_TYPE",
        // The empty cell is a string, and the workbooks leave it empty.
        text: |_, _, column| match column.fhir_type {
            crate::FhirType::String => String::new(),
            other => other.to_string(),
        },
        always: true,
    },
    Field {
        header: "FHIR_ID_COLUMN_NAME",
        text: |_, table, column| match column.reference_targets.as_slice() {
            [] => String::new(),
            _ => table.prefixed("id"),
        },
        always: true,
    },
    Field {
        header: "REFERENCE_ID_COLUMN_NAME",
        text: |description, _, column| {
            let targets = column.reference_targets.iter();
            let ids: Vec<String> = targets
                .filter_map(|target| Some(description.resource(target)?.prefixed("id")))
                .collect();
            ids.join(", ")
        },
        always: true,
    },
    Field {
        header: "JOINED",
        text: |_, _, column| match (column.joined, joined_by_rule(column.path().as_str())) {
            (true, false) => "yes".to_owned(),
            (false, true) => "no".to_owned(),
            _ => String::new(),
        },
        always: false,
    },
];

impl Description {
    /// The sheet's rows with the numbers they have in the file; a blank row stands before every table but the first.
    pub(crate) fn sheet(&self) -> Sheet {
        let columns = || {
            self.tables
                .iter()
                .flat_map(|table| table.columns.iter().map(move |column| (table, column)))
        };
        let described = columns().any(|(_, column)| !column.description.is_empty());
        let melted = self.tables.iter().any(|table| !melt_text(&table.melt).is_empty());
        let prefixed = self
            .tables
            .iter()
            .any(|table| table.prefix != table.common_prefix());
        let fields: Vec<&Field> = FIELDS
            .iter()
            .filter(|field| field.always || columns().any(|(t, c)| !(field.text)(self, t, c).is_empty()))
            .collect();

        let mut header = vec!["RESOURCE".to_owned()];
        header.extend(fields.iter().map(|field| field.header.to_owned()));
        header.extend(described.then(|| "COLUMN_DESCRIPTION".to_owned()));
        header.extend(melted.then(|| "MELT".to_owned()));
        header.extend(prefixed.then(|| "RESOURCE_PREFIX".to_owned()));
        let hint = HINT.iter().zip(1..).map(|(line, number)| Row {
            number,
            cells: vec![(*line).to_owned()],
            ..Row::default()
        });
        let mut rows: Vec<Row> = hint.collect();
        rows.push(Row {
            number: HEADER_ROW,
            cells: header,
            ..Row::default()
        });

        let mut number = HEADER_ROW;
        for (position, table) in self.tables.iter().enumerate() {
            number += usize::from(position > 0);
            for (position, column) in table.columns.iter().enumerate() {
                number += 1;
                let first = position == 0;
                // What is said of the table stands in its first row.
                let of_table = |text: &str| if first { text.to_owned() } else { String::new() };
                let mut cells = vec![of_table(table.resource.as_deref().unwrap_or(&table.name))];
                cells.extend(fields.iter().map(|field| (field.text)(self, table, column)));
                cells.extend(described.then(|| column.description.clone()));
                cells.extend(melted.then(|| of_table(&melt_text(&table.melt))));
                cells.extend(prefixed.then(|| of_table(&table.prefix)));
                rows.push(Row {
                    number,
                    cells,
                    ..Row::default()
                });
            }
        }
        Sheet::new(SHEET, rows)
    }
}
