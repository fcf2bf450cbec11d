//! What the system keeps of a program that falls: nothing, since it holds tokens and patients.

use rustix::process::{Resource, Rlimit, setrlimit};

/// Switches core dumps off, for this process and those that it starts. Where the system does not allow that, the program
/// goes on.
pub fn switch_off_core_dumps() {
    let none = Rlimit {
        current: Some(0),
        maximum: Some(0),
    };
    let _ = setrlimit(Resource::Core, none);
}
