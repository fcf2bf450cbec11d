//! Second room: what is asked of the server.

pub(super) mod answered;
pub(super) mod elements;
pub(super) mod narrowing;
pub(super) mod outline;
pub(super) mod plan;
pub(super) mod referenced;
pub(super) mod requests;
pub(super) mod rest;
pub(super) mod unanswered;
