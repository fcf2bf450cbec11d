use std::{
    fmt,
    sync::{Arc, OnceLock},
};

use jiff::{
    Timestamp, civil,
    tz::{AmbiguousOffset, TimeZone, TimeZoneDatabase},
};

use super::calendar;
use crate::{Error, ErrorKind};

/// 1900-01-01 and 2100-01-01 UTC: between them offsets come from a table, beyond them from jiff.
const FIRST: i64 = -2_208_988_800;
const LAST: i64 = 4_102_444_800;

/// A bucket of the table is 2^22 seconds (48.5 days): rarely more than one transition in it.
const BUCKET_BITS: u32 = 22;

/// The offset a zone has from an instant on.
#[derive(Clone, Copy)]
struct Span {
    from: i64,
    offset: i64,
}

struct Table {
    name: String,
    zone: TimeZone,
    /// Ascending; the first begins before the table's range, the last one's successor is a sentinel that never begins.
    spans: Vec<Span>,
    /// For each bucket the position of the span that holds at the bucket's start.
    buckets: Vec<usize>,
}

/// A time zone whose wall time the typed tables hold. Cheap to clone.
///
/// The zone database is compiled in, so that results do not depend on the machine.
#[derive(Clone)]
pub struct Zone(Arc<Table>);

/// What a zone makes of a wall time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wall {
    /// The instant, in seconds since 1970-01-01T00:00:00Z. Of a wall time shown twice, the earlier instant.
    pub instant: i64,
    /// Seconds by which the wall time was moved forward since the zone skipped it; 0 mostly.
    pub moved: i64,
}

impl Zone {
    /// Europe/Berlin, the zone of the contract.
    #[must_use]
    pub fn berlin() -> Self {
        static BERLIN: OnceLock<Zone> = OnceLock::new();
        #[expect(
            clippy::expect_used,
            reason = "the zone database is compiled in; a test reads this zone"
        )]
        BERLIN
            .get_or_init(|| Self::named("Europe/Berlin").expect("Europe/Berlin is compiled in"))
            .clone()
    }

    /// The zone with this IANA name, such as `Europe/Vienna`.
    ///
    /// # Errors
    /// If the database has no zone of that name.
    pub fn named(name: &str) -> Result<Self, Error> {
        let zone = TimeZoneDatabase::bundled().get(name).map_err(|source| {
            Error::caused(
                ErrorKind::UnknownZone {
                    name: name.to_owned(),
                },
                source,
            )
        })?;
        Ok(Self(Arc::new(Table::new(name, zone))))
    }

    /// [`Zone::named`] without the table: jiff is asked every time. The oracle of tests and fuzz targets.
    ///
    /// # Errors
    /// If the database has no zone of that name.
    #[cfg(any(test, fuzzing))]
    pub fn untabled(name: &str) -> Result<Self, Error> {
        let zone = Self::named(name)?.0.zone.clone();
        Ok(Self(Arc::new(Table {
            name: name.to_owned(),
            zone,
            spans: Vec::new(),
            buckets: Vec::new(),
        })))
    }

    /// The IANA name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.0.name
    }

    /// Wall time in seconds since 1970-01-01T00:00:00 of an instant in seconds since 1970-01-01T00:00:00Z.
    #[must_use]
    pub fn wall(&self, instant: i64) -> i64 {
        self.tabled_wall(instant)
            .unwrap_or_else(|| self.asked_wall(instant))
    }

    /// The instant of a wall time in seconds since 1970-01-01T00:00:00.
    #[must_use]
    pub fn instant(&self, wall: i64) -> Wall {
        match self.tabled_instant(wall) {
            Some(found) => found,
            None => self.asked_instant(wall),
        }
    }

    /// [`Zone::wall`] from the table; `None` outside its range.
    #[inline]
    pub(super) fn tabled_wall(&self, instant: i64) -> Option<i64> {
        let position = self.0.position(instant)?;
        Some(instant + self.0.spans.get(position)?.offset)
    }

    /// [`Zone::instant`] from the table; `None` outside its range.
    #[inline]
    pub(super) fn tabled_instant(&self, wall: i64) -> Option<Wall> {
        // No offset reaches a day, so the span of the same figure a day earlier is the right one or before it.
        let mut position = self.0.position(wall - calendar::SECONDS_PER_DAY)?;
        let mut span = *self.0.spans.get(position)?;
        let mut before = span.offset;
        loop {
            let next = *self.0.spans.get(position + 1)?;
            if wall < next.from + span.offset {
                break;
            }
            before = span.offset;
            span = next;
            position += 1;
        }
        if wall < span.from + span.offset {
            Some(Wall {
                instant: wall - before,
                moved: span.offset - before,
            })
        } else {
            Some(Wall {
                instant: wall - span.offset,
                moved: 0,
            })
        }
    }

    /// [`Zone::wall`] by asking jiff.
    fn asked_wall(&self, instant: i64) -> i64 {
        let bounded = instant.clamp(Timestamp::MIN.as_second() + 1, Timestamp::MAX.as_second() - 1);
        let timestamp = Timestamp::from_second(bounded).unwrap_or(Timestamp::UNIX_EPOCH);
        instant + i64::from(self.0.zone.to_offset(timestamp).seconds())
    }

    fn asked_instant(&self, wall: i64) -> Wall {
        match self.0.zone.to_ambiguous_timestamp(civil_of(wall)).offset() {
            AmbiguousOffset::Unambiguous { offset } | AmbiguousOffset::Fold { before: offset, .. } => Wall {
                instant: wall - i64::from(offset.seconds()),
                moved: 0,
            },
            AmbiguousOffset::Gap { before, after } => Wall {
                instant: wall - i64::from(before.seconds()),
                moved: i64::from(after.seconds()) - i64::from(before.seconds()),
            },
        }
    }
}

impl fmt::Debug for Zone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Zone").field(&self.0.name).finish()
    }
}

impl PartialEq for Zone {
    fn eq(&self, other: &Self) -> bool {
        self.0.name == other.0.name
    }
}

impl Eq for Zone {}

impl Table {
    fn new(name: &str, zone: TimeZone) -> Self {
        let start = Timestamp::from_second(FIRST).unwrap_or(Timestamp::UNIX_EPOCH);
        let mut spans = vec![Span {
            from: i64::MIN / 2,
            offset: zone.to_offset(start).seconds().into(),
        }];
        for transition in zone.following(start) {
            let from = transition.timestamp().as_second();
            spans.push(Span {
                from,
                offset: transition.offset().seconds().into(),
            });
            // One transition past the range ends the last span that is needed.
            if from > LAST {
                break;
            }
        }
        let last = spans.last().map_or(0, |span| span.offset);
        spans.push(Span {
            from: i64::MAX / 2,
            offset: last,
        });

        let count = ((LAST - FIRST) >> BUCKET_BITS) + 1;
        let mut position = 0;
        let buckets = (0..count)
            .map(|bucket| {
                let begin = FIRST + (bucket << BUCKET_BITS);
                while spans.get(position + 1).is_some_and(|next| next.from <= begin) {
                    position += 1;
                }
                position
            })
            .collect();
        Self {
            name: name.to_owned(),
            zone,
            spans,
            buckets,
        }
    }

    /// Position of the span that holds at an instant; `None` outside the table's range.
    #[inline]
    fn position(&self, instant: i64) -> Option<usize> {
        if !(FIRST..LAST).contains(&instant) {
            return None;
        }
        let bucket = usize::try_from((instant - FIRST) >> BUCKET_BITS).ok()?;
        let mut position = *self.buckets.get(bucket)?;
        while self.spans.get(position + 1)?.from <= instant {
            position += 1;
        }
        Some(position)
    }
}

/// The civil date-time of a wall time, cut to the years 1 to 9999.
fn civil_of(wall: i64) -> civil::DateTime {
    let day = wall
        .div_euclid(calendar::SECONDS_PER_DAY)
        .clamp(calendar::FIRST_DAY, calendar::LAST_DAY);
    let second = i32::try_from(wall.rem_euclid(calendar::SECONDS_PER_DAY)).unwrap_or(0);
    let epoch = civil::date(1970, 1, 1);
    let date = epoch.checked_add(jiff::Span::new().days(day)).unwrap_or(epoch);
    let time = civil::Time::midnight()
        .checked_add(jiff::Span::new().seconds(second))
        .unwrap_or(civil::Time::midnight());
    date.to_datetime(time)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn table_agrees_with_jiff_round_every_transition() {
        for name in [
            "Europe/Berlin",
            "UTC",
            "Africa/Casablanca",
            "Australia/Lord_Howe",
            "Pacific/Apia",
        ] {
            let zone = Zone::named(name).unwrap();
            for span in &zone.0.spans[1..zone.0.spans.len() - 1] {
                for delta in [
                    -90_001, -7_201, -3_600, -1, 0, 1, 1_800, 3_599, 3_600, 7_200, 90_000,
                ] {
                    let instant = span.from + delta;
                    assert_eq!(zone.wall(instant), zone.asked_wall(instant), "{name} {instant}");
                    let wall = instant + span.offset;
                    assert_eq!(zone.instant(wall), zone.asked_instant(wall), "{name} wall {wall}");
                }
            }
        }
    }

    #[test]
    fn gap_moves_forward_and_overlap_takes_the_earlier_instant() {
        let berlin = Zone::berlin();
        // 2024-03-31T02:30 does not exist, 2024-10-27T02:30 exists twice.
        assert_eq!(
            berlin.instant(1_711_852_200),
            Wall {
                instant: 1_711_848_600,
                moved: 3600
            }
        );
        assert_eq!(
            berlin.instant(1_729_996_200),
            Wall {
                instant: 1_729_989_000,
                moved: 0
            }
        );
    }

    #[test]
    fn unknown_zone_is_an_error() {
        assert!(Zone::named("Europe/Nowhere").is_err());
        assert_eq!(Zone::berlin().name(), "Europe/Berlin");
    }
}
