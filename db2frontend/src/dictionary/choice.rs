/// One of the answers a field offers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Choice {
    /// What is stored, such as `1`.
    pub code: String,
    /// What people read.
    pub label: String,
}

impl Choice {
    /// Reads `1, yes | 2, no`; the position of a part without a code is counted from 1.
    ///
    /// # Errors
    /// The first part that has no comma, or whose code is empty.
    pub(super) fn read_all(text: &str) -> Result<Vec<Self>, usize> {
        let mut choices = Vec::new();
        for (part, position) in text.split('|').zip(1..) {
            // A bar at the end is common and means nothing.
            if part.trim().is_empty() {
                continue;
            }
            let (code, label) = part.split_once(',').ok_or(position)?;
            let (code, label) = (code.trim(), label.trim());
            if code.is_empty() {
                return Err(position);
            }
            choices.push(Self {
                code: code.to_owned(),
                label: label.to_owned(),
            });
        }
        Ok(choices)
    }

    pub(super) fn new(code: &str, label: &str) -> Self {
        Self {
            code: code.to_owned(),
            label: label.to_owned(),
        }
    }
}

/// Name of the column that holds one option of a checkbox: `box___1`. Codes become lower case, and what a column cannot be
/// named with becomes `_`.
#[must_use]
pub fn column_of_option(field: &str, code: &str) -> String {
    let code: String = code
        .chars()
        .map(|c| match c.to_ascii_lowercase() {
            c if c.is_ascii_alphanumeric() || c == '_' => c,
            _ => '_',
        })
        .collect();
    format!("{field}___{code}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn choices_are_read_as_people_write_them() {
        let texts = |text| {
            Choice::read_all(text).map(|all| {
                all.iter()
                    .map(|c| format!("{}={}", c.code, c.label))
                    .collect::<Vec<_>>()
                    .join(";")
            })
        };
        for (text, wanted) in [
            ("1, yes | 2, no", Ok("1=yes;2=no")),
            ("1,a, b|2 , c |", Ok("1=a, b;2=c")),
            ("A, \n1,\n", Ok("A=1,")),
            ("-1, unknown", Ok("-1=unknown")),
            ("1, yes | no", Err(2)),
            (", yes", Err(1)),
        ] {
            assert_eq!(texts(text), wanted.map(str::to_owned), "{text:?}");
        }
    }

    #[test]
    fn options_have_columns() {
        for (code, wanted) in [("1", "b___1"), ("-1", "b____1"), ("A.b", "b___a_b")] {
            assert_eq!(column_of_option("b", code), wanted);
        }
    }
}
