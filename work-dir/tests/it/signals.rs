//! Signals drawn from typed rows, and the files that others load.

use polars::prelude::{IntoColumn, NamedFrom, Series};
use polars_io::SerReader;
use polars_io::parquet::read::ParquetReader;
use work_dir::signals::write_signals;
use work_dir::{Id2Nr, Layout};

use crate::rows::{column, description, frame, haemoglobin, run, write};

fn signals(layout: &Layout) -> work_dir::signals::Signals {
    let mut ids = Id2Nr::open(layout, None).unwrap();
    write_signals(layout, &description(), &mut ids).unwrap()
}

#[test]
fn a_signal_is_sorted_converted_and_each_line_once() {
    let directory = tempfile::tempdir().unwrap();
    let mut rows = haemoglobin(3, 2);
    for (row, (value, unit)) in rows.iter_mut().zip([
        (14.7, "g/dL"),
        (147.0, "g/L"),   // the same as the first
        (9.12, "mmol/L"), // by the mass of a mole
        (5.0, "mm[Hg]"),  // no concentration
        (12.0, "g/dl"),   // no UCUM, but customary
        (11.0, ""),
    ]) {
        row.value = Some(value);
        row.unit = unit.to_owned();
        row.day = 19_700;
    }
    rows.iter_mut()
        .take(2)
        .for_each(|row| row.patient = "zz".to_owned());
    let layout = run(directory.path(), &[rows]);
    let drawn = signals(&layout);
    let text = std::fs::read_to_string(directory.path().join("signals/Hemoglobin.0")).unwrap();
    let lines: Vec<Vec<&str>> = text.lines().map(|line| line.split('\t').collect()).collect();
    assert!(
        lines
            .iter()
            .all(|line| line[1] == "Hemoglobin" && line[2] == "20231209" && line[4] == "g/dL"),
        "{text}"
    );
    let mut values: Vec<(u32, f64)> = lines
        .iter()
        .map(|line| (line[0].parse().unwrap(), line[3].parse().unwrap()))
        .collect();
    assert!(values.is_sorted());
    values.sort_by(|a, b| a.1.total_cmp(&b.1));
    assert_eq!(values.iter().map(|v| v.1).collect::<Vec<_>>()[0], 12.0);
    assert_eq!(values.len(), 3, "{text}");
    assert!(
        (values[2].1 - 14.7).abs() < 1e-9 && (values[1].1 - 14.696_424).abs() < 1e-5,
        "{values:?}"
    );
    let left: Vec<(&str, u64)> = drawn.left_out.iter().map(|((_, why), n)| (*why, *n)).collect();
    assert_eq!(left, [("no unit", 1), ("the unit cannot be converted", 1)]);
    let file = std::fs::File::open(directory.path().join("signals/Hemoglobin.0.parquet")).unwrap();
    let parquet = ParquetReader::new(file).finish().unwrap();
    assert_eq!(parquet.height(), 4, "Parquet keeps the resource of each");
    let ids = std::fs::read_to_string(layout.id2nr()).unwrap();
    assert!(ids.contains("zz\t"), "{ids}");
}

/// A number without a unit is taken only where the signal has none: a share of 0.4 or 40 cannot be told apart.
#[test]
fn a_bare_number_is_no_percentage() {
    let directory = tempfile::tempdir().unwrap();
    let mut rows = haemoglobin(3, 1);
    for (row, (code, value, unit)) in
        rows.iter_mut()
            .zip([("4544-3", 42.0, ""), ("4544-3", 0.41, "L/L"), ("6301-6", 2.5, "")])
    {
        (row.code, row.value, row.unit) = (code.to_owned(), Some(value), unit.to_owned());
    }
    let drawn = signals(&run(directory.path(), &[rows]));
    let value = |signal: &str| -> Vec<String> {
        let text = std::fs::read_to_string(directory.path().join(format!("signals/{signal}.0"))).unwrap();
        text.lines()
            .map(|line| line.split('\t').nth(3).unwrap().to_owned())
            .collect()
    };
    assert_eq!(value("Hematocrit"), ["41"]);
    assert_eq!(value("INR"), ["2.5"]);
    let left: Vec<(&str, u64)> = drawn.left_out.iter().map(|((_, why), n)| (*why, *n)).collect();
    assert_eq!(left, [("no unit", 1)]);
}

#[test]
fn definitions_have_a_dictionary_for_every_code_and_grow_without_moving() {
    let directory = tempfile::tempdir().unwrap();
    let layout = run(directory.path(), &[haemoglobin(5, 1)]);
    let description = description();
    let conditions = |codes: &[&str]| {
        let table = description.table("condition").unwrap();
        let text =
            |path: &str, cells: Vec<String>| Series::new(column(table, path).into(), cells).into_column();
        let n = codes.len();
        let icd = "http://fhir.de/CodeSystem/bfarm/icd-10-gm".to_owned();
        let moments = Series::new(
            column(table, "recordedDate").into(),
            vec![1_700_000_000_000_000_i64; n],
        );
        let moments = moments.cast(&polars::prelude::DataType::Datetime(
            polars::prelude::TimeUnit::Microseconds,
            None,
        ));
        polars::prelude::DataFrame::new(
            n,
            vec![
                text("id", (0..n).map(|i| format!("c{i}")).collect()),
                text(
                    "subject/reference",
                    (0..n).map(|i| format!("Patient/p{i:04}")).collect(),
                ),
                text("code/coding/system", vec![icd; n]),
                text(
                    "code/coding/code",
                    codes.iter().map(|c| (*c).to_owned()).collect(),
                ),
                moments.unwrap().into_column(),
            ],
        )
        .unwrap()
    };
    write(&layout, "condition", 0, conditions(&["I10.90", "E11 9"]));
    signals(&layout);
    let configs = layout.rep_configs();
    let dictionary = || std::fs::read_to_string(configs.join("dicts/dict.Diagnosis")).unwrap();
    assert_eq!(
        dictionary(),
        "SECTION\tDiagnosis\nDEF\t1\tEMPTY\nDEF\t2\tE11_9\nDEF\t3\tI10.90\n"
    );
    write(&layout, "condition", 1, conditions(&["A00.0"]));
    signals(&layout);
    assert!(
        dictionary()
            .starts_with("SECTION\tDiagnosis\nDEF\t1\tEMPTY\nDEF\t2\tE11_9\nDEF\t3\tI10.90\nDEF\t4\tA00.0")
    );
    let definitions = std::fs::read_to_string(configs.join("cds.signals")).unwrap();
    for line in definitions.lines().filter(|line| line.starts_with("GENERIC")) {
        assert!(line.matches(['i', 'd']).count() < 30, "{line}");
    }
    let config = std::fs::read_to_string(configs.join("cds.convert_config")).unwrap();
    let value = |key: &str| {
        config
            .lines()
            .find_map(|l| l.strip_prefix(&format!("{key}\t")))
            .unwrap()
            .to_owned()
    };
    assert!(
        std::path::Path::new(&value("DIR")).is_absolute()
            && std::path::Path::new(&value("OUTDIR")).is_absolute()
    );
    assert!(directory.path().join("rep/data").is_dir());
    for file in config.lines().filter_map(|l| l.strip_prefix("DATA\t")) {
        assert!(configs.join(file).exists(), "{file}");
    }
    assert_eq!(frame(&haemoglobin(1, 1)).height(), 1);
}
