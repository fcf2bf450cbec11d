use std::path::{Path, PathBuf};

use clap::Args;
use serde::Serialize;

use super::{Format, say};
use crate::{Checked, Error, Fault, Place, Result, Rule, project};

/// Arguments of `pipeline check`.
#[derive(Args)]
pub(super) struct Check {
    /// Project files, or folders with a project.yaml
    #[arg(default_value = "project.yaml", value_name = "FILE")]
    files: Vec<PathBuf>,
    /// Give the verdict of OpenSAFELY's validator: rules that are ours alone are not applied
    #[arg(long)]
    strict_compat: bool,
    /// One JSON object a file and line instead of text
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
    /// The same as --format json
    #[arg(long)]
    json: bool,
}

/// The verdict on a file, for programs.
#[derive(Serialize)]
struct Verdict<'a> {
    file: String,
    verdict: &'static str,
    faults: Vec<Finding<'a>>,
    warnings: Vec<Finding<'a>>,
}

#[derive(Serialize)]
struct Finding<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    rule: Option<&'static str>,
    line: usize,
    column: usize,
    message: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    advice: Option<&'static str>,
}

impl Check {
    pub(super) fn run(&self) -> Result<bool> {
        let mut good = true;
        for file in &self.files {
            let path = if file.is_dir() {
                file.join("project.yaml")
            } else {
                file.clone()
            };
            let bytes = std::fs::read(&path).map_err(|source| Error::read(&path, source))?;
            let checked = match String::from_utf8(bytes) {
                Ok(text) => project::check(&text),
                Err(fault) => not_utf8(&fault),
            };
            let faults: Vec<&Fault> = if self.strict_compat {
                checked.faults_there().collect()
            } else {
                checked.faults.iter().collect()
            };
            good &= faults.is_empty();
            say(&if self.json || self.format == Format::Json {
                json(&path, &checked, &faults)
            } else {
                text(&path, &checked, &faults)
            });
        }
        Ok(good)
    }
}

fn not_utf8(fault: &std::string::FromUtf8Error) -> Checked {
    let good = &fault.as_bytes()[..fault.utf8_error().valid_up_to()];
    let line = good.iter().filter(|byte| **byte == b'\n').count() + 1;
    let column = String::from_utf8_lossy(good.rsplit(|byte| *byte == b'\n').next().unwrap_or_default())
        .chars()
        .count()
        + 1;
    Checked {
        faults: vec![Fault {
            rule: Rule::Yaml,
            at: Place { line, column },
            message: "this is not UTF-8".to_owned(),
        }],
        ..Checked::default()
    }
}

fn text(path: &Path, checked: &Checked, faults: &[&Fault]) -> String {
    let file = path.display();
    let mut out = String::new();
    for fault in faults {
        out.push_str(&format!(
            "{file}:{fault}\n    → {} [{}]\n",
            fault.rule.advice(),
            fault.rule.name()
        ));
    }
    for warning in &checked.warnings {
        let at = warning.at;
        out.push_str(&format!(
            "{file}:{}:{}: warning: {}\n",
            at.line, at.column, warning.message
        ));
    }
    if faults.is_empty() {
        let count = checked.project.actions.len();
        out.push_str(&format!(
            "{file}: good, {count} action{}\n",
            if count == 1 { "" } else { "s" }
        ));
    } else {
        out.push_str(&format!(
            "{file}: {} fault{}\n",
            faults.len(),
            if faults.len() == 1 { "" } else { "s" }
        ));
    }
    out
}

fn json(path: &Path, checked: &Checked, faults: &[&Fault]) -> String {
    let verdict = Verdict {
        file: path.display().to_string(),
        verdict: if faults.is_empty() { "ACCEPT" } else { "REJECT" },
        faults: faults
            .iter()
            .map(|fault| Finding {
                rule: Some(fault.rule.name()),
                line: fault.at.line,
                column: fault.at.column,
                message: &fault.message,
                advice: Some(fault.rule.advice()),
            })
            .collect(),
        warnings: checked
            .warnings
            .iter()
            .map(|warning| Finding {
                rule: None,
                line: warning.at.line,
                column: warning.at.column,
                message: &warning.message,
                advice: None,
            })
            .collect(),
    };
    serde_json::to_string(&verdict).unwrap_or_default() + "\n"
}
