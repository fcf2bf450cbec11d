//! Types any text as each of the seven types: a value or a defect, the same with and without the fast paths, and what is
//! written of a value is read as that value.

#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use table_description::{
    FhirType, oracle,
    typing::{
        DefectKind, Precision, Value, Zone, exact_decimal, parse_decimal, read, write_fhir, write_sql,
        write_sql_hash,
    },
};

static BERLIN: LazyLock<Zone> = LazyLock::new(Zone::berlin);
static ASKED: LazyLock<Zone> = LazyLock::new(|| Zone::untabled("Europe/Berlin").expect("it is compiled in"));

fuzz_target!(|text: &str| {
    for fhir_type in FhirType::ALL {
        let reading = read(fhir_type, text, &BERLIN);
        let moved = reading.defect == Some(DefectKind::ShiftedOutOfGap);
        assert_eq!(reading.value.is_some(), reading.defect.is_none() || moved);
        let Some(value) = reading.value else { continue };

        let mut out = Vec::new();
        write_sql_hash(&value, &mut out);
        out.clear();
        write_sql(&value, &mut out);
        let again = std::str::from_utf8(&out).expect("text stays text");
        assert_eq!(read(fhir_type, again, &BERLIN).value, Some(value));
        out.clear();
        write_fhir(&value, reading.precision, &mut out);
        let written = String::from_utf8(out).expect("text stays text");
        let back = read(fhir_type, &written, &BERLIN);
        assert_eq!((back.value, back.defect), (Some(value), None));
        if starts_its_period(&value, reading.precision) {
            assert_eq!(back.precision, reading.precision);
        }
    }
    let careful = oracle::careful(text, &ASKED);
    for (fhir_type, careful) in [FhirType::Date, FhirType::DateTime, FhirType::Time]
        .into_iter()
        .zip(careful)
    {
        let reading = read(fhir_type, text, &BERLIN);
        assert_eq!(reading.value.map(|value| (value, reading.precision)), careful);
    }
    if let Ok(exact) = exact_decimal(text) {
        assert_eq!(
            parse_decimal(&exact).map(f64::to_bits),
            parse_decimal(text).map(f64::to_bits)
        );
    }
});

/// A full date with an offset is no midnight here, and before 1893 a full minute with one is no full minute here.
fn starts_its_period(value: &Value<'_>, precision: Option<Precision>) -> bool {
    match (value, precision) {
        (Value::DateTime(micros), Some(Precision::Minute)) => micros.rem_euclid(60_000_000) == 0,
        (Value::DateTime(micros), Some(precision)) if precision < Precision::Minute => {
            micros.rem_euclid(86_400_000_000) == 0
        }
        _ => true,
    }
}
