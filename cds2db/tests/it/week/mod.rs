//! A hospital's first week, played with the real programs from an empty directory: what it sees must be right, whole and
//! said.

mod days;
mod doctor;
mod night;
mod obstacles;
mod site;
mod watched;

use site::Week;

#[test]
fn a_hospitals_first_week() {
    let mut week = Week::begin();
    obstacles::an_empty_directory(&mut week);
    let first = days::the_first_day(&mut week);
    days::the_second_day_is_an_increment(&mut week, &first);
    days::a_typo_blocks_nobody(&mut week);
    days::it_is_corrected(&mut week);
    obstacles::a_killed_run_and_changed_wards(&mut week);
    obstacles::a_locked_hub(&mut week);
    obstacles::a_database_that_is_down(&mut week);
    obstacles::a_server_that_is_down(&mut week);
    obstacles::another_description(&mut week);
    days::nobody_on_the_wards(&mut week);
    days::what_was_shown_then(&mut week, &first);
}

/// What is told of a run that nobody sits in front of.
#[test]
fn a_night_that_is_watched() {
    let mut week = Week::begin();
    obstacles::an_empty_directory(&mut week);
    week.serve_day(0);
    week.runs(0, &[]);
    watched::a_run_is_watched(&mut week);
    doctor::a_site_that_works(&mut week);
}
