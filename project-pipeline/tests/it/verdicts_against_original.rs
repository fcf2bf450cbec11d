//! Random project files: our verdict in the original's mode against the original's.

use std::fmt::Write;

use project_pipeline::check;

use crate::oracle;
use crate::random::Random;

const VERSIONS: &[&str] = &[
    "5",
    "5.0",
    "\"5.0\"",
    "4",
    "3.0",
    "3",
    "2",
    "1",
    "1.5",
    "true",
    "false",
    "null",
    "\"5\"",
    " '4.0'",
    "6",
    "\"x\"",
    "0",
    "2.9",
    "3.5",
    "4.9",
    "[5]",
    "nan",
    "-1",
    "yes",
    "0x5",
    "0o5",
    "1_0",
    ".inf",
    "2020-01-01",
    "!!str 5",
    "05",
    "",
    "! \"5\"",
    "!!float 5.0",
    "!!int \"4\"",
    "!mine 5",
    "!!timestamp 2020-1-1",
    "2020-02-30",
    "!!seq 5",
];
const RUNS: &[&str] = &[
    "python:v2 python a.py",
    "python:v2 x",
    "r:v1.2-pre x",
    "python:latest x",
    "r:dev y",
    "python x",
    "python:2 x",
    "\"\"",
    "\" \"",
    "'python:v2 \"x'",
    "5",
    "null",
    "[a]",
    "python:v2 x # y",
    "ehrql:v1 generate-dataset d.py --output o/a.csv",
    "ehrql:v1 generate-dataset d.py --output=o/b.csv",
    "ehrql:v1 generate-dataset d.py --output o/:csv",
    "ehrql:v1 generate-measures d.py",
    "ehrql:v1 generate_dataset d.py",
    "databuilder:v0 generate-dataset d.py --output o/*.csv",
    "cohortextractor:latest generate_cohort",
    "cohortextractor:v1 generate_cohort --output-dir=o",
    "cohortextractor:latest generate_measures --output-dir=o",
    "cohortextractor-v2:v1 generate_cohort",
    "sqlrunner:v1 x",
    "ehrql:v1",
    "\"python:v2\\nx\"",
    "stata-mp:latest analysis/a.do",
    "'jupyter:v1 jupyter nbconvert /workspace/n.ipynb --to html'",
    "|\n      python:v2\n      x",
    ">\n      python:v2 x\n      y",
    "python:v2:",
    "python:v2: x",
    "&r python:v2 z",
    "*r",
    "true",
    "2020-01-01",
    "python:v2\\ x",
    "\"python:v2 \\\"a b\\\"\"",
    "python:v2 a=1 --b={x}",
    "{a: b}",
    "!mine python:v2 x",
    "! python:v2 x",
    "!!binary YWJj",
    "!!map python:v2 x",
];
const PATHS: &[&str] = &[
    "o/a.csv",
    "o/b.csv",
    "o/*.csv",
    "a.csv",
    "o/a.feather",
    "o/a.csv.gz",
    "o/a.CSV",
    "../a.csv",
    "o/../a.csv",
    "/a.csv",
    "o//a.csv",
    "./a.csv",
    "metadata/a.csv",
    "o/a",
    "o/a.*",
    "o/**.csv",
    "\"o/a?.csv\"",
    "\"o/a[1].csv\"",
    "o\\a.csv",
    "c:/a.csv",
    "\"\"",
    "5",
    "null",
    "[a.csv]",
    "{a: b.csv}",
    "o/.csv",
    "o/a.png",
    "o/a.svg",
    "o/a.html",
    "o/a.txt",
    "o/a.json",
    "o/a.dta",
    "o/*/a.csv",
    "o/a b.csv",
    "' a.csv'",
    "2020-01-01",
    "1.5",
    "o/a.c*v",
    "true",
    "o/a.csv/",
    "o2/a.csv",
    "'*.csv'",
    "*.csv",
    "o/a:b.csv",
    "~/a.md",
    "\"a\\tb.csv\"",
    "!!str 5.csv",
    "o/x_*_y.log",
    "!mine o/a.csv",
    "!!set o/a.csv",
];
const LEVELS: &[&str] = &[
    "highly_sensitive",
    "moderately_sensitive",
    "minimally_sensitive",
    "highly_sensitive",
    "moderately_sensitive",
    "public",
    "1",
    "null",
    "Highly_sensitive",
    "\"highly_sensitive\"",
];
const NAMES: &[&str] = &[
    "a",
    "b",
    "c",
    "d",
    "run_all",
    "1",
    "null",
    "\"a b\"",
    "é",
    "a-b",
    "true",
    "2020-01-01",
    "\"\"",
    "a.b",
    "'c'",
];
const NEEDS: &[&str] = &[
    "[]",
    "[a]",
    "[b]",
    "[a, b]",
    "[a b]",
    "a",
    "null",
    "",
    "[null]",
    "[1]",
    "[zz]",
    "[a, a]",
    "[\"a\"]",
    "[[a]]",
    "{a: 1}",
    "[run_all]",
    "[\" a\"]",
    "\n      - a\n      - b",
    "[a,]",
    "[,]",
    "[a",
    "- a",
    "[true]",
    "[c]",
    "[d]",
    "[é]",
    "! ",
    "!!omap []",
    "!!pairs [a: 1]",
    "!!set {a}",
    "[!mine a]",
    "!!seq [a]",
];
const CONFIGS: &[&str] = &[
    "{k: 1}",
    "null",
    "{}",
    "[1]",
    "x",
    "{1: 2}",
    "\n      k: v\n      l: [1, 2]",
    "5",
    "{a: {b: c}}",
    "{a, b}",
    "{a: 1, a: 2}",
    "{2020-02-30: 1}",
    "{a: 2020-01-01T00:00:00+25:00}",
    "{\"a\n      b\": 1}",
    "{a\n      : 1}",
    "{? a\n      : 1}",
    "{[[a]]: 1}",
    "{\"<<\": 1}",
    "!!omap [a: 1]",
    "!!set {a}",
    "{a: !!binary YQ=}",
    "{! \"5\": a, 5: b}",
    "{2020-01-01T00:00:00Z: 1, 2020-01-01 00:00:00: 2}",
];
const EXTRAS: &[&str] = &[
    "foo: 1",
    "dummy_data_file: x.csv",
    "dummy_data_file: 5",
    "dummy_data_file: null",
    "1: 2",
    "Run: x",
    "<<: {run: 'python:v9 q'}",
    "? [x]\n    : y",
    "!mine config: {}",
    "!!map config: {}",
];
const EXPECTATIONS: &[&str] = &[
    "{population_size: 10}",
    "{population_size: \"10\"}",
    "{population_size: x}",
    "{}",
    "null",
    "[]",
    "{population_size: 1.5}",
    "{population_size: null}",
    "{population_size: 1, x: 2}",
    "\n  population_size: 1000",
    "{population_size: true}",
    "x",
    "",
    "{population_size: \"1_0\"}",
    "{population_size: .inf}",
];

/// A file that is mostly good, with some odd values.
fn file(random: &mut Random) -> String {
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
fn damaged(text: &str, random: &mut Random) -> String {
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

#[test]
fn verdicts_are_the_originals_on_random_files() {
    let Some(python) = oracle::python() else { return };
    let folder = tempfile::tempdir().expect("a folder");
    let mut random = Random::new(oracle::seed());
    let mut texts = Vec::new();
    let mut paths = Vec::new();
    for number in 0..oracle::cases(400) {
        let mut text = file(&mut random);
        if number % 3 == 0 {
            text = damaged(&text, &mut random);
        }
        let path = folder.path().join(format!("{number}.yaml"));
        std::fs::write(&path, &text).expect("written");
        paths.push(path.display().to_string());
        texts.push(text);
    }
    let theirs = oracle::ask(&python, "verdicts.py", &paths);
    assert_eq!(theirs.len(), texts.len());
    let mut accepted = 0;
    let mut different = Vec::new();
    for (text, theirs) in texts.iter().zip(&theirs) {
        let good = theirs.starts_with("accept");
        accepted += usize::from(good);
        let checked = check(text);
        if checked.is_good_there() != good {
            different.push(format!("{theirs}\n{:?}\n{text}", checked.faults));
        }
    }
    println!("{} files, {accepted} accepted by both", texts.len());
    assert!(accepted * 10 > texts.len(), "too few good files: {accepted}");
    assert!(
        different.is_empty(),
        "{} of {} verdicts differ:\n{}",
        different.len(),
        texts.len(),
        different
            .iter()
            .take(12)
            .cloned()
            .collect::<Vec<_>>()
            .join("\n--------\n")
    );
}
