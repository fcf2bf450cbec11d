//! Invariants of a hub, verified on demand.
