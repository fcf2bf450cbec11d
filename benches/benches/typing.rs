//! Typing, a case a type and spelling; and opening and expanding a definition.
//!
//! Every typing case reads 10,000 different texts, so that neither the branch predictor nor the zone's table learns one.

use std::path::Path;

use divan::{Bencher, black_box, counter::ItemsCount};
use table_description::{
    Definition, Description, FhirType,
    typing::{Zone, read},
};

const CELLS: u32 = 10_000;

fn main() {
    divan::main();
}

/// Types all texts; the figure is cells a second on one core.
fn cells(bencher: Bencher<'_, '_>, fhir_type: FhirType, text: impl Fn(u32) -> String) {
    let zone = Zone::berlin();
    let texts: Vec<String> = (0..CELLS)
        .map(|n| text(n.wrapping_mul(2_654_435_761) >> 8))
        .collect();
    assert!(
        texts
            .iter()
            .all(|text| read(fhir_type, text, &zone).value.is_some())
    );
    bencher.counter(ItemsCount::new(CELLS)).bench_local(|| {
        for text in &texts {
            black_box(read(fhir_type, black_box(text), &zone));
        }
    });
}

fn day(n: u32) -> String {
    format!(
        "{}-{:02}-{:02}",
        1930 + n % 95,
        1 + n / 100 % 12,
        1 + n / 1200 % 28
    )
}

fn clock(n: u32) -> String {
    // Never between two and three, which a zone may skip.
    format!("{:02}:{:02}:{:02}", 3 + n % 20, n / 20 % 60, n / 1200 % 60)
}

#[divan::bench]
fn string(bencher: Bencher<'_, '_>) {
    cells(bencher, FhirType::String, |n| format!("http://example.org/{n}"));
}

#[divan::bench]
fn boolean(bencher: Bencher<'_, '_>) {
    cells(bencher, FhirType::Boolean, |n| (n % 2 == 0).to_string());
}

#[divan::bench]
fn integer(bencher: Bencher<'_, '_>) {
    cells(bencher, FhirType::Integer, |n| (n % 100_000).to_string());
}

#[divan::bench]
fn decimal(bencher: Bencher<'_, '_>) {
    cells(bencher, FhirType::Decimal, |n| {
        format!("{}.{:02}", n % 5000, n / 5000 % 100)
    });
}

#[divan::bench]
fn decimal_17_digits(bencher: Bencher<'_, '_>) {
    cells(bencher, FhirType::Decimal, |n| {
        format!("0.{:017}", u64::from(n) * 5_000_000_017)
    });
}

#[divan::bench]
fn decimal_exponent(bencher: Bencher<'_, '_>) {
    cells(bencher, FhirType::Decimal, |n| {
        format!("{}e-{}", n % 5000, n / 5000 % 20)
    });
}

#[divan::bench]
fn date(bencher: Bencher<'_, '_>) {
    cells(bencher, FhirType::Date, day);
}

#[divan::bench]
fn date_partial(bencher: Bencher<'_, '_>) {
    cells(bencher, FhirType::Date, |n| {
        day(n)[..if n % 2 == 0 { 4 } else { 7 }].to_owned()
    });
}

#[divan::bench]
fn datetime_offset(bencher: Bencher<'_, '_>) {
    cells(bencher, FhirType::DateTime, |n| {
        format!("{}T{}+0{}:00", day(n), clock(n), 1 + n % 2)
    });
}

#[divan::bench]
fn datetime_utc_millis(bencher: Bencher<'_, '_>) {
    cells(bencher, FhirType::DateTime, |n| {
        format!("{}T{}.{:03}Z", day(n), clock(n), n % 1000)
    });
}

#[divan::bench]
fn datetime_wall(bencher: Bencher<'_, '_>) {
    cells(bencher, FhirType::DateTime, |n| {
        format!("{}T{}", day(n), clock(n))
    });
}

#[divan::bench]
fn datetime_day(bencher: Bencher<'_, '_>) {
    cells(bencher, FhirType::DateTime, day);
}

#[divan::bench]
fn datetime_careful(bencher: Bencher<'_, '_>) {
    cells(bencher, FhirType::DateTime, |n| {
        format!("{} {}", day(n), clock(n))
    });
}

#[divan::bench]
fn time(bencher: Bencher<'_, '_>) {
    cells(bencher, FhirType::Time, clock);
}

/// A file of the reference material; where it is absent the case measures nothing and says so.
#[expect(clippy::print_stdout, reason = "a case that measures nothing has to say so")]
fn opened(bencher: Bencher<'_, '_>, name: &str, open: impl Fn(&Path) -> Description) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../shared/description")
        .join(name);
    if path.exists() {
        bencher
            .counter(ItemsCount::new(1319u32))
            .bench_local(|| open(&path));
    } else {
        println!("SKIPPED: ../shared is absent");
    }
}

#[divan::bench]
fn definition_open_and_expand(bencher: Bencher<'_, '_>) {
    opened(bencher, "Table_Description_Definition.xlsx", |path| {
        Definition::read(path)
            .and_then(|definition| definition.expand())
            .unwrap_or_default()
    });
}

#[divan::bench]
fn description_open(bencher: Bencher<'_, '_>) {
    opened(bencher, "Table_Description.xlsx", |path| {
        Description::read(path).unwrap_or_default()
    });
}
