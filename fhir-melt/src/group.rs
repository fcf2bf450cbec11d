use table_description::{ElementPath, TableDescription};

use crate::Repeats;

/// One element whose repetitions become rows, with every column at or below it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Group {
    /// Path of the element; empty for the resource itself.
    pub(crate) prefix: String,
    /// Segments of the path.
    pub(crate) depth: usize,
    /// Position of the group one segment up.
    pub(crate) parent: usize,
    /// Columns at or below the element.
    pub(crate) columns: Vec<usize>,
    /// Whether the element itself repeats, and not only one above or below it.
    pub(crate) repeats: bool,
}

impl Group {
    /// Whether the element itself repeats by this account, and not only one above or below it.
    fn is_in(&self, repeats: &Repeats) -> bool {
        self.columns
            .iter()
            .any(|&column| repeats.segment(column, self.depth))
    }
}

/// The groups of a table in the order they multiply: the resource itself, then step by step (one segment, two
/// segments, …) the prefixes of repeating columns in column order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Groups {
    pub(crate) list: Vec<Group>,
    /// For each column its innermost group.
    pub(crate) of_column: Vec<usize>,
    /// For each column how many groups enclose it besides the resource, those taken away by [`Groups::observed`]
    /// included.
    pub(crate) levels: Vec<usize>,
}

impl Groups {
    pub(crate) fn new(table: &TableDescription, repeats: &Repeats, only: Option<&[ElementPath]>) -> Self {
        let paths: Vec<&ElementPath> = table.columns.iter().map(|c| c.path()).collect();
        let resource = Group {
            prefix: String::new(),
            depth: 0,
            parent: 0,
            columns: (0..paths.len()).collect(),
            repeats: true,
        };
        let mut groups = Self {
            list: vec![resource],
            of_column: vec![0; paths.len()],
            levels: vec![0; paths.len()],
        };
        let deepest = paths.iter().map(|p| p.depth()).max().unwrap_or(0);
        for step in 1..=deepest {
            for (column, path) in paths.iter().enumerate() {
                if !repeats.column(column) {
                    continue;
                }
                let Some(prefix) = head(path, step) else { continue };
                let wanted = only.is_none_or(|only| only.iter().any(|path| path.starts_with(prefix)));
                if wanted && groups.list.iter().all(|g| g.prefix != prefix) {
                    groups.add(prefix, step, &paths, repeats);
                }
            }
        }
        groups
    }

    /// The same groups, those that are lists by this account marked.
    pub(crate) fn with_lists(mut self, lists: &Repeats) -> Self {
        for group in &mut self.list {
            group.repeats = group.depth == 0 || group.is_in(lists);
        }
        self
    }

    /// The groups that matter for a batch in which only these elements repeat, and those marked as lists if wanted. Any
    /// other has one repetition at most in what encloses it, so its columns go there.
    pub(crate) fn folded(&self, observed: &Repeats, lists: bool) -> Self {
        let mut kept = Self {
            list: Vec::with_capacity(self.list.len()),
            of_column: vec![0; self.of_column.len()],
            levels: self.levels.clone(),
        };
        let mut moved_to = vec![0; self.list.len()];
        for (at, group) in self.list.iter().enumerate() {
            if at > 0 && !group.is_in(observed) && !(lists && group.repeats) {
                moved_to[at] = moved_to[group.parent];
                continue;
            }
            moved_to[at] = kept.list.len();
            for &column in &group.columns {
                kept.of_column[column] = kept.list.len();
            }
            kept.list.push(Group {
                parent: moved_to[group.parent],
                ..group.clone()
            });
        }
        kept
    }

    /// The same groups with every column in the innermost one marked as a list: `code/text` belongs to the resource even
    /// where `code/coding` repeats.
    pub(crate) fn by_list(mut self) -> Self {
        for (column, of) in self.of_column.iter_mut().enumerate() {
            let within = |group: &Group| group.repeats && group.columns.contains(&column);
            *of = self.list.iter().rposition(within).unwrap_or(0);
        }
        self
    }

    fn add(&mut self, prefix: &str, depth: usize, paths: &[&ElementPath], repeats: &Repeats) {
        let parent = self
            .list
            .iter()
            .position(|g| g.depth + 1 == depth && (depth == 1 || below(prefix, &g.prefix)))
            .unwrap_or(0);
        let columns: Vec<usize> = (0..paths.len())
            .filter(|&c| paths[c].starts_with(prefix))
            .collect();
        for &column in &columns {
            self.of_column[column] = self.list.len();
            self.levels[column] = depth;
        }
        let repeats = columns.iter().any(|&column| repeats.segment(column, depth));
        self.list.push(Group {
            prefix: prefix.to_owned(),
            depth,
            parent,
            columns,
            repeats,
        });
    }
}

/// The first `step` segments of a path, `None` if it has fewer.
fn head(path: &ElementPath, step: usize) -> Option<&str> {
    let text = path.as_str();
    let mut ends = text.match_indices('/').map(|(at, _)| at).chain([text.len()]);
    ends.nth(step - 1).map(|end| &text[..end])
}

fn below(path: &str, prefix: &str) -> bool {
    path.strip_prefix(prefix)
        .is_some_and(|rest| rest.starts_with('/'))
}
