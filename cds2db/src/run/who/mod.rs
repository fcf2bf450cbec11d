//! First room: whose resources a run asks for. Ward patients come from the server, running cases from the hub.

pub(super) mod age;
mod empty;
mod missed;
pub(super) mod people;
pub(super) mod running;
pub(super) mod ward_request;
pub(super) mod wards;

pub(super) use people::Who;
