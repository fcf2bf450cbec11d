use std::path::Path;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use work_dir::{Layout, Runs};

use super::HospitalPlan;
use super::hospital::Change;
use crate::{Error, ErrorKind, Result};

/// File in the demo's directory that keeps which hospital it plays.
const FILE: &str = "hospital.json";

/// The hospital of the last demo in this directory, if it had this seed and size, else a new one; altered once more
/// where asked for.
///
/// A run that was interrupted is gone on with: an alteration that was made since it began is not made again.
pub(super) fn next(
    directory: &Path,
    seed: u64,
    patients: u32,
    change: Option<u32>,
    run: &Layout,
) -> Result<HospitalPlan> {
    let kept = read(directory)?.filter(|plan| (plan.seed, plan.patients) == (seed, patients));
    let mut plan = kept.unwrap_or(HospitalPlan {
        seed,
        patients,
        changes: Vec::new(),
    });
    let begun = Runs::begun(run).and_then(|at| at.to_zoned(TimeZone::system()).ok());
    let made = |change: &Change| {
        begun
            .as_ref()
            .is_some_and(|at| change.at >= at.timestamp().as_second())
    };
    if let Some(patients) = change.filter(|_| !plan.changes.last().is_some_and(made)) {
        plan.changes.push(Change {
            patients,
            at: Timestamp::now().as_second(),
        });
    }
    write(directory, &plan)?;
    Ok(plan)
}

fn read(directory: &Path) -> Result<Option<HospitalPlan>> {
    let path = directory.join(FILE);
    match std::fs::read(&path) {
        Ok(bytes) => serde_json::from_slice(&bytes).map(Some).map_err(|e| {
            let text = format!(
                "{} is damaged; remove it to begin with a new hospital",
                path.display()
            );
            Error::new(ErrorKind::File, text).because(e)
        }),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => {
            Err(Error::new(ErrorKind::File, format!("{} cannot be read", path.display())).because(error))
        }
    }
}

fn write(directory: &Path, plan: &HospitalPlan) -> Result<()> {
    let path = directory.join(FILE);
    let failed = |e: std::io::Error| {
        Error::new(ErrorKind::File, format!("{} cannot be written", path.display())).because(e)
    };
    let text = serde_json::to_vec_pretty(plan).map_err(|e| failed(e.into()))?;
    let part = directory.join("hospital.json.part");
    std::fs::write(&part, text)
        .and_then(|()| std::fs::rename(&part, &path))
        .map_err(failed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn changes_add_up_and_another_hospital_begins_anew() {
        let directory = tempfile::tempdir().expect("directory");
        let run = |name: &str| Layout::new(directory.path().join("runs").join(name));
        let early = run("2020-01-01_00-00-00");
        let late = run("2999-01-01_00-00-00");
        let at = |change, run| {
            next(directory.path(), 1, 20, change, run)
                .expect("plan")
                .changes
                .len()
        };
        assert_eq!(
            (
                at(None, &late),
                at(Some(3), &late),
                at(None, &late),
                at(Some(1), &late)
            ),
            (0, 1, 1, 2)
        );
        assert_eq!(at(Some(1), &early), 2, "made since this run began");
        assert_eq!(
            next(directory.path(), 2, 20, None, &late)
                .expect("plan")
                .changes
                .len(),
            0
        );
    }

    #[test]
    fn a_damaged_file_says_what_to_do() {
        let directory = tempfile::tempdir().expect("directory");
        std::fs::write(directory.path().join(FILE), "{").expect("writes");
        let error = next(directory.path(), 1, 20, None, &Layout::new(directory.path())).expect_err("damaged");
        assert!(error.to_string().contains("remove it"), "{error}");
    }
}
