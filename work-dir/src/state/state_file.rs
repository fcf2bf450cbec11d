use std::collections::BTreeMap;
use std::fmt::Display;
use std::path::{Path, PathBuf};

use jiff::Zoned;
use jiff::civil::DateTime;

use super::private;
use crate::{Error, ErrorKind, Status};

/// A file with one line a unit: name, date and time, value, separated by tabs and sorted by name.
///
/// Read in this order or with date and time first, as the original system writes it. Written as a whole beside the old
/// file, which it then replaces.
#[derive(Debug)]
pub(crate) struct StateFile<V> {
    path: PathBuf,
    units: BTreeMap<String, (DateTime, V)>,
}

/// What the third field of a line holds.
pub(crate) trait StateValue: Copy + Display {
    /// Whether a value cut short may read as another one, so that the file must end with a line feed.
    const CUT_READS: bool;

    fn read(text: &str) -> Option<Self>;

    /// The error of a line that is none.
    fn fault(line: usize) -> ErrorKind;
}

impl StateValue for Status {
    const CUT_READS: bool = false;

    fn read(text: &str) -> Option<Self> {
        Self::from_word(text)
    }

    fn fault(line: usize) -> ErrorKind {
        ErrorKind::Line(line)
    }
}

impl StateValue for u32 {
    const CUT_READS: bool = true;

    fn read(text: &str) -> Option<Self> {
        text.parse().ok()
    }

    fn fault(line: usize) -> ErrorKind {
        ErrorKind::BatchLine(line)
    }
}

impl<V: StateValue> StateFile<V> {
    /// Reads a file; one that is not there has no units.
    pub(crate) fn read(path: PathBuf) -> Result<Self, Error> {
        let text = match std::fs::read(&path) {
            Ok(bytes) => bytes,
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => Vec::new(),
            Err(e) => return Err(Error::file(&path, e)),
        };
        let units = parse(&path, &text)?;
        Ok(Self { path, units })
    }

    pub(crate) fn get(&self, unit: &str) -> Option<V> {
        self.units.get(unit).map(|(_, value)| *value)
    }

    pub(crate) fn units(&self) -> impl Iterator<Item = (&str, DateTime, V)> {
        self.units
            .iter()
            .map(|(name, (at, value))| (name.as_str(), *at, *value))
    }

    /// Sets a unit's value with the present time, in memory.
    pub(crate) fn set(&mut self, unit: &str, value: V) -> Result<(), Error> {
        if !is_name(unit) {
            return Err(Error::new(ErrorKind::Name, &self.path));
        }
        self.units
            .insert(unit.to_owned(), (Zoned::now().datetime(), value));
        Ok(())
    }

    /// Removes a unit, in memory; tells whether it was there.
    pub(crate) fn remove(&mut self, unit: &str) -> bool {
        self.units.remove(unit).is_some()
    }

    /// Brings the file to the disk.
    pub(crate) fn write(&self) -> Result<(), Error> {
        let line = |(name, (at, value)): (&String, &(DateTime, V))| {
            format!("{name}\t{}\t{value}\n", at.strftime("%Y-%m-%d %H:%M:%S%.6f"))
        };
        let text: String = self.units.iter().map(line).collect();
        private::replace(&self.path, text.as_bytes()).map_err(|e| Error::file(&self.path, e))
    }
}

/// Whether a text is a name: of a file in a directory, never a path to another one, and of one line.
pub(crate) fn is_name(unit: &str) -> bool {
    let odd = |c: char| matches!(c, '/' | '\\') || c.is_control();
    !unit.trim().is_empty() && unit != "." && unit != ".." && !unit.contains(odd)
}

fn parse<V: StateValue>(path: &Path, bytes: &[u8]) -> Result<BTreeMap<String, (DateTime, V)>, Error> {
    let mut units = BTreeMap::new();
    let mut number = 0;
    for line in bytes.split_inclusive(|&b| b == b'\n') {
        number += 1;
        let fault = || Error::new(V::fault(number), path);
        let text = std::str::from_utf8(line).map_err(|_| fault())?;
        if text.trim().is_empty() {
            continue;
        }
        if V::CUT_READS && !text.ends_with('\n') {
            return Err(fault());
        }
        let (name, at, value) = unit(text.trim_end_matches(['\r', '\n'])).ok_or_else(fault)?;
        // What stands in the file becomes names of files that an override removes.
        if !is_name(name) {
            return Err(fault());
        }
        if units.insert(name.to_owned(), (at, value)).is_some() {
            return Err(Error::new(ErrorKind::Twice(number), path));
        }
    }
    Ok(units)
}

/// A line in the order of this crate, or with date and time first. The field that reads as a date and time is the time.
fn unit<V: StateValue>(line: &str) -> Option<(&str, DateTime, V)> {
    let mut fields = line.split('\t');
    let (first, second, third) = (fields.next()?, fields.next()?, fields.next()?);
    if fields.next().is_some() {
        return None;
    }
    let value = V::read(third.trim())?;
    let (name, at) = match moment(second) {
        Some(at) => (first, at),
        None => (second, moment(first)?),
    };
    (!name.trim().is_empty()).then_some((name, at, value))
}

fn moment(text: &str) -> Option<DateTime> {
    // A date alone is a name: days are units of a backfill.
    text.contains(':').then(|| text.trim().parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn statuses(text: &str) -> Result<BTreeMap<String, (DateTime, Status)>, Error> {
        parse(Path::new("loading_status.state"), text.as_bytes())
    }

    fn batches(text: &str) -> Result<BTreeMap<String, (DateTime, u32)>, Error> {
        parse(Path::new("loading_batch_status.state"), text.as_bytes())
    }

    #[test]
    fn both_orders_of_columns_are_read() {
        for line in [
            "labs\t2024-05-06 07:08:09.5\tCompleted",
            "2024-05-06 07:08:09.5\tlabs\tCompleted\r\n",
        ] {
            let units = statuses(line).unwrap();
            let (at, status) = units["labs"];
            assert_eq!(
                (at.to_string().as_str(), status),
                ("2024-05-06T07:08:09.5", Status::Completed)
            );
        }
        assert_eq!(batches("2024-05-06 07:08:09\tlabs\t12\n").unwrap()["labs"].1, 12);
        let day = statuses("2024-02-28\t2024-05-06 07:08:09\tCompleted").unwrap();
        assert!(day.contains_key("2024-02-28"), "a day is a name");
    }

    #[test]
    fn a_damaged_line_is_named_with_a_way_out() {
        for damaged in [
            "labs\t2024-05-06 07:0",
            "labs\tsometime\tCompleted",
            "labs\t2024-05-06 07:08:09\tcompleted",
            "\t2024-05-06 07:08:09\tCompleted",
            "a\tb\tc\td",
            "\u{fffd}\0\0",
        ] {
            let error = statuses(&format!("ok\t2024-05-06 07:08:09\tFailed\n\n{damaged}\n")).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Line(3), "{damaged}");
            assert!(error.to_string().contains("remove the line"), "{error}");
        }
        let not_text: Result<BTreeMap<String, (DateTime, Status)>, Error> = parse(Path::new("x"), b"a\xff\t");
        assert_eq!(not_text.unwrap_err().kind(), ErrorKind::Line(1));
    }

    #[test]
    fn a_number_cut_short_is_not_taken_for_another_one() {
        let whole = "labs\t2024-05-06 07:08:09\t12\n";
        assert_eq!(batches(whole).unwrap()["labs"].1, 12);
        for cut in [1, 2] {
            let error = batches(&whole[..whole.len() - cut]).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::BatchLine(1));
            assert!(error.to_string().contains("remove the line"), "{error}");
        }
    }

    #[test]
    fn a_unit_on_two_lines_is_refused() {
        let line = "labs\t2024-05-06 07:08:09\tCompleted\n";
        let error = statuses(&line.repeat(2)).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Twice(2));
    }

    /// What the original system left behind, where it is at hand.
    #[test]
    fn recorded_state_files_are_read() {
        let recorded = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/etl");
        if !recorded.exists() {
            x_skipped::skip!("../shared is absent, no recorded state file was read");
            return;
        }
        let status = |folder: &str| {
            let path = recorded.join(folder).join("loading_status.state");
            StateFile::<Status>::read(path).unwrap()
        };
        let batch = |folder: &str| {
            let path = recorded.join(folder).join("loading_batch_status.state");
            StateFile::<u32>::read(path).unwrap().get("labs")
        };
        assert_eq!(status("").units().count(), 3);
        assert!(
            status("")
                .units()
                .all(|(_, _, status)| status == Status::Completed)
        );
        assert_eq!((batch(""), batch("after_crash_batch2")), (Some(3), Some(1)));
        let crashed = status("after_crash_batch2");
        assert_eq!(
            (crashed.get("labs"), crashed.get("GENDER")),
            (None, Some(Status::Completed))
        );
    }
}
