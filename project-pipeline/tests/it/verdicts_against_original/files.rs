//! Random project files: mostly good, so that what is odd in one is not hidden by its other faults.

use std::fmt::Write;

use crate::random::Random;

use super::values::{CONFIGS, EXPECTATIONS, EXTRAS, LEVELS, NAMES, NEEDS, PATHS, RUNS, VERSIONS};

/// A file that is mostly good, with some odd values.
pub(super) fn file(random: &mut Random) -> String {
    let odd = 1 + random.below(40);
    let pick = |random: &mut Random, from: &'static [&'static str], good: usize| {
        if random.one_in(odd) {
            *random.pick(from)
        } else {
            from[random.below(good)]
        }
    };
    let mut text = String::new();
    let version = if random.one_in(3) {
        "3.0"
    } else {
        pick(random, VERSIONS, 4)
    };
    if !random.one_in(100) {
        let _ = writeln!(text, "version: {version}");
    }
    if version.contains('3') != random.one_in(15) {
        let _ = writeln!(text, "expectations: {}", pick(random, EXPECTATIONS, 2));
    }
    if random.one_in(60) {
        let _ = writeln!(text, "{}: 1", pick(random, NAMES, 3));
    }
    text.push_str("actions:\n");
    let count = random.below(4) + usize::from(!random.one_in(30));
    for (number, name) in NAMES.iter().enumerate().take(count) {
        let name = if random.one_in(odd) {
            random.pick(NAMES)
        } else {
            name
        };
        let _ = writeln!(text, "  {name}:");
        action(random, number, &pick, &mut text);
    }
    text
}

fn action(
    random: &mut Random,
    number: usize,
    pick: &impl Fn(&mut Random, &'static [&'static str], usize) -> &'static str,
    text: &mut String,
) {
    if !random.one_in(60) {
        let run = pick(random, RUNS, 2);
        let run = if run.starts_with("python:v2 ") && !run.contains('\n') {
            format!("{run} {number}")
        } else {
            run.to_owned()
        };
        let _ = writeln!(text, "    run: {run}");
    }
    if random.one_in(2) {
        let _ = writeln!(text, "    needs: {}", pick(random, NEEDS, 2));
    }
    if random.one_in(6) {
        let _ = writeln!(text, "    config: {}", pick(random, CONFIGS, 1));
    }
    if random.one_in(25) {
        let _ = writeln!(text, "    {}", random.pick(EXTRAS));
    }
    if random.one_in(80) {
        return;
    }
    if random.one_in(60) {
        let _ = writeln!(
            text,
            "    outputs: {}",
            random.pick(&[
                "{}",
                "null",
                "[]",
                "x",
                "{highly_sensitive: {}}",
                "{highly_sensitive: null}"
            ])
        );
        return;
    }
    text.push_str("    outputs:\n");
    for _ in 0..=usize::from(random.one_in(3)) {
        let _ = writeln!(text, "      {}:", pick(random, LEVELS, 3));
        for output in 0..=random.below(2) {
            let path = pick(random, PATHS, 1);
            let path = if path == "o/a.csv" && !random.one_in(20) {
                format!("o/a{number}{output}{}.csv", random.below(50))
            } else {
                path.to_owned()
            };
            let _ = writeln!(text, "        {}: {path}", pick(random, NAMES, 4));
        }
    }
}

/// A few characters or lines less, more or elsewhere.
pub(super) fn damaged(text: &str, random: &mut Random) -> String {
    const PIECES: &[&str] = &[
        ":",
        "'",
        "\"",
        "[",
        "]",
        "{",
        "}",
        "#",
        " #",
        "\t",
        " ",
        "  ",
        "\n",
        "-",
        "- ",
        "&a",
        "*a",
        "!",
        "|",
        ">",
        "%",
        "@",
        "`",
        ",",
        "?",
        "? ",
        "\\",
        "---\n",
        "...\n",
        "\u{feff}",
        "é",
        "\u{7}",
        "\u{a0}",
        "<<: *a",
        "~",
        "\r\n",
        "!!str ",
        "0",
        "null",
        ": ",
        "_",
        "\u{1f600}",
    ];
    let mut chars: Vec<char> = text.chars().collect();
    for _ in 0..=random.below(2) {
        let at = random.below(chars.len() + 1);
        match random.below(4) {
            0 => {
                let end = (at + 1 + random.below(4)).min(chars.len());
                chars.drain(at.min(end)..end);
            }
            1 => {
                let lines: Vec<String> = chars
                    .iter()
                    .collect::<String>()
                    .split('\n')
                    .map(str::to_owned)
                    .collect();
                let (from, to) = (random.below(lines.len()), random.below(lines.len()));
                let mut lines = lines;
                if random.one_in(2) {
                    let line = lines[from].clone();
                    lines.insert(to, line);
                } else {
                    lines.remove(from);
                }
                chars = lines.join("\n").chars().collect();
            }
            _ => {
                let piece: Vec<char> = random.pick(PIECES).chars().collect();
                chars.splice(at..at, piece);
            }
        }
    }
    chars.into_iter().collect()
}
