//! Walking back from a result to its sources, and back in time.
