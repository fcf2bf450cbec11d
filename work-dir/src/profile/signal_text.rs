//! The text files of the original system: tab-separated, no header, `pid, signal, time_0…, value_0…`, further columns.

use polars::prelude::{IntoSeries, NamedFrom, NewChunkedArray, PlSmallStr, Series, StringChunked};

use super::civil;

/// Reads a file. What a column is follows from its values: behind `pid` and `signal`, leading columns of dates are times,
/// then leading columns of numbers are values; without numbers the first of the rest is one. The others are additional.
pub(crate) fn read(bytes: &[u8]) -> Vec<Series> {
    let text = String::from_utf8_lossy(bytes);
    let rows: Vec<Vec<&str>> = text
        .lines()
        .filter(|line| !line.is_empty())
        .map(|line| line.split('\t').collect())
        .collect();
    let width = rows.iter().map(Vec::len).max().unwrap_or(0);
    let (mut times, mut values, mut others) = (0, 0, 0);
    (0..width)
        .map(|i| {
            let cells: Vec<Option<&str>> = rows
                .iter()
                .map(|row| row.get(i).copied().filter(|cell| !cell.is_empty()))
                .collect();
            let mostly = |test: fn(&str) -> bool| {
                let filled: Vec<&str> = cells.iter().copied().flatten().collect();
                let fit = filled.iter().filter(|cell| test(cell)).count();
                fit * 2 > filled.len()
            };
            let name = |kind: &str, count: &mut usize| {
                let name = format!("{kind}_{count}");
                *count += 1;
                name
            };
            let is_date = |cell: &str| cell.len() == 8 && civil::parse(cell).is_some();
            let is_number = |cell: &str| cell.parse::<f64>().is_ok();
            let name = match i {
                0 => "pid".to_owned(),
                1 => "signal".to_owned(),
                _ if values + others == 0 && mostly(is_date) => name("time", &mut times),
                _ if others == 0 && (mostly(is_number) || values == 0) => name("value", &mut values),
                _ => name("additional", &mut others),
            };
            series(&name, &cells)
        })
        .collect()
}

/// Numbers where every filled cell is one, but texts for patients, signals and times.
fn series(name: &str, cells: &[Option<&str>]) -> Series {
    let name_of = PlSmallStr::from_str(name);
    if name.starts_with("value_") {
        let numbers: Option<Vec<Option<f64>>> = cells
            .iter()
            .map(|cell| cell.map_or(Some(None), |cell| cell.parse().ok().map(Some)))
            .collect();
        if let Some(numbers) = numbers {
            return Series::new(name_of, numbers);
        }
    }
    StringChunked::from_iter_options(name_of, cells.iter().copied()).into_series()
}

#[cfg(test)]
mod tests {
    use super::*;
    use polars::prelude::DataType;

    fn shape(text: &str) -> Vec<(String, DataType)> {
        let series = read(text.as_bytes());
        series
            .iter()
            .map(|s| (s.name().to_string(), s.dtype().clone()))
            .collect()
    }

    #[test]
    fn columns_are_told_by_their_values() {
        let text = "1\tHemoglobin\t20200101\t14.0\tg/dL\n2\tHemoglobin\t20200102\t13.5\tg/dL\n";
        let expected = [
            ("pid", DataType::String),
            ("signal", DataType::String),
            ("time_0", DataType::String),
            ("value_0", DataType::Float64),
            ("additional_0", DataType::String),
        ];
        assert_eq!(shape(text), expected.map(|(n, t)| (n.to_owned(), t)));
        let words = shape("1\tSMOKING\t20200101\tyes\n");
        assert_eq!(words[3], ("value_0".to_owned(), DataType::String));
        assert!(shape("").is_empty());
    }
}
