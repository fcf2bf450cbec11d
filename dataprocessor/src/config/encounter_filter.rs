use regex::RegexBuilder;

use site_config::Reader;

/// Key of the seed's optional filter of cases.
pub(super) const KEY: &str = "FRONTEND_DISPLAYED_ENCOUNTER_FILTER";

/// Which cases are shown: at least one group of conditions holds, and of it every condition.
///
/// Without a group every case is shown.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EncounterFilter {
    groups: Vec<Vec<Condition>>,
}

/// A column of the encounter table and a regular expression that must match somewhere in it, case ignored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Condition {
    /// Name of the column, in lower case.
    pub column: String,
    /// The expression, in the syntax of the `regex` crate.
    pub pattern: String,
}

impl EncounterFilter {
    /// The groups, of which one must hold.
    #[must_use]
    pub fn groups(&self) -> &[Vec<Condition>] {
        &self.groups
    }

    /// Names of all columns the filter looks at, each once.
    #[must_use]
    pub fn columns(&self) -> Vec<&str> {
        let mut names: Vec<&str> = self.groups.iter().flatten().map(|c| c.column.as_str()).collect();
        names.sort_unstable();
        names.dedup();
        names
    }

    /// Reads the key: a list of groups, each `column = 'pattern'` joined by `+`.
    pub(super) fn read(reader: &mut Reader<'_>) -> Self {
        let mut groups = Vec::new();
        for (number, line) in reader.texts(KEY).unwrap_or_default().into_iter().enumerate() {
            if line.trim().is_empty() {
                continue;
            }
            match parse_group(line) {
                Ok(group) => groups.push(group),
                Err(text) => reader.fault(KEY, format!("line {}: {text}", number + 1)),
            }
        }
        Self { groups }
    }
}

fn parse_group(line: &str) -> Result<Vec<Condition>, String> {
    let mut rest = line;
    let mut group = Vec::new();
    loop {
        let (condition, after) = parse_condition(rest)?;
        group.push(condition);
        let after = after.trim();
        if after.is_empty() {
            return Ok(group);
        }
        rest = after.strip_prefix('+').ok_or("conditions are joined by +")?;
    }
}

/// One condition and the text behind it. The pattern ends at the next quote, so it may hold a `+`.
fn parse_condition(text: &str) -> Result<(Condition, &str), String> {
    let form = || "a condition is written column = 'pattern'".to_owned();
    let (column, rest) = text.split_once('=').ok_or_else(form)?;
    let rest = rest.trim_start().strip_prefix('\'').ok_or_else(form)?;
    let (pattern, after) = rest.split_once('\'').ok_or_else(form)?;
    let column = column.trim().to_lowercase();
    let description = table_description::default_description();
    if description
        .table("encounter")
        .is_none_or(|t| t.position(&column).is_none())
    {
        return Err("the column must be one of the encounter table (enc_…)".to_owned());
    }
    RegexBuilder::new(pattern)
        .build()
        .map_err(|_| format!("the pattern for {column} is no regular expression"))?;
    Ok((
        Condition {
            column,
            pattern: pattern.to_owned(),
        },
        after,
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_are_split_at_plus_outside_quotes() {
        let group = parse_group("enc_class_code = 'IMP|a+' + ENC_type_code='^einr'").unwrap();
        assert_eq!(group.len(), 2);
        assert_eq!(
            (group[0].pattern.as_str(), group[1].column.as_str()),
            ("IMP|a+", "enc_type_code")
        );
    }

    #[test]
    fn wrong_conditions_are_refused() {
        for line in [
            "enc_class_code",
            "enc_class_code = IMP",
            "pat_id = 'x'",
            "enc_id = '('",
            "enc_id = 'x' enc_id = 'y'",
            "enc_id; drop = 'x'",
        ] {
            assert!(parse_group(line).is_err(), "{line}");
        }
    }
}
