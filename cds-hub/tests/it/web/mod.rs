//! `cds-hub web`: what its pages say, whom they say it to, and how they are used.

mod browser;
mod hostile;
mod pages;
mod past;
mod rights;
mod site;
