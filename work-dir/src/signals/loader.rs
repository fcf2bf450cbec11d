//! What the loader of the original system needs: definitions, dictionaries, the list of files, and scripts.
//!
//! Its limits: at most 10 times and 30 fields a line, numbers for codes with a dictionary each, a code for what is absent,
//! folders that exist, paths that do not depend on where one stands.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::path::Path;

use super::catalogue::Kind;
use super::text::ABSENT;
use super::write::{Shape, Written};
use crate::state::listing::paths_in;
use crate::state::private;
use crate::{Error, ErrorKind};

/// Name of the definitions.
const NAME: &str = "cds";
/// Number of the first signal; smaller ones are taken by the original system's own.
const FIRST_ID: usize = 1_000;
/// Load limits of the original system's script.
const LOAD_ARGUMENTS: &str = "check_for_error_pid_cnt=0;allowed_missing_pids_from_forced_ratio=0.1;\
                              max_bad_line_ratio=0.05;allowed_unknown_catgory_cnt=1000";

/// Writes `rep_configs/` of a directory whose signals lie in its folder `signals`: all batches that are there are loaded, in
/// their order. Dictionaries grow and keep their numbers, so a batch can be appended.
///
/// # Errors
/// [`ErrorKind::File`] when something cannot be read or written.
pub fn write_loader(root: &Path, signals: &str, written: &[Written]) -> Result<(), Error> {
    let root = std::path::absolute(root).map_err(|e| Error::file(root, e))?;
    let configs = root.join("rep_configs");
    let dictionaries = configs.join("dicts");
    for directory in [&dictionaries, &root.join("rep/data")] {
        private::make_dirs(directory).map_err(|e| Error::file(directory, e))?;
    }
    for one in written.iter().filter(|one| has_dictionary(&one.shape)) {
        dictionary(&dictionaries.join(format!("dict.{}", one.name)), one)?;
    }
    let shapes: BTreeMap<&str, &Shape> = written
        .iter()
        .map(|one| (one.name.as_str(), &one.shape))
        .collect();
    let files = files(&root.join(signals), &shapes)?;
    let outputs = [
        (format!("{NAME}.signals"), definitions(&shapes)),
        (
            format!("{NAME}.convert_config"),
            config(&root, signals, &shapes, &files),
        ),
        ("load_with_medpython.py".to_owned(), MEDPYTHON.to_owned()),
        ("load_with_flow.sh".to_owned(), flow()),
    ];
    for (name, text) in outputs {
        let path = configs.join(name);
        private::replace(&path, text.as_bytes()).map_err(|e| Error::file(&path, e))?;
    }
    Ok(())
}

fn has_dictionary(shape: &Shape) -> bool {
    !(shape.kind == Kind::Once && shape.days)
}

/// Adds codes to a dictionary; those that are there keep their numbers.
fn dictionary(path: &Path, one: &Written) -> Result<(), Error> {
    let text = match std::fs::read_to_string(path) {
        Ok(text) => text,
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => {
            format!("SECTION\t{}\nDEF\t1\t{ABSENT}\n", one.name)
        }
        Err(e) => return Err(Error::file(path, e)),
    };
    let defined = |line: &str| -> Option<(u64, String)> {
        let mut fields = line.strip_prefix("DEF\t")?.split('\t');
        Some((fields.next()?.parse().ok()?, fields.next()?.to_owned()))
    };
    let mut known = BTreeSet::new();
    let mut last = 0;
    for line in text.lines().skip(1) {
        let (number, code) = defined(line).ok_or_else(|| Error::new(ErrorKind::File, path))?;
        last = last.max(number);
        known.insert(code);
    }
    let mut text = text;
    for code in one.categories.iter().filter(|code| !known.contains(*code)) {
        last += 1;
        let _ = writeln!(text, "DEF\t{last}\t{code}");
    }
    private::replace(path, text.as_bytes()).map_err(|e| Error::file(path, e))
}

/// The text files of the signals, each signal's in the order of its batches.
fn files(directory: &Path, shapes: &BTreeMap<&str, &Shape>) -> Result<Vec<String>, Error> {
    let mut found = Vec::new();
    for path in paths_in(directory).map_err(|e| Error::file(directory, e))? {
        let Some(name) = path.file_name().and_then(|name| name.to_str()) else {
            continue;
        };
        let (signal, batch) = match name.rsplit_once('.') {
            None => (name, None),
            Some((signal, batch)) => match batch.parse::<u32>() {
                Ok(batch) => (signal, Some(batch)),
                Err(_) => continue,
            },
        };
        if shapes.contains_key(signal) {
            found.push((signal.to_owned(), batch, name.to_owned()));
        }
    }
    found.sort();
    Ok(found.into_iter().map(|(.., name)| name).collect())
}

fn definitions(shapes: &BTreeMap<&str, &Shape>) -> String {
    let mut out = format!(
        "# GENERIC_SIGNAL_TYPE name type: T times, V values; i whole number, d decimal number\n\
         # SIGNAL name id 16:type tags categorical-value-channels units\n\
         GENERIC_SIGNAL_TYPE\t{NAME}_number\tT(i),V(d,i)\n\
         GENERIC_SIGNAL_TYPE\t{NAME}_category\tT(i),V(i)\n\
         GENERIC_SIGNAL_TYPE\t{NAME}_period\tT(i,i),V(i)\n\
         GENERIC_SIGNAL_TYPE\t{NAME}_once\tV(i)\n"
    );
    for (id, (name, shape)) in (FIRST_ID..).zip(shapes) {
        let (kind, categorical) = match shape.kind {
            Kind::Number => ("number", "01"),
            Kind::Category => ("category", "1"),
            Kind::Period => ("period", "1"),
            Kind::Once if shape.days => ("once", "0"),
            Kind::Once => ("once", "1"),
        };
        let unit = shape
            .unit
            .as_deref()
            .map_or(String::new(), |unit| format!("{unit}|"));
        let _ = writeln!(
            out,
            "SIGNAL\t{name}\t{id}\t16:{NAME}_{kind}\t{}\t{categorical}\t{unit}",
            shape.tags
        );
    }
    out
}

fn config(root: &Path, signals: &str, shapes: &BTreeMap<&str, &Shape>, files: &[String]) -> String {
    // No signal is forced: a patient without it would be left out, and a run that brings no patient's sex refused.
    let root = root.display();
    let mut out = format!(
        "DESCRIPTION\tsignals\nRELATIVE\t1\nSAFE_MODE\t1\nMODE\t3\nPREFIX\tdata/{NAME}_rep\nCONFIG\t{NAME}.repository\n\
         SIGNAL\t{NAME}.signals\nDIR\t{root}/rep_configs\nOUTDIR\t{root}/rep\n"
    );
    for (name, _) in shapes.iter().filter(|(_, shape)| has_dictionary(shape)) {
        let _ = writeln!(out, "DICTIONARY\tdicts/dict.{name}");
    }
    for file in files {
        let _ = writeln!(out, "DATA\t../{signals}/{file}");
    }
    out
}

fn flow() -> String {
    format!(
        "#!/bin/bash\n# Loads the signals with Flow, a program of the original system (AlgoMarker tools, built from its sources).\n\
         # Without it: pip install medpython; python3 load_with_medpython.py\nset -e\n\
         here=$(cd \"$(dirname \"${{BASH_SOURCE[0]}}\")\" && pwd)\n\
         command -v Flow >/dev/null || {{ echo \"Flow is not installed; python3 $here/load_with_medpython.py does the same\" >&2; exit 1; }}\n\
         config=$(mktemp)\ntrap 'rm -f \"$config\"' EXIT\n\
         sed \"s|^DIR\\t.*|DIR\\t$here|; s|^OUTDIR\\t.*|OUTDIR\\t$(dirname \"$here\")/rep|\" \"$here/{NAME}.convert_config\" > \"$config\"\n\
         mkdir -p \"$(dirname \"$here\")/rep/data\"\nexport OMP_NUM_THREADS=1\n\
         Flow --rep_create --convert_conf \"$config\" --load_args \"{LOAD_ARGUMENTS}\"\n\
         Flow --rep_create_pids --rep \"$(dirname \"$here\")/rep/{NAME}.repository\"\n"
    )
}

/// Works where the directory has been moved: paths follow from where the script lies.
const MEDPYTHON: &str = r#""""Loads the signals with the loader of the original system: pip install medpython

python3 load_with_medpython.py [SIGNAL ...]   prints how many rows each of these, or of all signals, has
"""
import os
import sys
import tempfile
from pathlib import Path

# Threads of the loader wait for each other: on two cores a million rows take half a minute with one, many with more.
os.environ.setdefault("OMP_NUM_THREADS", "1")
import med  # noqa: E402

HERE = Path(__file__).resolve().parent
REP = HERE.parent / "rep"
LIMITS = (
    "check_for_error_pid_cnt=0;allowed_missing_pids_from_forced_ratio=0.1;"
    "max_bad_line_ratio=0.05;allowed_unknown_catgory_cnt=1000"
)


def names():
    lines = (HERE / "cds.signals").read_text().splitlines()
    return [line.split("\t")[1] for line in lines if line.startswith("SIGNAL\t")]


def load(signals):
    (REP / "data").mkdir(parents=True, exist_ok=True)
    places = {"DIR": HERE, "OUTDIR": REP}
    lines = (HERE / "cds.convert_config").read_text().splitlines()
    lines = [f"{key}\t{places[key]}" if (key := line.split("\t")[0]) in places else line for line in lines]
    with tempfile.NamedTemporaryFile("w", dir=REP, suffix=".convert_config") as config:
        config.write("\n".join(lines) + "\n")
        config.flush()
        convert = med.MedConvert()
        convert.init_load_params(LIMITS)
        convert.create_rep(config.name)
        convert.create_index(str(REP / "cds.repository"))
    loaded = med.PidRepository()
    if loaded.read_all(str(REP / "cds.repository"), [], signals) < 0:
        sys.exit("the repository cannot be read")
    return loaded


if __name__ == "__main__":
    wanted = sys.argv[1:] or names()
    repository = load(wanted)
    for signal in wanted:
        print(signal, len(repository.get_sig(signal)), sep="\t")
"#;
