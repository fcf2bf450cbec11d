use std::fmt;

use crate::compile::Class;

/// Type of a column in SQL, by the specification's table or the tag `ansi/type`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum SqlType {
    /// `BOOLEAN`
    Boolean,
    /// `INT`, 32 bits.
    Int,
    /// `BIGINT`, 64 bits.
    BigInt,
    /// `DECIMAL` with digits in all and behind the point.
    Decimal(u8, u8),
    /// `DOUBLE PRECISION`
    Double,
    /// `DATE`
    Date,
    /// `TIMESTAMP`, with or without time zone.
    Timestamp {
        /// Whether with.
        zone: bool,
    },
    /// `TIME`
    Time,
    /// `BINARY`, from base64.
    Binary,
    /// `CHARACTER VARYING`
    #[default]
    Text,
}

impl fmt::Display for SqlType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Boolean => f.write_str("BOOLEAN"),
            Self::Int => f.write_str("INT"),
            Self::BigInt => f.write_str("BIGINT"),
            Self::Decimal(digits, scale) => write!(f, "DECIMAL({digits}, {scale})"),
            Self::Double => f.write_str("DOUBLE PRECISION"),
            Self::Date => f.write_str("DATE"),
            Self::Timestamp { zone: true } => f.write_str("TIMESTAMP WITH TIME ZONE"),
            Self::Timestamp { zone: false } => f.write_str("TIMESTAMP"),
            Self::Time => f.write_str("TIME"),
            Self::Binary => f.write_str("BINARY"),
            Self::Text => f.write_str("CHARACTER VARYING"),
        }
    }
}

impl SqlType {
    /// The type of this name in ANSI SQL.
    fn of_ansi(name: &str) -> Option<Self> {
        let name = name.trim().to_ascii_uppercase();
        let (base, arguments) = match name.split_once('(') {
            Some((base, rest)) => {
                let (arguments, behind) = rest.split_once(')')?;
                (format!("{}{behind}", base.trim()), Some(arguments.to_owned()))
            }
            None => (name, None),
        };
        let base: Vec<&str> = base.split_whitespace().collect();
        Some(match base.join(" ").as_str() {
            "BOOLEAN" => Self::Boolean,
            "INT" | "INTEGER" | "SMALLINT" => Self::Int,
            "BIGINT" => Self::BigInt,
            "DECIMAL" | "NUMERIC" | "DEC" => decimal(arguments.as_deref())?,
            "DOUBLE PRECISION" | "REAL" | "FLOAT" | "DOUBLE" => Self::Double,
            "DATE" => Self::Date,
            "TIMESTAMP" | "TIMESTAMP WITHOUT TIME ZONE" => Self::Timestamp { zone: false },
            "TIMESTAMP WITH TIME ZONE" => Self::Timestamp { zone: true },
            "TIME" | "TIME WITHOUT TIME ZONE" => Self::Time,
            "BINARY" | "BINARY VARYING" | "VARBINARY" | "BINARY LARGE OBJECT" | "BLOB" => Self::Binary,
            "CHARACTER VARYING"
            | "VARCHAR"
            | "CHARACTER"
            | "CHAR"
            | "CHARACTER LARGE OBJECT"
            | "CLOB"
            | "TEXT" => Self::Text,
            _ => return None,
        })
    }
}

fn decimal(arguments: Option<&str>) -> Option<SqlType> {
    let Some(arguments) = arguments else {
        return Some(SqlType::Decimal(38, 10));
    };
    let (digits, scale) = arguments.split_once(',').unwrap_or((arguments, "0"));
    let (digits, scale) = (digits.trim().parse().ok()?, scale.trim().parse().ok()?);
    ((1..=38).contains(&digits) && scale <= digits).then_some(SqlType::Decimal(digits, scale))
}

/// How the values of a column are written.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct ColumnType {
    /// What a value has to be; none where neither the view nor the path says.
    pub(crate) class: Option<Class>,
    pub(crate) sql: SqlType,
}

impl ColumnType {
    /// By type of FHIR, what is known of the path, and tag; none if the tag is no type.
    pub(crate) fn new(type_name: Option<&str>, class: Option<Class>, ansi: Option<&str>) -> Option<Self> {
        let sql = match (ansi, type_name, class) {
            (Some(ansi), ..) => SqlType::of_ansi(ansi)?,
            (_, Some("base64Binary"), _) => SqlType::Binary,
            (_, Some("instant"), _) => SqlType::Timestamp { zone: true },
            (_, Some("integer64"), _) => SqlType::BigInt,
            (_, _, Some(Class::Boolean)) => SqlType::Boolean,
            (_, _, Some(Class::Integer)) => SqlType::Int,
            _ => SqlType::Text,
        };
        Some(Self { class, sql })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_are_those_of_the_table_unless_a_tag_says_otherwise() {
        for (type_name, class, ansi, expected) in [
            (Some("positiveInt"), Some(Class::Integer), None, Some("INT")),
            (
                Some("decimal"),
                Some(Class::Decimal),
                None,
                Some("CHARACTER VARYING"),
            ),
            (
                Some("instant"),
                Some(Class::DateTime),
                None,
                Some("TIMESTAMP WITH TIME ZONE"),
            ),
            (
                Some("dateTime"),
                Some(Class::DateTime),
                Some("timestamp"),
                Some("TIMESTAMP"),
            ),
            (
                Some("decimal"),
                Some(Class::Decimal),
                Some("DECIMAL(18, 6)"),
                Some("DECIMAL(18, 6)"),
            ),
            (
                None,
                None,
                Some("character varying (20)"),
                Some("CHARACTER VARYING"),
            ),
            (None, None, Some("DECIMAL(50,2)"), None),
            (None, None, Some("JSONB"), None),
        ] {
            let found = ColumnType::new(type_name, class, ansi).map(|column| column.sql.to_string());
            assert_eq!(found.as_deref(), expected, "{type_name:?} {ansi:?}");
        }
    }
}
