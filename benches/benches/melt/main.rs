//! Melting the shapes users suffer from, streamed batch by batch: what a row costs as slots, as text and as frames, the
//! memory it takes, a plain copy of the same bytes beside it, and how the cost grows.
//!
//! `cargo bench -p benches --bench melt [-- SHAPE]`; figures are per second of CPU of one thread, best of three.

#![expect(
    clippy::expect_used,
    clippy::print_stdout,
    reason = "a bench prints, and ends where it cannot go on"
)]

mod meter;
mod output;
mod reference;
mod shape;

use meter::Meter;
use output::Output;
use shape::Shape;

fn main() {
    let wanted: Vec<String> = std::env::args()
        .skip(1)
        .filter(|word| !word.starts_with('-'))
        .collect();
    for shape in shape::SHAPES {
        if wanted.is_empty() || wanted.iter().any(|word| shape.name.contains(word.as_str())) {
            measure(shape);
        }
    }
    println!("\ngrowth: DiagnosticReport as CSV, resources with 1, 4 and 16 times the results");
    for factor in [1, 4, 16] {
        let shape = shape::SHAPES[0].grown(factor, 8);
        let figures = Output::Csv.run(&shape);
        println!(
            "  {factor:>2} x: {:>9} rows, {:>6.1} ns a row",
            figures.rows,
            figures.seconds / figures.rows as f64 * 1e9
        );
    }
    reference::compare(&shape::SHAPES[0]);
}

fn measure(shape: &Shape) {
    println!(
        "\n{}: {} resources of {} columns",
        shape.name, shape.resources, shape.columns
    );
    for output in Output::ALL {
        let figures = (0..3)
            .map(|_| output.run(shape))
            .min_by(|a, b| a.seconds.total_cmp(&b.seconds));
        let Some(figures) = figures else { continue };
        println!(
            "  {:<22} {:>8} rows {:>7.2} s {:>6.1} M rows/s {:>7.0} MB out, copied in {:.2} s, {:>4} MB above the input",
            output.name(),
            figures.rows,
            figures.seconds,
            figures.rows as f64 / figures.seconds / 1e6,
            figures.bytes as f64 / 1e6,
            Meter::copy(figures.bytes),
            figures.peak_bytes >> 20,
        );
    }
}
