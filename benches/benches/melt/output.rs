//! What becomes of the rows.

use std::hint::black_box;
use std::io::{self, Write};
use std::sync::Arc;

use fhir_melt::write::{Format, TableWriter};
use fhir_melt::{MeltOptions, Melted, Melter};
use table_description::typing::Zone;

use crate::meter::Meter;
use crate::shape::Shape;

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Output {
    /// Which repetition of what, and nothing else.
    Slots,
    /// Bytes and offsets of every column.
    PlainStrings,
    Csv,
    /// Values typed, once a repetition.
    Typed,
    /// Arrow views in frames.
    #[cfg(feature = "polars")]
    Views,
    /// Arrow dictionaries.
    #[cfg(feature = "polars")]
    Dictionaries,
}

pub(crate) struct Figures {
    pub(crate) rows: u64,
    pub(crate) bytes: u64,
    pub(crate) seconds: f64,
    pub(crate) peak_bytes: u64,
}

/// Rows melted at a time.
const CHUNK: usize = 1 << 13;
/// Resources of a batch.
const BATCH: usize = 512;

impl Output {
    pub(crate) const ALL: &[Self] = &[
        Self::Slots,
        Self::PlainStrings,
        Self::Csv,
        Self::Typed,
        #[cfg(feature = "polars")]
        Self::Views,
        #[cfg(feature = "polars")]
        Self::Dictionaries,
    ];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Slots => "slots",
            Self::PlainStrings => "plain strings",
            Self::Csv => "CSV",
            Self::Typed => "typed values",
            #[cfg(feature = "polars")]
            Self::Views => "Arrow views",
            #[cfg(feature = "polars")]
            Self::Dictionaries => "Arrow dictionaries",
        }
    }

    /// Melts all resources of a shape. The batches are made before and cost no time here; large shapes go round.
    pub(crate) fn run(self, shape: &Shape) -> Figures {
        let table = shape.table();
        let batches = shape.batches(&table, BATCH);
        let melter = Melter::new(&table, &MeltOptions::streamed(&table, None));
        let zone = Zone::berlin();
        let bytes = Arc::default();
        let mut csv = TableWriter::new(&table, Format::Csv, Box::new(Counted(Arc::clone(&bytes))));
        let mut plain = Plain::default();
        let mut figures = Figures {
            rows: 0,
            bytes: 0,
            seconds: 0.0,
            peak_bytes: 0,
        };
        let meter = Meter::start();
        let rounds = shape.resources.div_ceil(BATCH);
        for batch in batches.iter().cycle().take(rounds) {
            let mut rows = melter.stream(batch);
            loop {
                let melted = rows.take(CHUNK);
                if melted.rows() == 0 {
                    break;
                }
                figures.rows += melted.rows() as u64;
                match self {
                    Self::Slots => {
                        black_box(&melted);
                    }
                    Self::PlainStrings => figures.bytes += plain.fill(&melted),
                    Self::Csv => csv.write(&melted, 0).expect("memory takes all"),
                    Self::Typed => {
                        black_box(melted.typed(&zone));
                    }
                    #[cfg(feature = "polars")]
                    Self::Views => {
                        black_box(melted.to_frame().expect("columns of equal length"));
                    }
                    #[cfg(feature = "polars")]
                    Self::Dictionaries => {
                        black_box(melted.to_dictionaries());
                    }
                }
            }
        }
        figures.seconds = meter.seconds();
        figures.peak_bytes = meter.peak_bytes();
        figures.bytes += *bytes.lock().expect("one thread");
        figures
    }
}

/// The columns of a chunk as bytes and the ends of the cells, reused from chunk to chunk.
#[derive(Default)]
struct Plain {
    bytes: Vec<u8>,
    ends: Vec<u32>,
}

impl Plain {
    fn fill(&mut self, melted: &Melted<'_>) -> u64 {
        let mut total = 0;
        for column in 0..melted.table().columns.len() {
            self.bytes.clear();
            self.ends.clear();
            melted.column_text(column, &mut self.bytes, &mut self.ends);
            total += (self.bytes.len() + 4 * self.ends.len()) as u64;
            black_box((&self.bytes, &self.ends));
        }
        total
    }
}

/// Counts what is written.
struct Counted(Arc<std::sync::Mutex<u64>>);

impl Write for Counted {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        *self.0.lock().expect("one thread") += black_box(bytes).len() as u64;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
