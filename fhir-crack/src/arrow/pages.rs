use std::fmt;
use std::sync::Arc;

use arrow_buffer::Buffer;
use bytes::Bytes;

use crate::Batch;
use crate::store::{ARENA, Store};

/// The texts a batch was cracked from, as buffers that views of record batches lie in. They live as long as the views.
pub struct Pages {
    store: Arc<Store>,
    /// The page, and the values that do not stand in it as they are.
    buffers: [Buffer; 2],
}

/// Texts up to this length stand in the view itself.
pub(super) const INLINE: usize = 12;

/// A page is kept where the texts viewed in it are at least this part of it; else they are copied, since what is kept is
/// the page as a whole.
const WORTH: usize = 4;

/// What owns the bytes of a buffer.
struct Owned {
    store: Arc<Store>,
    arena: bool,
}

impl AsRef<[u8]> for Owned {
    fn as_ref(&self) -> &[u8] {
        if self.arena {
            self.store.arena.as_bytes()
        } else {
            self.store.text.as_bytes()
        }
    }
}

impl Pages {
    /// The page of a batch; none where it holds so much besides that copies of the texts cost less memory.
    #[must_use]
    pub fn of(batch: &Batch) -> Option<Self> {
        let store = &batch.store;
        let (mut viewed, mut page) = (0, 0);
        for column in &batch.columns {
            let spans = batch.spans.get(column.start as usize..column.end as usize);
            for span in spans.unwrap_or_default() {
                let long = span.len as usize > INLINE;
                viewed += usize::from(long) * span.len as usize;
                page += usize::from(long && span.start & ARENA == 0);
            }
        }
        let held = store.arena.len() + if page > 0 { store.text.len() } else { 0 };
        (viewed > 0 && viewed >= held / WORTH).then(|| Self {
            buffers: [false, true].map(|arena| {
                let store = Arc::clone(store);
                Buffer::from(Bytes::from_owner(Owned { store, arena }))
            }),
            store: Arc::clone(store),
        })
    }

    /// The buffer, counted from 0, and the place in it where a text of the batch stands; none for a text that is
    /// elsewhere.
    pub(super) fn locate(&self, text: &str) -> Option<(usize, u32)> {
        [&self.store.text, &self.store.arena]
            .into_iter()
            .enumerate()
            .find_map(|(number, whole)| {
                let at = (text.as_ptr() as usize).checked_sub(whole.as_ptr() as usize)?;
                let within = at.checked_add(text.len())? <= whole.len();
                within.then_some((number, u32::try_from(at).ok()?))
            })
    }

    pub(super) fn buffer(&self, number: usize) -> Option<&Buffer> {
        self.buffers.get(number)
    }
}

impl fmt::Debug for Pages {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pages").field("store", &self.store).finish()
    }
}
