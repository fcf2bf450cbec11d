//! Data access groups: one a ward, and each record in that of its present ward.

use std::collections::{BTreeMap, BTreeSet};

use super::Exported;
use super::last::standard;
use crate::api::Group;
use crate::frontend::{Frontend, Row, Shape};
use crate::hub::Version;
use crate::{ErrorKind, Result};

/// Where a record is and where it belongs.
#[derive(Debug, Default)]
pub(super) struct Place {
    /// The present case's order: running before ended, then admission and repetition.
    order: (bool, String, String),
    ward: String,
    group: String,
}

/// States of a case that has ended.
const ENDED: [&str; 3] = ["finished", "cancelled", "entered-in-error"];

/// Notes the ward of each record by its cases.
pub(super) fn note(
    shape: &Shape,
    last: &[&Version],
    live: &[Vec<Row>],
    foreign: &BTreeSet<String>,
    wards: &mut BTreeMap<String, Place>,
) {
    let Some(station) = shape.table.position("fall_station") else {
        return;
    };
    for version in last {
        let record = standard(shape, version, "record_id");
        let ward = version.cell(station).trim();
        if ward.is_empty() || foreign.contains(record) {
            continue;
        }
        let status = standard(shape, version, "fall_status");
        let order = (
            !ENDED.iter().any(|ended| status.eq_ignore_ascii_case(ended)),
            standard(shape, version, "fall_aufn_dat").to_owned(),
            format!("{:0>10}", standard(shape, version, "redcap_repeat_instance")),
        );
        let place = wards.entry(record.to_owned()).or_default();
        if place.ward.is_empty() || order >= place.order {
            place.order = order;
            ward.clone_into(&mut place.ward);
        }
    }
    for row in live.iter().flatten().filter(|row| !row.group.is_empty()) {
        if let Some(place) = wards.get_mut(&row.record) {
            row.group.clone_into(&mut place.group);
        }
    }
}

/// Makes the groups that are missing and assigns the records that are elsewhere.
pub(super) async fn bring(
    frontend: &mut Frontend,
    wards: &BTreeMap<String, Place>,
    done: &mut Exported,
) -> Result<()> {
    if wards.is_empty() {
        return Ok(());
    }
    let mut groups = match frontend.groups().await {
        Ok(groups) => groups,
        Err(e) if e.kind() == ErrorKind::Forbidden => {
            done.without_groups = true;
            return Ok(());
        }
        Err(e) => return Err(e),
    };
    let names: BTreeSet<&str> = wards.values().map(|place| place.ward.as_str()).collect();
    let missing: Vec<&str> = names
        .into_iter()
        .filter(|name| unique(&groups, name).is_none())
        .collect();
    if !missing.is_empty() {
        match frontend.create_groups(&missing).await {
            Ok(()) => {}
            Err(e) if e.kind() == ErrorKind::Forbidden => {
                done.without_groups = true;
                return Ok(());
            }
            Err(e) => return Err(e),
        }
        groups = frontend.groups().await?;
        done.groups_made = missing.iter().map(|name| (*name).to_owned()).collect();
    }
    let moves: Vec<(String, String)> = wards
        .iter()
        .filter_map(|(record, place)| {
            let group = unique(&groups, &place.ward)?;
            (group != place.group).then(|| (record.clone(), group.to_owned()))
        })
        .collect();
    if moves.is_empty() {
        return Ok(());
    }
    let written = frontend.assign(&moves).await?;
    done.assigned = written.rows;
    Ok(())
}

fn unique<'g>(groups: &'g [Group], name: &str) -> Option<&'g str> {
    let found = groups.iter().find(|group| group.name.trim() == name)?;
    Some(&found.unique)
}
