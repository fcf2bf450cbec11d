//! Allocations and memory while pages are streamed. A binary of its own, since it counts for the whole process.

#![expect(unsafe_code, reason = "an allocator that counts has to be one")]
#![expect(clippy::unwrap_used, reason = "a test ends where it cannot go on")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::fmt::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use fhir_crack::{Decoder, Options, Plan};

struct Counting;

static CALLS: AtomicUsize = AtomicUsize::new(0);
static LIVE: AtomicUsize = AtomicUsize::new(0);
static PEAK: AtomicUsize = AtomicUsize::new(0);

// SAFETY: every call is passed on to the system's allocator as it is.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        CALLS.fetch_add(1, Ordering::Relaxed);
        let live = LIVE.fetch_add(layout.size(), Ordering::Relaxed) + layout.size();
        PEAK.fetch_max(live, Ordering::Relaxed);
        // SAFETY: the caller keeps the contract of `alloc`.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, place: *mut u8, layout: Layout) {
        LIVE.fetch_sub(layout.size(), Ordering::Relaxed);
        // SAFETY: the caller keeps the contract of `dealloc`.
        unsafe { System.dealloc(place, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// What cracking this many resources of so many repetitions costs: allocations, and the most bytes held at once.
fn stream(resources: usize, repetitions: usize) -> (usize, usize) {
    let plan = Arc::new(Plan::new(&table_description::default_description()).unwrap());
    let coding = r#"{"system":"http://loinc.org","code":"1234-5","display":"a \"quoted\" name"}"#;
    let codings = vec![coding; repetitions].join(",");
    let mut decoder = Decoder::new(plan, Options::default());
    CALLS.store(0, Ordering::Relaxed);
    PEAK.store(LIVE.load(Ordering::Relaxed), Ordering::Relaxed);
    let before = LIVE.load(Ordering::Relaxed);
    let mut rows = 0;
    let mut line = String::with_capacity(codings.len() + 200);
    for number in 0..resources {
        line.clear();
        line.push_str("{\"resourceType\":\"Observation\",\"id\":\"");
        write!(line, "{number}").unwrap();
        line.push_str("\",\"status\":\"final\",\"code\":{\"coding\":[");
        line.push_str(&codings);
        line.push_str("]}}\n");
        decoder.push(line.as_bytes()).unwrap();
        rows += std::iter::from_fn(|| decoder.next_batch())
            .map(|batch| batch.rows())
            .sum::<usize>();
    }
    decoder.end_page().unwrap();
    rows += std::iter::from_fn(|| decoder.next_batch())
        .map(|batch| batch.rows())
        .sum::<usize>();
    assert_eq!(rows, resources);
    (
        CALLS.load(Ordering::Relaxed),
        PEAK.load(Ordering::Relaxed) - before,
    )
}

/// One test, so that no other one allocates meanwhile.
#[test]
fn allocations_and_memory_do_not_grow_with_the_input() {
    let (few, _) = stream(2_000, 3);
    let (many, peak) = stream(20_000, 3);
    let (wide, _) = stream(20_000, 30);
    let each = many as f64 / 20_000.0;
    println!("{each:.2} allocations a resource, {peak} bytes held");
    assert!(each < 0.5, "{each} allocations a resource");
    assert!(
        each <= few as f64 / 2_000.0 * 1.1,
        "{few} for 2,000 resources, {many} for 20,000"
    );
    // Ten times the values: as many bytes more make as many batches more, but no allocation a value.
    assert!(
        (wide as f64) < many as f64 * 12.0,
        "{many} for 3 codings, {wide} for 30"
    );
    // 16 bytes of hash a row kept, and the hash table's room for twice as many.
    assert!(peak < (4 << 20) + 20_000 * 64, "{peak} bytes held");
}
