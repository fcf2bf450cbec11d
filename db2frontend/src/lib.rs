#![doc = include_str!("../README.md")]

pub mod api;
pub mod chain;
pub mod cli;
pub mod config;
pub mod demo;
mod describe;
pub mod dictionary;
mod error;
pub mod export;
pub mod files;
pub mod frontend;
pub mod hub;
pub mod import;
pub mod run;
pub mod serve;
mod summary;
pub mod value;

pub use config::Config;
pub use describe::{describe, write_description};
pub use dictionary::Dictionary;
pub use error::{Error, ErrorKind, Result};
