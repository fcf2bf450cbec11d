//! A site takes our hub, goes back to its R modules, comes again, and so on: no row is lost, none doubled.
//!
//! `CDS2DB_SEEDS` says how many hospitals are tried, one by default, `CDS2DB_DAYS` for how many days: one round of every change
//! of hands by default, twenty days in the campaign.

mod original_day;
mod r_side;
mod sites;

use std::collections::BTreeSet;

use fixtures::hospital::Hospital;
use table_description::Description;

use crate::model::{ModelHub, Writer};
use crate::select::select;
use crate::ten_days::{compare, compare_rows};
use r_side::{Parts, RSide};
use sites::Two;

/// Who works on a day.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Day {
    /// Our cds2db and dataprocessor.
    Ours,
    /// Ours, and a test of the data keeps a table from being typed: its raw rows wait.
    OursHeld,
    /// The R modules load everything of the patients of interest.
    R,
    /// The R modules load what changed.
    RChanged,
    /// R breaks off between raw and typed rows.
    RRawOnly,
}

/// Every change of hands, and rows that one side cracked and the other types.
const ORDER: [Day; 8] = [
    Day::Ours,
    Day::R,
    Day::RChanged,
    Day::Ours,
    Day::RRawOnly,
    Day::Ours,
    Day::OursHeld,
    Day::R,
];

fn seeds() -> u64 {
    std::env::var("CDS2DB_SEEDS")
        .ok()
        .and_then(|n| n.parse().ok())
        .unwrap_or(1)
}

fn days() -> u32 {
    std::env::var("CDS2DB_DAYS")
        .ok()
        .and_then(|n| n.parse().ok())
        .unwrap_or(ORDER.len() as u32)
}

#[tokio::test(flavor = "multi_thread")]
async fn days_to_and_fro_between_ours_and_r_lose_and_double_nothing() {
    if !r_side::is_there() {
        return;
    }
    for seed in 0..seeds() {
        to_and_fro(seed).await;
    }
}

/// What was counted on the way.
#[derive(Debug, Default)]
struct Count {
    compared: usize,
    /// Cells of calculated references that R leaves `invalid` and ours works out again.
    left_invalid: usize,
    forms: usize,
}

async fn to_and_fro(seed: u64) {
    let hospital = Hospital::new(seed, 14)
        .with_wards(3)
        .with_admissions(1)
        .with_churn(150)
        .with_density(60);
    let mut model = ModelHub::default();
    let mut two = Two::adopt(&hospital, &mut model).await;
    let description = two.description.clone();
    let r = RSide::new(&two.both.hub).await;
    compare(&two.both.hub, &description, &model, "adopted").await;
    let (mut count, mut untyped) = (Count::default(), Vec::new());
    let mut analyses = 0;
    for day in 1..=days() {
        let who = ORDER[(day as usize - 1) % ORDER.len()];
        let when = format!("seed {seed}, day {day}, {who:?}");
        let today = hospital.clone().at(day);
        two.set(&today);
        model.writer = match who {
            Day::Ours | Day::OursHeld => Writer::Ours,
            Day::R | Day::RChanged => Writer::Other,
            Day::RRawOnly => Writer::OtherRawOnly,
        };
        model.day(&today, &description, false);
        let breaks_off = matches!(who, Day::OursHeld | Day::RRawOnly);
        two.ours_alone(&today, breaks_off, &when).await;
        untyped.extend(r_side::lines_of(&model, &description));
        match who {
            Day::Ours => two.ours(&today, &when).await,
            Day::OursHeld => two.ours_held(&when).await,
            Day::R => r.day(&two, &model, day, Parts::All, &untyped).await,
            Day::RChanged => r.day(&two, &model, day, Parts::Changed, &untyped).await,
            Day::RRawOnly => r.day(&two, &model, day, Parts::RawOnly, &untyped).await,
        }
        analyses += u32::from(matches!(who, Day::R | Day::RChanged));
        nothing_lies_about(&two, &when).await;
        if breaks_off {
            compare_rows(&two.both.hub, &description, &model, &when, &[true]).await;
            continue;
        }
        untyped.clear();
        compare(&two.both.hub, &description, &model, &when).await;
        last_versions(&two, &description, &when, &mut count).await;
        forms(&two, analyses, &when, &mut count).await;
    }
    println!(
        "seed {seed}: {count:?}, {} raw and {} typed rows",
        total(&two, "_raw").await,
        total(&two, "").await
    );
}

/// Neither an inbox nor the quarantine holds anything.
async fn nothing_lies_about(two: &Two, when: &str) {
    let hub = &two.both.hub;
    assert_eq!(hub.rows_in_quarantine().await.expect("counts"), 0, "{when}");
    for table in &two.description.tables {
        for name in [format!("{}_raw", table.name), table.name.clone()] {
            let lies = format!("SELECT count(*)::text FROM cds2db_in.{name}");
            assert_eq!(two.both.count(&lies).await, 0, "{when}: inbox of {name}");
        }
    }
}

/// Last versions are those of the hub that only ever ran ours, but for what R leaves `invalid`.
async fn last_versions(two: &Two, description: &Description, when: &str, count: &mut Count) {
    for table in &description.tables {
        let view = match table.resource {
            Some(_) => format!("v_{}_last_version", table.name),
            None => format!("v_{}_last_import", table.name),
        };
        for schema in ["cds2db_out", "db2dataprocessor_out"] {
            if table.resource.is_none() && schema == "cds2db_out" {
                continue;
            }
            let columns: Vec<String> = table
                .columns
                .iter()
                .map(|c| format!("{}::text", c.name))
                .collect();
            let sql = format!("SELECT {} FROM {schema}.{view}", columns.join(", "));
            let (mut ours, mut both) = (
                select(&two.ours.hub, &sql).await,
                select(&two.both.hub, &sql).await,
            );
            // Sorted by what is not calculated, so that rows stand beside their like.
            let order = |row: &Vec<Option<String>>| {
                let cells = row.iter().zip(&table.columns).filter(|(_, c)| !c.is_calculated());
                cells.map(|(cell, _)| cell.clone()).collect::<Vec<_>>()
            };
            ours.sort_by_key(order);
            both.sort_by_key(order);
            assert_eq!(ours.len(), both.len(), "{when}: {schema}.{view}");
            for (one, other) in ours.iter().zip(&both) {
                for ((one, other), column) in one.iter().zip(other).zip(&table.columns) {
                    let left = column.is_calculated() && other.as_deref() == Some("invalid");
                    assert!(one == other || left, "{when}: {schema}.{view}.{}", column.name);
                    count.left_invalid += usize::from(one != other);
                }
                count.compared += 1;
            }
        }
    }
}

/// What people see is what they would see had R never come, each content is there once, and so is what they entered.
async fn forms(two: &Two, analyses: u32, when: &str, count: &mut Count) {
    for (table, own) in sites::FORMS {
        let columns = sites::form_columns(two, table, own).await;
        let sql = |from: &str| format!("SELECT {columns} FROM {from}");
        let shown = sql(&format!("db2dataprocessor_out.v_{table}_last_import"));
        let (mut ours, mut both) = (
            select(&two.ours.hub, &shown).await,
            select(&two.both.hub, &shown).await,
        );
        ours.sort();
        both.sort();
        assert_eq!(ours, both, "{when}: {table}");
        assert!(!ours.is_empty(), "{when}: {table}");
        count.forms += ours.len();
        let all = select(&two.both.hub, &sql(&format!("db_log.{table}"))).await;
        let once: BTreeSet<_> = all.iter().collect();
        assert_eq!(all.len(), once.len(), "{when}: {table} holds a content twice");
    }
    let entered = "SELECT count(*)::text FROM db_log.medikationsanalyse_fe";
    assert_eq!(two.both.count(entered).await, u64::from(analyses), "{when}");
}

async fn total(two: &Two, ending: &str) -> u64 {
    let mut rows = 0;
    for table in &two.description.tables {
        let sql = format!("SELECT count(*)::text FROM db_log.{}{ending}", table.name);
        rows += two.both.count(&sql).await;
    }
    rows
}
