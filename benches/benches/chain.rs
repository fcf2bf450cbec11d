//! The whole chain beside every stage alone, at a size that takes seconds: `cargo bench -p benches --bench chain`.
//!
//! Larger ones: `cargo run --release -p benches -- end-to-end --resources 10000,100000,1000000`.

use std::process::ExitCode;

fn main() -> ExitCode {
    let given: Vec<String> = std::env::args()
        .filter(|argument| argument != "--bench")
        .collect();
    // The servers and the client are this program too, with a command of their own.
    if given.len() > 1 {
        return benches::run(given);
    }
    let results = std::env::temp_dir().join(format!("benches-chain-{}", std::process::id()));
    let arguments = [
        "chain",
        "end-to-end",
        "--resources",
        "10000",
        "--peer-resources",
        "10000",
        "--results",
    ];
    let arguments = arguments.map(str::to_owned).into_iter();
    let code = benches::run(arguments.chain([results.display().to_string()]));
    let _gone = std::fs::remove_dir_all(results);
    code
}
