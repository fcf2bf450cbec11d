//! The 71 recorded cases.

use project_pipeline::{Rule, check};
use serde_json::Value;

use crate::shared::recorded;

/// Cases that only our rules refuse, with the rule.
const OURS: [(&str, Rule); 5] = [
    ("21_self_needs_cycle", Rule::Cycle),
    ("22_cycle_two", Rule::Cycle),
    ("32_bad_dotdot", Rule::PathOutside),
    ("65_glob_two_levels_overlap", Rule::Overlap),
    ("69_version_bool", Rule::VersionOdd),
];

#[test]
fn verdicts_are_the_recorded_ones() {
    let Some(path) = recorded("verdicts.json") else {
        return;
    };
    let verdicts: Value = serde_json::from_str(&std::fs::read_to_string(path).expect("read")).expect("JSON");
    let mut count = 0;
    for case in verdicts["cases"].as_array().expect("cases") {
        let name = case["case"].as_str().expect("a name");
        let Some(path) = recorded(&format!("{name}.yaml")) else {
            return;
        };
        let checked = check(&std::fs::read_to_string(path).expect("read"));
        let accepted = case["verdict"] == "ACCEPT";
        assert_eq!(checked.is_good_there(), accepted, "{name}: {:?}", checked.faults);
        let ours: Vec<Rule> = checked
            .faults
            .iter()
            .map(|f| f.rule)
            .filter(|r| !r.is_original())
            .collect();
        let known = OURS.iter().find(|(case, _)| *case == name).map(|(_, rule)| *rule);
        if accepted {
            assert_eq!(ours, known.into_iter().collect::<Vec<_>>(), "{name}");
        }
        for fault in &checked.faults {
            assert!(fault.at.line > 0 && fault.at.column > 0, "{name}: {fault}");
        }
        count += 1;
    }
    assert_eq!(count, 71);
}
