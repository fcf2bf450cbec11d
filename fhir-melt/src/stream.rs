use std::sync::Arc;

use fhir_crack::Batch;
use table_description::{MeltMode, TableDescription};

use crate::aligned::Aligned;
use crate::group::Groups;
use crate::product::{Product, row_counts};
use crate::slots::Slots;
use crate::{MeltOptions, Melted, Repeats, TrailingSeparator};

/// Below this number looking for groups that do not repeat in a batch costs more than walking them.
const FEW_GROUPS: usize = 6;

/// Melts a batch in one go.
///
/// # Examples
/// See the crate's documentation.
#[must_use]
pub fn melt<'a>(batch: &'a Batch, options: &MeltOptions) -> Melted<'a> {
    Melter::new(batch.table(), options).melt(batch)
}

/// What melting a table needs to know besides its rows, worked out once: options and the groups of columns.
#[derive(Clone, Debug)]
pub struct Melter {
    options: MeltOptions,
    mode: MeltMode,
    /// `None` if each batch decides for itself what repeats.
    groups: Option<Arc<Groups>>,
}

impl Melter {
    /// Prepares to melt batches of this table.
    #[must_use]
    pub fn new(table: &TableDescription, options: &MeltOptions) -> Self {
        let mode = options.mode.clone().unwrap_or_else(|| table.melt.clone());
        let mut options = options.clone();
        if matches!(mode, MeltMode::Aligned | MeltMode::Child) {
            // The reference has no such rows, so nothing speaks for its losses.
            options.trailing_separator = TrailingSeparator::Keep;
            options.joined_trailing_blank = false;
        }
        let only = match &mode {
            MeltMode::Only(paths) => Some(&paths[..]),
            _ => None,
        };
        let groups = match (&mode, &options.repeats) {
            (MeltMode::Aligned, _) => {
                Some(Groups::new(table, &Repeats::all(table), None).with_lists(&Repeats::r4(table)))
            }
            (_, Some(repeats)) => Some(Groups::new(table, repeats, only)),
            (_, None) => None,
        };
        Self {
            options,
            mode,
            groups: groups.map(Arc::new),
        }
    }

    /// All rows of a batch at once.
    #[must_use]
    pub fn melt<'a>(&self, batch: &'a Batch) -> Melted<'a> {
        self.stream(batch).take(usize::MAX)
    }

    /// The rows of a batch, to be taken in chunks.
    #[must_use]
    pub fn stream<'a>(&self, batch: &'a Batch) -> Rows<'a> {
        let slots = Arc::new(Slots::new(batch, self.groups_for(batch), &self.options));
        Rows::new(slots, &self.mode, self.options.row_limit)
    }

    fn groups_for(&self, batch: &Batch) -> Arc<Groups> {
        let table = batch.table();
        match (&self.mode, &self.groups) {
            (MeltMode::Aligned, Some(all)) => Arc::new(all.folded(&Repeats::of(batch), true)),
            (MeltMode::Child, all) => {
                let observed = Repeats::of(batch);
                let all = all.as_ref().map_or_else(
                    || {
                        let mut lists = Repeats::r4(table);
                        lists.unite(&observed);
                        Groups::new(table, &lists, None)
                    },
                    |all| (**all).clone(),
                );
                Arc::new(all.folded(&observed, true).by_list())
            }
            (_, Some(all)) if all.list.len() < FEW_GROUPS => Arc::clone(all),
            (_, Some(all)) => Arc::new(all.folded(&Repeats::of(batch), false)),
            (mode, None) => {
                let observed = Repeats::of(batch);
                let only = match mode {
                    MeltMode::Only(paths) => Some(&paths[..]),
                    _ => None,
                };
                Arc::new(Groups::new(table, &observed, only).folded(&observed, false))
            }
        }
    }
}

/// The rows of one batch in order, taken in chunks of bounded size, so that a resource with a huge product is never
/// held whole.
pub struct Rows<'a> {
    slots: Arc<Slots<'a>>,
    shown: Arc<[Option<usize>]>,
    walk: Walk,
    counts: Vec<u64>,
    limit: u64,
    /// Rows still to come.
    left: u64,
    /// Slots of the row shown last.
    now: Vec<u32>,
    /// The next source row to start.
    source: usize,
    /// Whether the source row shown last may have more rows.
    within: bool,
}

enum Walk {
    Product(Product),
    Aligned(Aligned),
    Single,
}

impl<'a> Rows<'a> {
    fn new(slots: Arc<Slots<'a>>, mode: &MeltMode, limit: u64) -> Self {
        let mut shown: Arc<[Option<usize>]> = slots.groups.of_column.iter().map(|&g| Some(g)).collect();
        let (walk, counts) = match mode {
            MeltMode::Aligned => {
                let aligned = Aligned::new(&slots);
                let counts = aligned.row_counts().to_vec();
                (Walk::Aligned(aligned), counts)
            }
            MeltMode::Child => {
                shown = slots
                    .groups
                    .of_column
                    .iter()
                    .map(|&g| (g == 0).then_some(0))
                    .collect();
                (Walk::Single, vec![1; slots.batch.rows()])
            }
            _ => (Walk::Product(Product::new(&slots.nodes)), row_counts(&slots)),
        };
        let now = vec![crate::product::GAP; slots.nodes.len()];
        let within_limit = counts.iter().filter(|&&rows| rows <= limit);
        let left = within_limit.fold(0u64, |sum, &rows| sum.saturating_add(rows));
        Self {
            slots,
            shown,
            walk,
            counts,
            limit,
            left,
            now,
            source: 0,
            within: false,
        }
    }

    /// How many rows are still to come, those of resources above the limit not counted.
    #[must_use]
    pub fn row_count(&self) -> u64 {
        self.left
    }

    /// Whether a resource is left out because it would produce more rows than the limit allows.
    pub(crate) fn leaves_out(&self) -> bool {
        self.counts.iter().any(|&rows| rows > self.limit)
    }

    /// The next rows, at most `most`; none at the end. Ask again until there are none.
    pub fn take(&mut self, most: usize) -> Melted<'a> {
        let expected = usize::try_from(self.left)
            .unwrap_or(usize::MAX)
            .min(most)
            .min(1 << 20);
        let mut rows = Vec::with_capacity(expected * self.now.len());
        let mut left_out = Vec::new();
        let shown_before = self.within.then_some(self.now[0]);
        let mut continues = false;
        let mut taken = 0;
        while taken < most && self.advance(&mut left_out) {
            continues |= taken == 0 && shown_before == Some(self.now[0]);
            rows.extend_from_slice(&self.now);
            taken += 1;
        }
        self.left = self.left.saturating_sub(taken as u64);
        Melted {
            slots: Arc::clone(&self.slots),
            rows: Arc::new(rows),
            shown: Arc::clone(&self.shown),
            left_out,
            continues,
            element: matches!(self.walk, Walk::Single).then_some(0),
        }
    }

    /// Moves to the next row; `false` at the end.
    fn advance(&mut self, left_out: &mut Vec<u32>) -> bool {
        let nodes = &self.slots.nodes;
        if self.within {
            self.within = match &mut self.walk {
                Walk::Product(walk) => walk.advance(nodes, &mut self.now),
                Walk::Aligned(walk) => walk.advance(nodes, &mut self.now),
                Walk::Single => false,
            };
            if self.within {
                return true;
            }
        }
        while let Some(&count) = self.counts.get(self.source) {
            let row = self.source as u32;
            self.source += 1;
            if count > self.limit {
                left_out.push(row);
                continue;
            }
            self.now[0] = row;
            match &mut self.walk {
                Walk::Product(walk) => walk.start(nodes, &mut self.now),
                Walk::Aligned(walk) => walk.start(nodes, &mut self.now),
                Walk::Single => {}
            }
            self.within = true;
            return true;
        }
        false
    }
}
