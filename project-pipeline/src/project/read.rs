use super::{Project, action, relations, top};
use crate::{Fault, Place, Rule, Warning, yaml};

/// A project file and what is wrong with it.
#[derive(Clone, Debug, Default)]
pub struct Checked {
    /// Everything that could be read; only a file without faults may be run.
    pub project: Project,
    /// What is wrong, in the order of the file.
    pub faults: Vec<Fault>,
    /// What is wrong only to OpenSAFELY's validator.
    pub only_there: Vec<Fault>,
    /// The names of all actions, faulty ones too.
    pub(crate) names: Vec<String>,
    /// Who needs whom, and where that stands.
    pub(crate) needs: Vec<(String, String, Place)>,
    /// What is allowed but should be known, in the order of the file.
    pub warnings: Vec<Warning>,
}

impl Checked {
    /// Whether the file may be run.
    #[must_use]
    pub fn is_good(&self) -> bool {
        self.faults.is_empty()
    }

    /// Whether OpenSAFELY's validator would take the file, by the rules that it has.
    #[must_use]
    pub fn is_good_there(&self) -> bool {
        self.faults_there().next().is_none()
    }

    /// The faults of the rules that OpenSAFELY's validator has too.
    pub fn faults_there(&self) -> impl Iterator<Item = &Fault> {
        let shared = self.faults.iter().filter(|fault| fault.rule.is_original());
        shared.chain(&self.only_there)
    }

    pub(super) fn fault(&mut self, rule: Rule, at: Place, message: impl Into<String>) {
        self.faults.push(Fault::new(rule, at, message));
    }

    pub(super) fn warn(&mut self, at: Place, message: impl Into<String>) {
        self.warnings.push(Warning {
            at,
            message: message.into(),
        });
    }
}

/// Reads a project file and finds everything that is wrong with it.
#[must_use]
pub fn check(text: &str) -> Checked {
    let mut checked = Checked::default();
    let root = match yaml::read(text) {
        Ok(root) => root,
        Err(faults) => {
            checked.faults = faults;
            return checked;
        }
    };
    let Some(entries) = root.map() else {
        let message = if root.is_null() {
            "the file is empty".to_owned()
        } else {
            format!("a project is a mapping, this is {}", root.sort())
        };
        checked.fault(Rule::Root, root.at, message);
        return checked;
    };
    let version = top::read(entries, root.at, &mut checked);
    for (key, value) in top::actions(entries) {
        action::read(key, value, version, &mut checked);
    }
    relations::check(version, &mut checked);
    checked.project.version = version.number();
    checked.project.actions.retain(|action| action.name != "run_all");
    let (only_there, faults) = std::mem::take(&mut checked.faults)
        .into_iter()
        .partition(|fault| fault.rule.is_only_there());
    (checked.only_there, checked.faults) = (only_there, faults);
    checked.faults.sort_by_key(|fault| fault.at);
    checked.warnings.sort_by_key(|warning| warning.at);
    checked
}
