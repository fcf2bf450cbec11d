//! Typing against the recorded cases, against the careful parsers, and against its own formatting.

use std::fs;

use proptest::prelude::*;
use table_description::{
    FhirType,
    typing::{DefectKind, Precision, Value, Zone, read, type_text, write_fhir, write_sql},
};

use crate::shared;

/// The rows of `typing_cases.csv` where we differ on purpose: type, input and what we give. `DEVIATIONS.md` has the
/// reasons, and [`deviations_are_documented`] that it has every row.
const DEVIATIONS: &[(&str, &str, &str)] = &[
    ("datetime", "2024-03-31T02:30:00", "2024-03-31 03:30:00"),
    ("datetime", "2020-08-14T02:00+02:00", "2020-08-14 02:00:00"),
];

#[test]
fn recorded_cases_are_equal_but_for_the_listed_deviations() {
    let Some(path) = shared::file("vectors/typing_cases.csv") else {
        return;
    };
    let text = fs::read_to_string(path).unwrap();
    let mut deviations = Vec::new();
    let mut cases = 0;
    for line in text.lines().skip(1) {
        let (fhir_type, rest) = line.trim_start_matches('"').split_once("\",\"").unwrap();
        let (input, expected) = rest.split_once("\",").unwrap();
        let expected = if expected == r"\N" {
            None
        } else {
            Some(expected.trim_matches('"'))
        };
        let ours = recorded(FhirType::from_word(fhir_type).unwrap(), input);
        if ours.as_deref() != expected {
            deviations.push((fhir_type.to_owned(), input.to_owned(), ours.unwrap_or_default()));
        }
        cases += 1;
    }
    let listed: Vec<_> = DEVIATIONS
        .iter()
        .map(|(t, input, ours)| ((*t).to_owned(), (*input).to_owned(), (*ours).to_owned()))
        .collect();
    assert_eq!(deviations, listed);
    assert_eq!(cases, 62);
}

/// A value as the recording program prints it.
fn recorded(fhir_type: FhirType, input: &str) -> Option<String> {
    let (value, _) = type_text(fhir_type, input, &Zone::berlin()).ok()?;
    // Its date-times are printed in whole seconds.
    let value = match value {
        Value::DateTime(micros) => Value::DateTime(micros.div_euclid(1_000_000) * 1_000_000),
        other => other,
    };
    let mut out = Vec::new();
    write_sql(&value, &mut out);
    let text = String::from_utf8(out).unwrap();
    Some(if matches!(value, Value::Boolean(_)) {
        text.to_uppercase()
    } else {
        text
    })
}

#[test]
fn deviations_are_documented() {
    let document = include_str!("../../DEVIATIONS.md");
    for (fhir_type, input, ours) in DEVIATIONS {
        let row = format!("| {fhir_type} | `{input}` | NULL | `{ours}` |");
        assert!(document.contains(&row), "DEVIATIONS.md has no row {row}");
    }
}

#[test]
fn date_times() {
    use Precision::{Day, Minute, Month, Second, Year};
    let berlin = Zone::berlin();
    for (text, expected) in [
        ("2020", Ok(("2020-01-01 00:00:00", Year, None))),
        ("2020-05", Ok(("2020-05-01 00:00:00", Month, None))),
        ("2020-5", Ok(("2020-05-01 00:00:00", Month, None))),
        ("2020-05-06", Ok(("2020-05-06 00:00:00", Day, None))),
        ("2020-05-06T07:08", Ok(("2020-05-06 07:08:00", Minute, None))),
        ("2020-05-06T07:08Z", Ok(("2020-05-06 09:08:00", Minute, None))),
        (
            "2020-05-06T07:08:09.123456789Z",
            Ok(("2020-05-06 09:08:09.123456", Second, None)),
        ),
        (
            "2020-05-06T07:08:09.5",
            Ok(("2020-05-06 07:08:09.5", Second, None)),
        ),
        (
            "2020-05-06T07:08:09-0330",
            Ok(("2020-05-06 12:38:09", Second, None)),
        ),
        ("2020-05-06t07:08:09z", Ok(("2020-05-06 09:08:09", Second, None))),
        (
            "2020-05-06T07:08:09+02",
            Ok(("2020-05-06 07:08:09", Second, None)),
        ),
        (" 2020-05-06 7:8:9 ", Ok(("2020-05-06 07:08:09", Second, None))),
        ("20200506T07:08:09", Ok(("2020-05-06 07:08:09", Second, None))),
        ("2020/05/06", Ok(("2020-05-06 00:00:00", Day, None))),
        // The end of a day and a leap second count on.
        ("2020-02-28T24:00:00", Ok(("2020-02-29 00:00:00", Second, None))),
        ("2020-12-31T24:00", Ok(("2021-01-01 00:00:00", Minute, None))),
        ("2016-12-31T23:59:60Z", Ok(("2017-01-01 01:00:00", Second, None))),
        ("2020-05-06T07:59:60", Ok(("2020-05-06 08:00:00", Second, None))),
        // Clocks go forward at 02:00: the hour does not exist and is moved, the borders stand.
        ("2024-03-31T01:59:59", Ok(("2024-03-31 01:59:59", Second, None))),
        (
            "2024-03-31T02:00:00",
            Ok(("2024-03-31 03:00:00", Second, Some(DefectKind::ShiftedOutOfGap))),
        ),
        (
            "2024-03-31T02:59:59.9",
            Ok(("2024-03-31 03:59:59.9", Second, Some(DefectKind::ShiftedOutOfGap))),
        ),
        (
            "2024-03-31T02:30",
            Ok(("2024-03-31 03:30:00", Minute, Some(DefectKind::ShiftedOutOfGap))),
        ),
        ("2024-03-31T03:00:00", Ok(("2024-03-31 03:00:00", Second, None))),
        // In 1893 the clocks skipped midnight to 00:06:32: a midnight stands for its day and stays, what follows it is moved.
        ("1893-04-01", Ok(("1893-04-01 00:00:00", Day, None))),
        ("1893-04-01T00:00:00", Ok(("1893-04-01 00:00:00", Second, None))),
        ("1893-03-31T24:00", Ok(("1893-04-01 00:00:00", Minute, None))),
        (
            "1893-04-01T00:00:00.5",
            Ok(("1893-04-01 00:06:32.5", Second, Some(DefectKind::ShiftedOutOfGap))),
        ),
        (
            "1893-04-01T00:05",
            Ok(("1893-04-01 00:11:32", Minute, Some(DefectKind::ShiftedOutOfGap))),
        ),
        ("2024-03-31T01:30:00Z", Ok(("2024-03-31 03:30:00", Second, None))),
        // Clocks go back at 03:00: the hour exists twice; the wall time stays, whichever instant is given.
        ("2024-10-27T02:30:00", Ok(("2024-10-27 02:30:00", Second, None))),
        ("2024-10-27T00:30:00Z", Ok(("2024-10-27 02:30:00", Second, None))),
        ("2024-10-27T01:30:00Z", Ok(("2024-10-27 02:30:00", Second, None))),
        // Beyond the table of transitions, and before the zone's standard time.
        ("9999-12-31", Ok(("9999-12-31 00:00:00", Day, None))),
        ("9999-12-31T23:59:59", Ok(("9999-12-31 23:59:59", Second, None))),
        ("2150-07-01T12:00:00Z", Ok(("2150-07-01 14:00:00", Second, None))),
        ("1850-01-01T00:00:00Z", Ok(("1850-01-01 00:53:28", Second, None))),
        ("0001-01-01T00:00:00", Ok(("0001-01-01 00:00:00", Second, None))),
        // A full date may carry an offset; it is midnight there.
        ("2020-05-06Z", Ok(("2020-05-06 02:00:00", Day, None))),
        ("9999-12-31T23:30:00Z", Err(DefectKind::OutOfRange)),
        ("2020-02-30", Err(DefectKind::NoSuchDay)),
        ("2020-13", Err(DefectKind::NoSuchDay)),
        ("0000", Err(DefectKind::NoSuchDay)),
        ("2020-05-06T24:00:01", Err(DefectKind::NoSuchTime)),
        ("2020-05-06T25:00:00", Err(DefectKind::NoSuchTime)),
        ("2020-05-06T07:60:00", Err(DefectKind::NoSuchTime)),
        ("2020-05-06T07:08:61", Err(DefectKind::NoSuchTime)),
        ("2020-05-06T07", Err(DefectKind::NotADateTime)),
        ("2020-05-06T", Err(DefectKind::NotADateTime)),
        ("2020-05-06T07:08:09+15:00", Err(DefectKind::NotADateTime)),
        ("2020-05-06T07:08:09+02:60", Err(DefectKind::NotADateTime)),
        ("2020-05-06T07:08:09Zx", Err(DefectKind::NotADateTime)),
        ("2020-05Z", Err(DefectKind::NotADateTime)),
        ("06.05.2020", Err(DefectKind::NotADateTime)),
        ("20-05-06", Err(DefectKind::NotADateTime)),
        ("2020-05/06", Err(DefectKind::NotADateTime)),
        ("２０２０", Err(DefectKind::NotADateTime)),
        ("", Err(DefectKind::Empty)),
        ("  ", Err(DefectKind::Empty)),
        ("2020 ~ 2021", Err(DefectKind::SeveralValues)),
    ] {
        let reading = read(FhirType::DateTime, text, &berlin);
        let ours = match reading.value {
            Some(value) => Ok((sql(value), reading.precision.unwrap(), reading.defect)),
            None => Err(reading.defect.unwrap()),
        };
        assert_eq!(
            ours,
            expected.map(|(text, precision, defect)| (text.to_owned(), precision, defect)),
            "{text:?}"
        );
    }
}

#[test]
fn dates() {
    for (text, expected) in [
        ("2020", Ok(("2020-01-01", Precision::Year))),
        ("2020-05", Ok(("2020-05-01", Precision::Month))),
        ("2020/5/6", Ok(("2020-05-06", Precision::Day))),
        ("2020-05-06T23:30:00-12:00", Ok(("2020-05-06", Precision::Day))),
        ("2020-05-06 anything", Ok(("2020-05-06", Precision::Day))),
        ("2020-05-06Z", Ok(("2020-05-06", Precision::Day))),
        ("2020-05-06-11:00", Ok(("2020-05-06", Precision::Day))),
        ("2020-05-06-11:00x", Err(DefectKind::NotADate)),
        ("2020-05-06-1", Err(DefectKind::NotADate)),
        ("2020-05Z", Err(DefectKind::NotADate)),
        ("2024-02-29", Ok(("2024-02-29", Precision::Day))),
        ("2023-02-29", Err(DefectKind::NoSuchDay)),
        ("2020-05-06x", Err(DefectKind::NotADate)),
        ("2020T", Err(DefectKind::NotADate)),
        ("202005", Err(DefectKind::NotADate)),
        ("12020-05-06", Err(DefectKind::NotADate)),
        ("2020-05-06 ~ 2020-05-07", Err(DefectKind::SeveralValues)),
        ("", Err(DefectKind::Empty)),
    ] {
        let ours = type_text(FhirType::Date, text, &Zone::berlin());
        let ours = ours.map(|(value, precision)| (sql(value), precision.unwrap()));
        assert_eq!(
            ours,
            expected.map(|(text, precision)| (text.to_owned(), precision)),
            "{text:?}"
        );
    }
}

#[test]
fn times() {
    for (text, expected) in [
        ("08:00:00", Ok("08:00:00")),
        ("8:0:0", Ok("08:00:00")),
        ("23:59:59.999999999", Ok("23:59:59.999999")),
        ("23:59:60", Ok("24:00:00")),
        ("24:00:00", Ok("24:00:00")),
        ("08:00:00+02:00", Ok("08:00:00")),
        ("08:00:00.", Ok("08:00:00")),
        ("23:59:60.5", Err(DefectKind::NoSuchTime)),
        ("24:00:00.5", Err(DefectKind::NoSuchTime)),
        ("24:00:01", Err(DefectKind::NoSuchTime)),
        ("08:00", Err(DefectKind::NotATime)),
        ("080000", Err(DefectKind::NotATime)),
        ("08:00:00 ~ 12:00:00", Err(DefectKind::SeveralValues)),
        ("", Err(DefectKind::Empty)),
    ] {
        let ours = type_text(FhirType::Time, text, &Zone::berlin());
        assert_eq!(
            ours.map(|(value, _)| sql(value)),
            expected.map(str::to_owned),
            "{text:?}"
        );
    }
}

fn sql(value: Value<'_>) -> String {
    let mut out = Vec::new();
    write_sql(&value, &mut out);
    String::from_utf8(out).unwrap()
}

/// Values of every type but text as reading gives them, those of dates with any precision and of any zone's midnight.
fn values() -> impl Strategy<Value = (Value<'static>, Option<Precision>)> {
    use Precision::{Day, Minute, Month, Second, Year};
    let plain = prop_oneof![
        any::<bool>().prop_map(Value::Boolean),
        any::<i32>().prop_map(Value::Integer),
        prop::num::f64::NORMAL.prop_map(Value::Decimal),
        prop::num::f64::SUBNORMAL.prop_map(Value::Decimal),
        (0i64..=86_400_000_000).prop_map(Value::Time),
    ];
    let precision = prop::sample::select(vec![Year, Month, Day, Minute, Second]);
    let day = prop_oneof![4 => -719_162i32..=2_932_896, 1 => Just(SKIPPED_MIDNIGHT)];
    let clock = prop_oneof![
        Just(0),
        (0i64..24 * 60).prop_map(|v| v * 60_000_000),
        0i64..86_400_000_000
    ];
    let moment = (day.clone(), clock, precision.clone()).prop_map(|(day, clock, precision)| {
        (
            Value::DateTime(i64::from(day) * 86_400_000_000 + clock),
            Some(precision),
        )
    });
    prop_oneof![
        plain.prop_map(|value| (value, None)),
        (day, precision).prop_map(|(day, precision)| (Value::Date(day), Some(precision.min(Day)))),
        moment,
    ]
}

/// 1893-04-01, whose first six and a half minutes Berlin's clocks skipped.
const SKIPPED_MIDNIGHT: i32 = -28_033;

fn type_of(value: &Value<'_>) -> FhirType {
    match value {
        Value::Text(_) => FhirType::String,
        Value::Boolean(_) => FhirType::Boolean,
        Value::Integer(_) => FhirType::Integer,
        Value::Decimal(_) => FhirType::Decimal,
        Value::Date(_) => FhirType::Date,
        Value::DateTime(_) => FhirType::DateTime,
        Value::Time(_) => FhirType::Time,
    }
}

/// A wall time that the zone skipped is no value that reading gives: as text it would be moved, and is not asked for.
fn is_skipped(value: &Value<'_>, zone: &Zone) -> bool {
    match value {
        Value::DateTime(micros) => {
            micros.rem_euclid(86_400_000_000) != 0 && zone.instant(micros.div_euclid(1_000_000)).moved != 0
        }
        _ => false,
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    /// What is written is read as the same value, without a defect, with the precision it has or needs.
    #[test]
    fn writing_and_reading_is_the_identity((value, precision) in values()) {
        let zone = Zone::berlin();
        prop_assume!(!is_skipped(&value, &zone));
        let mut out = Vec::new();
        write_fhir(&value, precision, &mut out);
        let text = String::from_utf8(out).unwrap();
        let reading = read(type_of(&value), &text, &zone);
        prop_assert_eq!((reading.value, reading.defect), (Some(value), None), "{}", text);
        prop_assert!(reading.precision >= precision, "{}", text);
        let mut again = Vec::new();
        write_fhir(&value, reading.precision, &mut again);
        prop_assert_eq!(again, text.into_bytes());
    }

    /// PostgreSQL's spelling reads back too, though it has no precision.
    #[test]
    fn sql_text_reads_back((value, _) in values()) {
        let zone = Zone::berlin();
        prop_assume!(!is_skipped(&value, &zone));
        let text = sql(value);
        let reading = read(type_of(&value), &text, &zone);
        prop_assert_eq!((reading.value, reading.defect), (Some(value), None), "{}", text);
    }

    /// Text is read as text, whatever it says; the same through every value that reading gives.
    #[test]
    fn what_reading_gives_reads_back(text in "\\PC{1,20}|[12][0-9]{3}(-[01][0-9](-[0-3][0-9](T[012][0-9]:[0-5][0-9](:[0-5][0-9](\\.[0-9]{1,7})?)?)?(Z|[-+]0[0-9]:[03]0)?)?)?") {
        let zone = Zone::berlin();
        for fhir_type in FhirType::ALL {
            let Some(value) = read(fhir_type, &text, &zone).value else { continue };
            let written = sql(value);
            let again = read(fhir_type, &written, &zone);
            prop_assert_eq!((again.value, again.defect), (Some(value), None), "{}", written);
        }
    }

    /// Nothing panics, and a value comes without a defect unless it was moved.
    #[test]
    fn any_text_has_a_value_or_a_defect(text in "\\PC{0,40}|[-+0-9:.TZ/ ~e]{0,40}") {
        let zone = Zone::berlin();
        for fhir_type in FhirType::ALL {
            let reading = read(fhir_type, &text, &zone);
            let moved = reading.defect == Some(DefectKind::ShiftedOutOfGap);
            prop_assert_eq!(reading.value.is_some(), reading.defect.is_none() || moved);
        }
    }
}
