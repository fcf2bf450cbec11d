//! The private cluster itself.
