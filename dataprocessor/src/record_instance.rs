//! `redcap_repeat_instance`: which instance of the form a case is within its record, the same in every run.

use polars::prelude::*;

use crate::Result;
use crate::config::CaseProfile;
use crate::frame::{computed, stacked};
use crate::reference::first_of;

/// Adds the column `instance` to rows with `record_id`, `case`, `ward` and `start`.
///
/// Clock profile: each row of a record is an instance of its own, numbered by start. Ward-list profile: each case is,
/// so a case on two wards has the same instance twice. An instance given in an earlier run, in `shown`, stays.
pub(crate) fn with_instance(rows: LazyFrame, shown: &DataFrame, profile: CaseProfile) -> Result<LazyFrame> {
    let shown = shown.clone().lazy().select([
        col("record_id"),
        col("fall_fhir_enc_id").alias("case"),
        col("fall_station").alias("ward"),
        col("redcap_repeat_instance")
            .cast(DataType::Int32)
            .alias("instance"),
    ]);
    let rows = computed(rows, "cases")?;
    let highest = shown
        .clone()
        .group_by([col("record_id")])
        .agg([col("instance").max().alias("highest")]);
    let (known, unknown) = match profile {
        CaseProfile::WardList => by_case(&rows, &shown)?,
        CaseProfile::Clock => by_ward(&rows, &shown)?,
    };
    // Instances that are missing follow the highest of the record, in order of admission.
    let order: Vec<Expr> = match profile {
        CaseProfile::WardList => vec![col("start"), col("case")],
        CaseProfile::Clock => vec![col("start"), col("case"), col("ward")],
    };
    let keys: Vec<Expr> = std::iter::once(col("record_id"))
        .chain(order.iter().skip(1).cloned())
        .collect();
    let fresh = unknown
        .left_join(highest, col("record_id"), col("record_id"))
        .sort_by_exprs(
            [vec![col("record_id")], order].concat(),
            SortMultipleOptions::default().with_maintain_order(true),
        )
        .unique_stable(Some(names(&keys)), UniqueKeepStrategy::First)
        .with_row_index("position", None)
        .with_column(position_within(&["record_id"])?.alias("position"))
        .with_column((col("highest").fill_null(lit(0)) + col("position")).alias("instance"))
        .select([keys.clone(), vec![col("instance")]].concat());
    let numbered = stacked(&[
        known.select([keys.clone(), vec![col("instance")]].concat()),
        fresh,
    ])?;
    computed(
        rows.join(numbered, keys.clone(), keys, JoinArgs::new(JoinType::Left)),
        "instances",
    )
}

/// An instance belongs to the case.
fn by_case(rows: &LazyFrame, shown: &LazyFrame) -> Result<(LazyFrame, LazyFrame)> {
    let keys = [col("record_id"), col("case")];
    let instances = shown
        .clone()
        .filter(col("instance").is_not_null())
        .group_by(keys.clone())
        .agg([col("instance").max()]);
    let joined = computed(
        rows.clone()
            .join(instances, keys.clone(), keys, JoinArgs::new(JoinType::Left)),
        "instances",
    )?;
    let known = joined
        .clone()
        .filter(col("instance").is_not_null())
        .unique_stable(Some(cols(["record_id", "case"])), UniqueKeepStrategy::First);
    Ok((
        known,
        joined.filter(col("instance").is_null()).drop(cols(["instance"])),
    ))
}

/// An instance belongs to the case on its ward; a case that moved takes along an instance its old ward leaves free.
fn by_ward(rows: &LazyFrame, shown: &LazyFrame) -> Result<(LazyFrame, LazyFrame)> {
    let on_ward = [col("record_id"), col("case"), col("ward")];
    let same = shown
        .clone()
        .filter(col("instance").is_not_null())
        .group_by(on_ward.clone())
        .agg([col("instance").max()]);
    let joined = computed(
        rows.clone()
            .join(same, on_ward.clone(), on_ward, JoinArgs::new(JoinType::Left)),
        "instances",
    )?;
    let staying = joined.clone().filter(col("instance").is_not_null());
    let moved = joined.filter(col("instance").is_null()).drop(cols(["instance"]));

    let taken = [col("record_id"), col("case"), col("instance")];
    let free = first_of(
        shown.clone().filter(col("instance").is_not_null()),
        &["record_id", "case", "instance"],
        vec![col("instance")],
        vec![true],
    )
    .join(
        staying.clone(),
        taken.clone(),
        taken,
        JoinArgs::new(JoinType::Anti),
    )
    .with_row_index("position", None)
    .with_column(position_within(&["record_id", "case"])?.alias("position"))
    .select([col("record_id"), col("case"), col("position"), col("instance")]);
    let at = [col("record_id"), col("case"), col("position")];
    let moved = moved
        .sort(["record_id", "case", "ward"], SortMultipleOptions::default())
        .with_row_index("position", None)
        .with_column(position_within(&["record_id", "case"])?.alias("position"))
        .join(free, at.clone(), at, JoinArgs::new(JoinType::Left))
        .drop(cols(["position"]));
    let moved = computed(moved, "instances")?;
    let known = stacked(&[staying, moved.clone().filter(col("instance").is_not_null())])?;
    Ok((
        known,
        moved.filter(col("instance").is_null()).drop(cols(["instance"])),
    ))
}

/// Position within a group by the row number in `position`, counted from 1.
fn position_within(group: &[&str]) -> Result<Expr> {
    let options = RankOptions {
        method: RankMethod::Ordinal,
        descending: false,
    };
    let group: Vec<Expr> = group.iter().map(|g| col(*g)).collect();
    col("position")
        .rank(options, None)
        .over(group)
        .map(|e| e.cast(DataType::Int32))
        .map_err(|e| crate::Error::frame("numbering rows", &e))
}

fn names(keys: &[Expr]) -> Selector {
    cols(keys.iter().filter_map(|k| match k {
        Expr::Column(name) => Some(name.clone()),
        _ => None,
    }))
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use proptest::prelude::*;

    use super::*;

    /// Record, case and ward of one row.
    type Place = (u8, u8, u8);

    fn texts(name: &str, values: Vec<String>) -> Column {
        Series::new(name.into(), values).into_column()
    }

    /// One run over these rows; the instance of each.
    fn run(rows: &BTreeSet<Place>, shown: &[(Place, i32)], profile: CaseProfile) -> BTreeMap<Place, i32> {
        let column = |name: &str, part: fn(&Place) -> String| texts(name, rows.iter().map(part).collect());
        let frame = DataFrame::new_infer_height(vec![
            column("record_id", |r| format!("r{}", r.0)),
            column("case", |r| format!("r{}c{}", r.0, r.1)),
            column("ward", |r| format!("w{}", r.2)),
            Series::new(
                "start".into(),
                rows.iter().map(|r| i32::from(r.1)).collect::<Vec<_>>(),
            )
            .into_column(),
        ]);
        let earlier =
            |name: &str, part: fn(&(Place, i32)) -> String| texts(name, shown.iter().map(part).collect());
        let shown = DataFrame::new_infer_height(vec![
            earlier("record_id", |s| format!("r{}", s.0.0)),
            earlier("fall_fhir_enc_id", |s| format!("r{}c{}", s.0.0, s.0.1)),
            earlier("fall_station", |s| format!("w{}", s.0.2)),
            earlier("redcap_repeat_instance", |s| s.1.to_string()),
        ]);
        let numbered = with_instance(frame.unwrap().lazy(), &shown.unwrap(), profile)
            .unwrap()
            .collect()
            .unwrap();
        assert_eq!(numbered.height(), rows.len());
        let text = |name: &str| -> Vec<String> {
            numbered
                .column(name)
                .unwrap()
                .str()
                .unwrap()
                .iter()
                .map(|t| t.unwrap()[1..].to_owned())
                .collect()
        };
        let (cases, wards) = (text("case"), text("ward"));
        let instances = numbered
            .column("instance")
            .unwrap()
            .i32()
            .unwrap()
            .iter()
            .map(|i| i.unwrap());
        let place = |case: &str, ward: &str| {
            let (record, case) = case.split_once('c').unwrap();
            (
                record.parse().unwrap(),
                case.parse().unwrap(),
                ward.parse().unwrap(),
            )
        };
        cases
            .iter()
            .zip(&wards)
            .map(|(case, ward)| place(case, ward))
            .zip(instances)
            .collect()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]

        /// Over any sequence of days: who stays keeps the instance, no two of a record share one that must not, and
        /// the same day again changes nothing.
        #[test]
        fn instances_stay_and_never_collide(
            days in proptest::collection::vec(proptest::collection::btree_set((0u8..2, 0u8..3, 0u8..3), 0..6), 1..4),
            clock: bool,
        ) {
            let profile = if clock { CaseProfile::Clock } else { CaseProfile::WardList };
            let mut shown: Vec<(Place, i32)> = Vec::new();
            let mut last: BTreeMap<Place, i32> = BTreeMap::new();
            for day in &days {
                let instances = run(day, &shown, profile);
                for (place, instance) in &instances {
                    if let Some(before) = last.get(place) {
                        prop_assert_eq!(before, instance);
                    }
                }
                let mut owners: BTreeMap<(u8, i32), BTreeSet<(u8, u8)>> = BTreeMap::new();
                for ((record, case, ward), instance) in &instances {
                    let owner = if clock { (*case, *ward) } else { (*case, 0) };
                    owners.entry((*record, *instance)).or_default().insert(owner);
                }
                prop_assert!(owners.values().all(|o| o.len() == 1), "{:?}", instances);
                shown.extend(instances.iter().map(|(p, i)| (*p, *i)));
                prop_assert_eq!(&run(day, &shown, profile), &instances);
                last = instances;
            }
        }
    }
}
