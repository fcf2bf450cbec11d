use std::ops::Range;
use std::sync::Arc;

use fhir_crack::Batch;
use table_description::typing::DefectKind;
use table_description::{Defect, TableDescription};

use crate::cell::{Arena, Cell};
use crate::group::Groups;
use crate::node::Node;
use crate::piece::{Piece, runs};
use crate::pieces::Pieces;
use crate::product::GAP;
use crate::{MeltOptions, TrailingSeparator};

/// The values of a batch by repetition: one table a group, one slot (row of that table) a repetition. A melted row is
/// one slot of every group.
pub(crate) struct Slots<'a> {
    pub(crate) batch: &'a Batch,
    pub(crate) groups: Arc<Groups>,
    pub(crate) nodes: Vec<Node>,
    /// For each column its cells, one a repetition of its group; none where the batch has no value of the column.
    cells: Vec<Vec<Cell<'a>>>,
    arena: Arena,
}

impl<'a> Slots<'a> {
    pub(crate) fn new(batch: &'a Batch, groups: Arc<Groups>, options: &MeltOptions) -> Self {
        let mut arena = Arena::default();
        let mut cells = vec![Vec::new(); groups.of_column.len()];
        let mut pieces = Vec::with_capacity(cells.len());
        for (column, &levels) in groups.levels.iter().enumerate() {
            let joined = batch.table().columns[column].joined;
            let cuts = options.trailing_separator == TrailingSeparator::Cut
                && levels > 0
                && !options.separator.is_empty()
                && (joined || batch.texts(column).any(|text| text.ends_with(&options.separator)));
            if !joined && !cuts {
                pieces.push(Pieces::whole(batch, column));
                continue;
            }
            let blank = options.joined_trailing_blank && levels > 0;
            let mut found = gather(batch, column, blank, &mut arena);
            if cuts {
                cut(&mut found, levels, &options.separator);
            }
            pieces.push(Pieces::made(found));
        }
        let mut nodes = vec![Node::root(batch.rows())];
        for (at, group) in groups.list.iter().enumerate() {
            if at > 0 {
                let parents = nodes[group.parent].len();
                let columns = &group.columns;
                nodes.push(Node::collect(
                    group.parent,
                    parents,
                    group.depth,
                    columns,
                    &mut pieces,
                ));
            }
            // Deeper groups move the pieces on, so a column's cells are taken when its own group is reached.
            for &column in &group.columns {
                if groups.of_column[column] == at {
                    cells[column] = pieces[column].settle(nodes[at].len(), &options.separator, &mut arena);
                }
            }
        }
        Self {
            batch,
            groups,
            nodes,
            cells,
            arena,
        }
    }

    pub(crate) fn table(&self) -> &'a Arc<TableDescription> {
        self.batch.table()
    }

    /// Whether the batch has no value of the column.
    pub(crate) fn is_empty(&self, column: usize) -> bool {
        self.cells[column].is_empty()
    }

    /// Text of a column in a slot of its group; `None` for NULL and for the slot that stands for a gap.
    pub(crate) fn text(&self, column: usize, slot: u32) -> Option<&str> {
        match *self.cells[column].get(slot as usize)? {
            Cell::Text(text) => Some(text),
            Cell::Joined(number) => self.arena.get(number),
        }
    }

    /// Whether the slot holds several values that were joined because nothing keeps them apart.
    pub(crate) fn is_joined(&self, column: usize, slot: usize) -> bool {
        matches!(self.cells[column].get(slot), Some(cell @ Cell::Joined(_)) if !cell.is_null())
    }

    /// The source row a slot belongs to.
    pub(crate) fn source_row(&self, mut group: usize, mut slot: usize) -> usize {
        while group != 0 {
            let node = &self.nodes[group];
            (group, slot) = (node.parent, node.parent_of(slot));
        }
        slot
    }

    /// FHIR id of a source row's resource, if the table has the column (given by its position).
    pub(crate) fn resource_id(&self, id: Option<usize>, source: usize) -> Option<&str> {
        let column = id?;
        (self.groups.of_column[column] == 0)
            .then(|| self.text(column, source as u32))
            .flatten()
    }

    /// What is wrong with the value of a slot.
    pub(crate) fn defect(&self, column: usize, group: usize, slot: usize, kind: DefectKind) -> Defect {
        let table = self.table();
        let mut index = self.index(group, slot as u32);
        index.resize(table.columns[column].path().depth().max(index.len()), 1);
        let id = table.position_of_path("id");
        Defect {
            table: Arc::clone(table),
            resource_id: self.resource_id(id, self.source_row(group, slot)).map(Into::into),
            column,
            index: index.into(),
            kind,
        }
    }

    /// For each group the slots that belong to these source rows.
    pub(crate) fn ranges(&self, rows: Range<usize>) -> Vec<Range<usize>> {
        let mut ranges = vec![rows];
        for node in &self.nodes[1..] {
            let parents = ranges[node.parent].clone();
            ranges.push(node.first(parents.start)..node.first(parents.end));
        }
        ranges
    }

    /// Index path of a slot: one number a segment of the group's path. Empty for the resource and for a gap.
    pub(crate) fn index(&self, group: usize, slot: u32) -> Vec<u32> {
        if slot == GAP {
            return Vec::new();
        }
        let mut path = vec![1; self.groups.list[group].depth];
        let (mut group, mut slot) = (group, slot as usize);
        while group != 0 {
            let node = &self.nodes[group];
            path[self.groups.list[group].depth - 1] = node.numbers[slot];
            (group, slot) = (node.parent, node.parent_of(slot));
        }
        path
    }
}

fn gather<'a>(batch: &'a Batch, column: usize, blank: bool, arena: &mut Arena) -> Vec<Piece<'a>> {
    if !batch.table().columns[column].joined {
        return batch
            .entries(column)
            .map(|(row, e)| Piece::new(row, e.index, Cell::Text(e.text)))
            .collect();
    }
    runs(batch, column)
        .map(|run| {
            let trailing = (blank && run.followed).then_some("");
            let text = match (&run.texts[..], trailing) {
                ([only], None) => Cell::Text(only),
                (texts, trailing) => Cell::Joined(arena.join(texts.iter().copied().chain(trailing), " ")),
            };
            Piece::new(run.row, run.index, text)
        })
        .collect()
}

/// Cuts separators at the end of values as often as the reference does: at each level once, from the level on at
/// which the value is the last of its cell.
fn cut(pieces: &mut [Piece<'_>], levels: usize, separator: &str) {
    for at in 0..pieces.len() {
        let Cell::Text(whole) = pieces[at].text else {
            continue;
        };
        if !whole.ends_with(separator) {
            continue;
        }
        let piece = &pieces[at];
        let later = pieces[at + 1..].iter().take_while(|p| p.row == piece.row);
        let joints = later
            .map(|p| shared(p.index, piece.index, levels) + 1)
            .max()
            .unwrap_or(0);
        let mut text = whole;
        for _ in joints..levels {
            text = text.strip_suffix(separator).unwrap_or(text);
        }
        pieces[at].text = Cell::Text(text);
    }
}

/// How many leading numbers two indexes share, at most `levels`.
fn shared(a: &[u32], b: &[u32], levels: usize) -> usize {
    a.iter().zip(b).take(levels).take_while(|(a, b)| a == b).count()
}
