//! Tabs: YAML allows some of them between tokens, Python's loaders allow none, and nobody sees them.

use std::ops::Range;

use crate::{Fault, Place, Rule};

/// Finds tabs outside of quoted texts, block texts and comments; at most one fault a line. `texts` are byte ranges in order.
pub(super) fn faults(text: &str, texts: &[Range<usize>]) -> Vec<Fault> {
    let mut faults = Vec::new();
    if !text.contains('\t') {
        return faults;
    }
    let mut ranges = texts.iter().peekable();
    let mut start = 0;
    for (number, line) in text.split_inclusive('\n').enumerate() {
        let mut before = ' ';
        for (at, c) in line.char_indices() {
            let here = start + at;
            while ranges.next_if(|range| range.end <= here).is_some() {}
            if ranges.peek().is_some_and(|range| range.start <= here) {
                before = c;
                continue;
            }
            if c == '#' && matches!(before, ' ' | '\t') {
                break;
            }
            if c == '\t' {
                let column = line[..at].chars().count() + 1;
                faults.push(Fault::new(
                    Rule::Tab,
                    Place::new(number + 1, column),
                    "a tab stands here",
                ));
                break;
            }
            before = c;
        }
        start += line.len();
    }
    faults
}
