use crate::node::Node;
use crate::product::GAP;
use crate::slots::Slots;

/// Walks the rows of one source row with unrelated repetitions side by side: row n holds the n-th repetition of each
/// group. Below one repetition the same holds again, so a repetition takes as many rows as its longest list and is
/// repeated in them. A list that has run out is empty; an element that cannot repeat and does not, stands in all rows of
/// what encloses it.
pub(crate) struct Aligned {
    /// For each group the rows every repetition takes.
    heights: Vec<Vec<u64>>,
    /// For each group whether it is a list even where it has one repetition.
    lists: Vec<bool>,
    states: Vec<State>,
}

#[derive(Clone, Copy, Default)]
struct State {
    number: u32,
    last: u32,
    next: usize,
    /// Rows the repetition shown still takes, this one included.
    left: u64,
    /// Whether this row shows another repetition than the row before.
    turned: bool,
}

impl Aligned {
    pub(crate) fn new(slots: &Slots<'_>) -> Self {
        let mut heights: Vec<Vec<u64>> = slots.nodes.iter().map(|n| vec![1; n.len()]).collect();
        for group in (1..slots.nodes.len()).rev() {
            let node = &slots.nodes[group];
            let below = std::mem::take(&mut heights[group]);
            for (parent, height) in heights[node.parent].iter_mut().enumerate() {
                let children = node.children(parent);
                if let Some(last) = children.clone().next_back() {
                    let gaps = u64::from(node.numbers[last]) - children.len() as u64;
                    let rows = below[children]
                        .iter()
                        .fold(gaps, |sum, &rows| sum.saturating_add(rows));
                    *height = rows.max(*height);
                }
            }
            heights[group] = below;
        }
        let lists = slots.groups.list.iter().map(|group| group.repeats).collect();
        Self {
            heights,
            lists,
            states: vec![State::default(); slots.nodes.len()],
        }
    }

    /// Rows every source row produces.
    pub(crate) fn row_counts(&self) -> &[u64] {
        &self.heights[0]
    }

    /// The first row; `slots[0]` holds the source row.
    pub(crate) fn start(&mut self, nodes: &[Node], slots: &mut [u32]) {
        let left = self.heights[0][slots[0] as usize];
        self.states[0] = State {
            left,
            turned: true,
            ..State::default()
        };
        self.fill(nodes, slots);
    }

    /// The next row of the same source row; `false` if there is none.
    pub(crate) fn advance(&mut self, nodes: &[Node], slots: &mut [u32]) -> bool {
        let resource = &mut self.states[0];
        resource.turned = false;
        resource.left -= 1;
        if resource.left == 0 {
            return false;
        }
        self.fill(nodes, slots);
        true
    }

    fn fill(&mut self, nodes: &[Node], slots: &mut [u32]) {
        for (group, node) in nodes.iter().enumerate().skip(1) {
            let parent_turned = self.states[node.parent].turned;
            let state = &mut self.states[group];
            if parent_turned {
                let children = match slots[node.parent] {
                    GAP => 0..0,
                    parent => node.children(parent as usize),
                };
                let last = if children.is_empty() {
                    0
                } else {
                    node.numbers[children.end - 1]
                };
                *state = State {
                    number: 0,
                    last,
                    next: children.start,
                    left: 1,
                    turned: true,
                };
            }
            state.turned = parent_turned;
            state.left -= 1;
            if state.left > 0 {
                continue;
            }
            state.number = state.number.saturating_add(1);
            state.turned = true;
            state.left = 1;
            slots[group] = GAP;
            if state.number > state.last {
                state.left = u64::MAX;
            } else if node.numbers[state.next] == state.number {
                slots[group] = state.next as u32;
                state.left = self.heights[group][state.next];
                state.next += 1;
                if state.last == 1 && !self.lists[group] {
                    state.left = u64::MAX;
                }
            }
        }
    }
}
