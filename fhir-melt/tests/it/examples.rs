//! Worked examples, cell by cell.

use fhir_melt::{MeltOptions, Melter, TrailingSeparator, melt};
use table_description::MeltMode;

use crate::shared::{batch, cells, table};

/// Columns, raw cells of one row and the rows expected; `-` is NULL, so that a table reads like one.
type Example = (
    &'static [&'static str],
    &'static [&'static str],
    &'static [&'static [&'static str]],
);

const PRODUCT: &[Example] = &[
    (
        &["identifier/system", "identifier/value", "type/coding/code"],
        &["[1.1]s1 ~ [2.1]s2", "[1.1]v1 ~ [2.1]v2", "[1.1.1]a ~ [1.2.1]b"],
        &[
            &["s1", "v1", "a"],
            &["s1", "v1", "b"],
            &["s2", "v2", "a"],
            &["s2", "v2", "b"],
        ],
    ),
    (
        &["identifier/system", "identifier/value"],
        &["[2.1]s2", "[1.1]v1 ~ [3.1]v3"],
        &[&["-", "v1"], &["s2", "-"], &["-", "v3"]],
    ),
    (&["identifier/value"], &["[3.1]v3"], &[&["-"], &["-"], &["v3"]]),
    (
        &["category/coding/code", "category/text"],
        &["[1.1.1]a ~ [1.2.1]b ~ [2.1.1]c", "[1.1]T1 ~ [2.1]T2"],
        &[&["a", "T1"], &["b", "T1"], &["c", "T2"]],
    ),
    (
        &["d/type/coding/code", "d/site/coding/code"],
        &["[1.1.1.1]a ~ [1.1.2.1]b", "[1.1.1.1]x ~ [1.1.2.1]y ~ [2.1.1.1]z"],
        &[&["a", "x"], &["a", "y"], &["b", "x"], &["b", "y"], &["-", "z"]],
    ),
    (
        &["identifier/value"],
        &["[1.1]ID ~ [1.1]v1 ~ [2.1]v2"],
        &[&["ID ~ v1"], &["v2"]],
    ),
    (&["note/text"], &["[1.1]a ~ b ~ [2.1]c ~ "], &[&["a ~ b"], &["c"]]),
    (
        &["note/text"],
        &["[1.1]see [2] and [1.5] ok []"],
        &[&["see [2] and [1.5] ok []"]],
    ),
    (&["status"], &["-"], &[&["-"]]),
];

const ALIGNED: &[Example] = &[
    (
        &["id", "identifier/value", "type/coding/code"],
        &["[1]r", "[1.1]v1 ~ [2.1]v2", "[1.1.1]a ~ [1.2.1]b ~ [1.3.1]c"],
        &[&["r", "v1", "a"], &["r", "v2", "b"], &["r", "-", "c"]],
    ),
    (
        &["name/family", "name/given", "telecom/value"],
        &["[1.1]F ~ [3.1]H", "[1.1]A ~ [1.2]B ~ [2.1]C", "[1.1]1 ~ [2.1]2"],
        &[
            &["F", "A", "1"],
            &["F", "B", "2"],
            &["-", "C", "-"],
            &["H", "-", "-"],
        ],
    ),
];

fn check(examples: &[Example], joined: &[&str], options: &MeltOptions) {
    for (paths, raw, expected) in examples {
        let row = |cells: &[&str]| {
            cells
                .iter()
                .map(|&c| (c != "-").then(|| c.to_owned()))
                .collect::<Vec<_>>()
        };
        let batch = batch(&table(paths, joined), &[row(raw)]);
        let expected: Vec<_> = expected.iter().map(|cells| row(cells)).collect();
        assert_eq!(cells(&melt(&batch, options)), expected, "{raw:?}");
    }
}

#[test]
fn unrelated_repetitions_multiply() {
    check(PRODUCT, &[], &MeltOptions::default());
}

#[test]
fn aligned_repetitions_stand_side_by_side() {
    check(
        ALIGNED,
        &[],
        &MeltOptions {
            mode: Some(MeltMode::Aligned),
            ..MeltOptions::default()
        },
    );
}

#[test]
fn only_named_paths_are_melted_and_the_rest_is_joined() {
    let only = MeltMode::Only(vec![table_description::ElementPath::new("type/coding")]);
    let examples: &[Example] = &[(
        &["identifier/value", "type/coding/code", "type/text"],
        &[
            "[1.1]v1 ~ [2.1]v2",
            "[1.1.1]a ~ [1.2.1]b ~ [2.1.1]c",
            "[1.1]T ~ [2.1]U",
        ],
        &[
            &["v1 ~ v2", "a", "T"],
            &["v1 ~ v2", "b", "T"],
            &["v1 ~ v2", "c", "U"],
        ],
    )];
    check(
        examples,
        &[],
        &MeltOptions {
            mode: Some(only),
            ..MeltOptions::default()
        },
    );
}

#[test]
fn a_separator_at_the_end_of_a_value_can_be_kept() {
    let keep = MeltOptions {
        trailing_separator: TrailingSeparator::Keep,
        ..MeltOptions::default()
    };
    check(
        &[(
            &["note/text"],
            &["[1.1]a ~ b ~ [2.1]c ~ "],
            &[&["a ~ b"], &["c ~ "]],
        )],
        &[],
        &keep,
    );
}

#[test]
fn given_names_are_joined_name_by_name_however_many_there_are() {
    let names = |range: std::ops::RangeInclusive<u32>| -> String {
        let one = |n| format!("[{n}.1]A{n} ~ [{n}.2]B{n}");
        range.map(one).collect::<Vec<_>>().join(" ~ ")
    };
    let batch = batch(
        &table(&["name/given"], &["name/given"]),
        &[vec![Some(names(1..=12))]],
    );
    let expected = |blank: &str| -> Vec<Vec<Option<String>>> {
        (1..=12)
            .map(|n| vec![Some(format!("A{n} B{n}{}", if n < 12 { blank } else { "" }))])
            .collect()
    };
    assert_eq!(cells(&melt(&batch, &MeltOptions::default())), expected(" "));
    let clean = MeltOptions {
        joined_trailing_blank: false,
        ..MeltOptions::default()
    };
    assert_eq!(cells(&melt(&batch, &clean)), expected(""));
}

#[test]
fn a_resource_above_the_row_limit_is_left_out_with_a_defect() {
    let rows: Vec<Vec<Option<String>>> = ["[1]a|[1.1]x", "[1]b|[4000000000.1]x", "[1]c|[3.1]x"]
        .iter()
        .map(|row| row.split('|').map(|cell| Some(cell.to_owned())).collect())
        .collect();
    let batch = batch(&table(&["id", "note/text"], &[]), &rows);
    for row_limit in [3, MeltOptions::ROW_LIMIT] {
        let melted = melt(
            &batch,
            &MeltOptions {
                row_limit,
                ..MeltOptions::default()
            },
        );
        assert_eq!((melted.rows(), melted.left_out()), (4, &[1][..]));
        let defects = melted.defects();
        assert_eq!(defects.len(), 1);
        assert_eq!(
            defects[0].kind,
            table_description::typing::DefectKind::TooManyRows
        );
        assert_eq!(defects[0].resource_id.as_deref(), Some("b"));
    }
}

#[test]
fn child_tables_have_stable_columns_by_the_cardinalities_of_r4() {
    let table = {
        let mut table = (*table(
            &["id", "code/coding/code", "code/text", "valueQuantity/unit"],
            &[],
        ))
        .clone();
        table.resource = Some("Observation".to_owned());
        table.melt = MeltMode::Child;
        std::sync::Arc::new(table)
    };
    let row = ["[1]o", "[1.1.1]a ~ [1.2.1]b", "[1.1]T", "[1.1]G"]
        .map(|cell| Some(cell.to_owned()))
        .to_vec();
    let batch = batch(&table, &[row.clone(), row]);
    let options = MeltOptions::streamed(&table, None);
    let parents = Melter::new(&table, &options).melt(&batch);
    let expected = ["o", "-", "T", "G"]
        .map(|c| (c != "-").then(|| c.to_owned()))
        .to_vec();
    assert_eq!(cells(&parents), [expected.clone(), expected]);
    let children = parents.children();
    assert_eq!(
        children.iter().filter_map(|c| c.element()).collect::<Vec<_>>(),
        ["code/coding"]
    );
    let keys: Vec<_> = (0..4)
        .map(|r| {
            (
                children[0].source_row(r),
                children[0].path(r),
                children[0].cell(r, 1),
            )
        })
        .collect();
    assert_eq!(
        keys,
        [
            (0, vec![1, 1], Some("a")),
            (0, vec![1, 2], Some("b")),
            (1, vec![1, 1], Some("a")),
            (1, vec![1, 2], Some("b"))
        ]
    );
}
