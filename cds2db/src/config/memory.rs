//! How the memory that a run may take is divided.

use site_config::Reader;

use super::texts::index;

/// Bytes of memory for what a run holds at one time. What stands beside pages (rows, batches, the program) has the rest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Memory {
    /// One page, unpacked.
    pub(crate) page: usize,
    /// A body may become so large beside others; beyond that only one at a time does.
    pub(crate) large: usize,
    /// Pages that were fetched before somebody asked for them.
    pub(crate) ahead: usize,
    /// Pages that are cracked or wait to be stored.
    pub(crate) pages: usize,
}

/// Least memory that can be set, in MiB.
const LEAST: i64 = 128;

impl Memory {
    /// The parts of so many bytes.
    pub(crate) fn of(bytes: usize) -> Self {
        Self {
            page: bytes / 8,
            large: bytes / 64,
            ahead: bytes / 32,
            pages: bytes / 8,
        }
    }
}

/// Bytes of memory that are set; a gibibyte where nothing is.
pub(super) fn read(r: &mut Reader<'_>) -> usize {
    index(r.whole("MAX_MEMORY_MIB", LEAST..=1 << 20), 1024) << 20
}

/// Bytes of the disk that are to stay free.
pub(super) fn read_free(r: &mut Reader<'_>) -> u64 {
    (index(r.whole("MIN_FREE_MIB", 0..=1 << 30), 256) as u64) << 20
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gibibyte_leaves_room_for_pages_of_128_mebibytes() {
        let memory = Memory::of(1 << 30);
        assert_eq!((memory.page, memory.large), (128 << 20, 16 << 20));
    }
}
