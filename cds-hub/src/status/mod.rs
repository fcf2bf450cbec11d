//! One screen about a hub.
