//! The last test program of the workspace: it says what was skipped for want of what.
#![expect(clippy::print_stdout, reason = "the report is for whoever ran the tests")]

fn main() {
    // Asked what there is to run, it has nothing to list.
    if !std::env::args().any(|argument| argument == "--list") {
        print!("{}", x_skipped::report());
    }
}
