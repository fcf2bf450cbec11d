//! SQL names and types of tables and columns.

use crate::{FhirType, TableDescription};

/// PostgreSQL cuts longer identifiers off silently.
pub const MAX_IDENTIFIER_BYTES: usize = 63;

/// An identifier in double quotes, with inner quotes doubled; safe for any name.
#[must_use]
pub fn quote_identifier(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

impl FhirType {
    /// The type of a typed table's column. Raw tables hold `varchar` only.
    #[must_use]
    pub fn sql_type(self) -> &'static str {
        match self {
            Self::String => "varchar",
            Self::Boolean => "boolean",
            Self::Integer => "int",
            Self::Decimal => "double precision",
            Self::Date => "date",
            Self::DateTime => "timestamp",
            Self::Time => "time",
        }
    }

    /// The type behind a PostgreSQL type name of the database dialect (`varchar`, `int`, `double precision`, … or another
    /// name of the same type), case and blanks round it ignored; `None` for any other.
    #[must_use]
    pub fn from_sql_type(name: &str) -> Option<Self> {
        const OTHER_NAMES: [(&str, FhirType); 8] = [
            ("text", FhirType::String),
            ("character varying", FhirType::String),
            ("bool", FhirType::Boolean),
            ("integer", FhirType::Integer),
            ("int4", FhirType::Integer),
            ("float8", FhirType::Decimal),
            ("timestamp without time zone", FhirType::DateTime),
            ("time without time zone", FhirType::Time),
        ];
        let mut names = Self::ALL
            .into_iter()
            .map(|t| (t.sql_type(), t))
            .chain(OTHER_NAMES);
        let (_, found) = names.find(|(known, _)| known.eq_ignore_ascii_case(name.trim()))?;
        Some(found)
    }
}

impl TableDescription {
    /// Name of the table of untyped rows, such as `patient_raw`.
    #[must_use]
    pub fn raw_name(&self) -> String {
        format!("{}_raw", self.name)
    }

    /// Key column of the typed table, such as `patient_id`.
    #[must_use]
    pub fn id_column(&self) -> String {
        format!("{}_id", self.name)
    }

    /// Key column of the raw table and link to it in the typed table, such as `patient_raw_id`.
    #[must_use]
    pub fn raw_id_column(&self) -> String {
        format!("{}_raw_id", self.name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_are_doubled() {
        assert_eq!(quote_identifier("a\"b"), "\"a\"\"b\"");
    }

    #[test]
    fn sql_types_read_back() {
        for t in FhirType::ALL {
            assert_eq!(FhirType::from_sql_type(&t.sql_type().to_uppercase()), Some(t));
        }
        assert_eq!(FhirType::from_sql_type(" Text "), Some(FhirType::String));
        assert_eq!(FhirType::from_sql_type("jsonb"), None);
    }
}
