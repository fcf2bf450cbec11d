//! Running due transfers, at once and every interval.
