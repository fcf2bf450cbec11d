//! Room and bed of a case, from the newest encounters below it that name one.

use polars::prelude::*;

use crate::cases::Cases;
use crate::config::Config;
use crate::frame::computed;
use crate::reference::{first_of, id_of, is_elsewhere};
use crate::sources::{Sources, location_column};
use crate::{Error, Result};

const NAME: &str = "place_name";
/// Codes of location types. Source: <http://terminology.hl7.org/CodeSystem/location-physical-type> (R4).
const ROOM: &str = "ro";
const BED: &str = "bd";

/// Room and bed of each case, and the rows of the location table that named them.
pub(crate) struct Room {
    /// `case` and `room_and_bed`, for every case. Without a configured column the text is null.
    pub text: LazyFrame,
    /// `case`, `location_id`, `location_raw_id`.
    pub locations: LazyFrame,
}

impl Room {
    /// Of the encounters below the patient's cases that are in a room or bed, those with the newest start count: a person is
    /// in one place, whichever case is looked at.
    pub(crate) fn of(sources: &Sources, cases: &Cases, config: &Config) -> Result<Self> {
        let every = cases
            .shown
            .clone()
            .select([col("case"), col("patient")])
            .unique_stable(None, UniqueKeepStrategy::First);
        let locations = locations(sources, location_column(config));
        let kind = col("enc_location_physicaltype_code");
        let places = cases
            .parts
            .clone()
            .filter(kind.clone().eq(lit(ROOM)).or(kind.clone().eq(lit(BED))));
        // A place of another base is another place, whatever its id.
        let places = places
            .with_column(
                when(is_elsewhere("enc_location_ref", &config.own_bases))
                    .then(lit(NULL))
                    .otherwise(id_of("enc_location_ref", "Location"))
                    .alias("loc_id"),
            )
            .left_join(locations, col("loc_id"), col("loc_id"));
        let places = match config.room_and_bed_column.as_deref() {
            None => {
                let text = every.select([
                    col("case"),
                    lit(NULL).cast(DataType::String).alias("room_and_bed"),
                ]);
                return Ok(Self {
                    text,
                    locations: rows(places.filter(lit(false)), cases),
                });
            }
            Some(column) if column.starts_with("enc_") => places.with_column(col(column).alias(NAME)),
            Some(_) => places,
        };
        let newest = col("enc_period_start")
            .max()
            .over([col("patient")])
            .map_err(|e| Error::frame("newest place", &e))?;
        let newest = computed(
            places.filter(col("enc_period_start").eq_missing(newest)),
            "newest place",
        )?;
        let first = |code: &str, alias: &str| {
            let of_kind = newest.clone().filter(kind.clone().eq(lit(code)));
            first_of(of_kind, &["patient"], vec![col("encounter_id")], vec![false])
                .select([col("patient"), col(NAME).alias(alias)])
        };
        let known = |name: &str| col(name).fill_null(lit("-"));
        let text = concat_str(
            [lit("Zimmer: "), known("room"), lit("  Bett: "), known("bed")],
            "",
            false,
        );
        let text = every
            .left_join(first(ROOM, "room"), col("patient"), col("patient"))
            .left_join(first(BED, "bed"), col("patient"), col("patient"))
            .select([col("case"), text.alias("room_and_bed")]);
        Ok(Self {
            text,
            locations: rows(newest, cases),
        })
    }
}

/// One row a location, with its name if the location's table has the configured column.
fn locations(sources: &Sources, column: Option<&str>) -> LazyFrame {
    let first = first_of(
        sources.locations.clone().lazy(),
        &["loc_id"],
        vec![col("location_id")],
        vec![false],
    );
    let name = column.map_or_else(|| lit(NULL).cast(DataType::String), col);
    first.select([
        col("loc_id"),
        col("location_id"),
        col("location_raw_id"),
        name.alias(NAME),
    ])
}

fn rows(places: LazyFrame, cases: &Cases) -> LazyFrame {
    let named = places
        .select([col("patient"), col("location_id"), col("location_raw_id")])
        .filter(col("location_id").is_not_null());
    let shown = cases.shown.clone().select([col("patient"), col("case")]);
    shown.inner_join(named, col("patient"), col("patient"))
}
