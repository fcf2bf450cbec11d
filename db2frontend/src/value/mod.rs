//! One value on both sides: as the hub keeps it and as the frontend does.

mod additional;
mod codec;
mod number;

pub use additional::{decode, encode};
pub use codec::Codec;
pub(crate) use number::plain_decimal;
