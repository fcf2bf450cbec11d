//! Room and bed of a case, from the newest encounters below it that name one.

use polars::prelude::*;

use crate::Result;
use crate::cases::Cases;
use crate::config::Config;
use crate::frame::computed;
use crate::reference::{first_of, id_of};
use crate::sources::{Sources, location_column};

const NAME: &str = "place_name";
/// Codes of location types. Source: <http://terminology.hl7.org/CodeSystem/location-physical-type> (R4).
const ROOM: &str = "ro";
const BED: &str = "bd";

/// `case` and `room_and_bed`, for every case. Without a configured column the text is null.
pub(crate) fn of(sources: &Sources, cases: &Cases, config: &Config) -> Result<LazyFrame> {
    let every = cases.shown.clone().select([col("case")]).unique_stable(None, UniqueKeepStrategy::First);
    let Some(column) = config.room_and_bed_column.as_deref() else {
        return Ok(every.with_column(lit(NULL).cast(DataType::String).alias("room_and_bed")));
    };
    let kind = col("enc_location_physicaltype_code");
    let places = cases.parts.clone().filter(kind.clone().eq(lit(ROOM)).or(kind.clone().eq(lit(BED))));
    let named = match location_column(config) {
        None => places.with_column(col(column).alias(NAME)),
        Some(column) => {
            let order = vec![col("location_id")];
            let locations = first_of(sources.locations.clone().lazy(), &["loc_id"], order, vec![false]);
            let locations = locations.select([col("loc_id"), col(column).alias(NAME)]);
            places.with_column(id_of("enc_location_ref").alias("loc_id")).left_join(locations, col("loc_id"), col("loc_id"))
        }
    };
    let newest = col("enc_period_start")
        .max()
        .over([col("case")])
        .map_err(|e| crate::Error::frame("newest place", &e))?;
    let newest = computed(named.filter(col("enc_period_start").eq_missing(newest)), "newest place")?;
    let first = |code: &str, alias: &str| {
        first_of(newest.clone().filter(kind.clone().eq(lit(code))), &["case"], vec![col("encounter_id")], vec![false])
            .select([col("case"), col(NAME).alias(alias)])
    };
    let known = |name: &str| col(name).fill_null(lit("-"));
    let text = concat_str([lit("Zimmer: "), known("room"), lit("  Bett: "), known("bed")], "", false);
    Ok(every
        .left_join(first(ROOM, "room"), col("case"), col("case"))
        .left_join(first(BED, "bed"), col("case"), col("case"))
        .select([col("case"), text.alias("room_and_bed")]))
}
