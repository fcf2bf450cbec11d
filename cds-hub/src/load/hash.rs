//! The content hash: what decides whether a row is new.
//!
//! The md5 of the hashed columns in description order, each as text with `|||` behind it, and a `#` at the end; NULL is
//! `#NULL#`. A column the original system does not have counts only where it has a value, with its name before it. The
//! text of a typed value is the server's, so that the hub's generated columns give the same hash.

use sqlx::decode::Decode;
use sqlx::encode::{Encode, IsNull};
use sqlx::error::BoxDynError;
use sqlx::postgres::types::Oid;
use sqlx::postgres::{PgArgumentBuffer, PgHasArrayType, PgTypeInfo, PgValueRef, Postgres};
use table_description::FhirType;
use table_description::typing::{self, Value};

use super::lanes::{LANES, md5};

/// The md5 of a row's content, stored as `uuid` because that is what PostgreSQL has of 16 bytes.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RowHash(pub [u8; 16]);

impl RowHash {
    /// The first eight bytes as a number, most significant byte first.
    #[must_use]
    pub fn prefix(self) -> i64 {
        let [a, b, c, d, e, f, g, h, ..] = self.0;
        i64::from_be_bytes([a, b, c, d, e, f, g, h])
    }
}

impl std::fmt::Display for RowHash {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.iter().try_for_each(|b| write!(f, "{b:02x}"))
    }
}

impl std::fmt::Debug for RowHash {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "RowHash({self})")
    }
}

/// `uuid` and `uuid[]` have had these numbers since PostgreSQL 8.3; they are part of the server's fixed catalogue.
const UUID: Oid = Oid(2950);
const UUID_ARRAY: Oid = Oid(2951);

impl sqlx::Type<Postgres> for RowHash {
    fn type_info() -> PgTypeInfo {
        PgTypeInfo::with_oid(UUID)
    }
}

impl PgHasArrayType for RowHash {
    fn array_type_info() -> PgTypeInfo {
        PgTypeInfo::with_oid(UUID_ARRAY)
    }
}

impl Encode<'_, Postgres> for RowHash {
    fn encode_by_ref(&self, buf: &mut PgArgumentBuffer) -> Result<IsNull, BoxDynError> {
        buf.extend_from_slice(&self.0);
        Ok(IsNull::No)
    }
}

impl Decode<'_, Postgres> for RowHash {
    fn decode(value: PgValueRef<'_>) -> Result<Self, BoxDynError> {
        Ok(Self(value.as_bytes()?.try_into()?))
    }
}

/// Collects the text of one row after the other and hashes it.
#[derive(Default)]
pub struct Hasher {
    /// The texts of the rows that wait, and of the one that is being added.
    text: Vec<u8>,
    ends: Vec<usize>,
    done: Vec<RowHash>,
}

impl Hasher {
    /// Adds a column of text. An empty text is not NULL here; whoever stores it as NULL passes `None`.
    pub fn text(&mut self, value: Option<&[u8]>) {
        match value {
            Some(value) => {
                self.text.extend_from_slice(value);
                self.text.extend_from_slice(b"|||");
            }
            None => self.nulls(1),
        }
    }

    /// Adds so many columns of text that are NULL.
    pub(super) fn nulls(&mut self, count: usize) {
        const NULL: &[u8] = b"#NULL#|||";
        let end = self.text.len() + count * NULL.len();
        while self.text.len() < end {
            self.text.extend_from_slice(NULL);
        }
    }

    /// Adds a typed column. NULL needs the type because a boolean's is written `null`.
    pub fn value(&mut self, fhir_type: FhirType, value: Option<&Value<'_>>) {
        match value {
            Some(value) => write_value(&mut self.text, value),
            None if fhir_type == FhirType::Boolean => self.text.extend_from_slice(b"null"),
            None => self.text.extend_from_slice(b"#NULL#"),
        }
        self.text.extend_from_slice(b"|||");
    }

    /// Adds a column of text the original system does not have: nothing where it has no value.
    pub fn added_text(&mut self, name: &str, value: Option<&[u8]>) {
        if value.is_some() {
            self.label(name);
            self.text(value);
        }
    }

    /// Adds a typed column the original system does not have: nothing where it has no value.
    pub fn added_value(&mut self, name: &str, fhir_type: FhirType, value: Option<&Value<'_>>) {
        if value.is_some() {
            self.label(name);
            self.value(fhir_type, value);
        }
    }

    fn label(&mut self, name: &str) {
        self.text.extend_from_slice(name.as_bytes());
        self.text.push(b'=');
    }

    /// Ends a row.
    pub fn end_row(&mut self) {
        self.text.push(b'#');
        self.ends.push(self.text.len());
        if self.ends.len() == LANES {
            self.hash_waiting();
        }
    }

    /// The hashes of all rows, in their order.
    #[must_use]
    pub fn finish(mut self) -> Vec<RowHash> {
        self.hash_waiting();
        self.done
    }

    fn hash_waiting(&mut self) {
        let starts = std::iter::once(0).chain(self.ends.iter().copied());
        let texts: Vec<&[u8]> = starts
            .zip(&self.ends)
            .filter_map(|(from, &to)| self.text.get(from..to))
            .collect();
        self.done
            .extend(md5(&texts).into_iter().take(texts.len()).map(RowHash));
        self.text.clear();
        self.ends.clear();
    }
}

/// Appends a value the way the server's recipe writes it: a day as the first moment of it.
fn write_value(out: &mut Vec<u8>, value: &Value<'_>) {
    typing::write_sql_hash(value, out);
    if matches!(value, Value::Date(_)) {
        out.extend_from_slice(b" 00:00:00.000000");
    }
}

#[cfg(test)]
mod tests {
    use md5::{Digest, Md5};

    use super::*;

    fn text(value: &Value<'_>) -> String {
        let mut out = Vec::new();
        write_value(&mut out, value);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn doubles_are_written_as_the_server_does() {
        let cases = [
            (100.0, "100"),
            (2.5, "2.5"),
            (0.1 + 0.2, "0.30000000000000004"),
            (1e20, "1e+20"),
            (1e-7, "1e-07"),
            (1e-4, "0.0001"),
            (1.5e-5, "1.5e-05"),
            (123_456_789_012_345.0, "123456789012345"),
            (1e15, "1e+15"),
            (-0.0, "-0"),
            (f64::NAN, "NaN"),
            (f64::MIN_POSITIVE, "2.2250738585072014e-308"),
            (1.797_693_134_862_315_7e308, "1.7976931348623157e+308"),
        ];
        for (value, expected) in cases {
            assert_eq!(text(&Value::Decimal(value)), expected);
        }
    }

    #[test]
    fn dates_and_times_have_all_their_parts() {
        let cases = [
            (Value::Date(-7_181), "1950-05-05 00:00:00.000000"),
            (Value::Date(19_782), "2024-02-29 00:00:00.000000"),
            (Value::Date(-719_162), "0001-01-01 00:00:00.000000"),
            (
                Value::DateTime(1_706_933_106_700_000),
                "2024-02-03 04:05:06.700000",
            ),
            (Value::DateTime(-1), "1969-12-31 23:59:59.999999"),
            (Value::Time(30_600_000_000), "08:30:00.000000"),
            (Value::Time(86_400_000_000), "24:00:00.000000"),
        ];
        for (value, expected) in cases {
            assert_eq!(text(&value), expected);
        }
    }

    #[test]
    fn a_missing_boolean_is_not_written_like_other_missing_values() {
        let hash = |fhir_type| {
            let mut hasher = Hasher::default();
            hasher.value(fhir_type, None);
            hasher.end_row();
            hasher.finish().remove(0)
        };
        assert_eq!(hash(FhirType::Boolean), RowHash(Md5::digest(b"null|||#").into()));
        assert_eq!(
            hash(FhirType::Integer),
            RowHash(Md5::digest(b"#NULL#|||#").into())
        );
    }
}
