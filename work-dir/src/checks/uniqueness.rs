use super::{Outcome, Subject};

const DUPLICATES: &str = "duplicates";
const SINGLETON: &str = "singleton";

/// No row repeats another one.
pub(crate) fn duplicates(subject: &Subject<'_>) -> Outcome {
    let severity = subject.rules.duplicates.severity;
    let (rows, repeated) = (subject.profile.rows.rows, subject.profile.duplicates);
    if repeated == 0 {
        return Outcome::passed(DUPLICATES, severity, format!("{rows} different rows"));
    }
    let found = format!("{repeated} of {rows} rows repeat another one in every column");
    let advice = "load the table again with --override if batches were loaded twice";
    Outcome::failed(DUPLICATES, severity, "", found, advice)
        .among(repeated, rows)
        .of_few(repeated < u64::from(subject.few))
}

/// At most one row a patient, in the tables that the rules name.
pub(crate) fn singleton(subject: &Subject<'_>) -> Option<Outcome> {
    let rules = &subject.rules.singleton;
    let profile = subject.profile;
    if !rules.tables.contains(&profile.table) {
        return None;
    }
    let more = profile.rows.rows.saturating_sub(profile.patients);
    Some(if more == 0 {
        Outcome::passed(
            SINGLETON,
            rules.severity,
            format!("{} patients", profile.patients),
        )
    } else {
        let found = format!("{} rows of {} patients", profile.rows.rows, profile.patients);
        let advice = "keep one row a patient, or take the table out of [singleton] tables";
        Outcome::failed(SINGLETON, rules.severity, "", found, advice)
            .among(more, profile.rows.rows)
            .of_few(more < u64::from(subject.few))
    })
}
