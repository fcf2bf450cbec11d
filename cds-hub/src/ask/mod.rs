//! Typed questions: what the programs around the hub want to know of it. Nobody outside writes SQL for them.

mod watermarks;
