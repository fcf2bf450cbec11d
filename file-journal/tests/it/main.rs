//! The journal from outside: the recorded scenario, submissions, locks, restores, checks and kills.

mod checks;
mod kills;
mod locks;
mod recorded;
mod site;
mod stores;
mod tool;
