use crate::node::Node;
use crate::slots::Slots;

/// The slot that stands for "nothing here": a gap, or an element the resource does not have.
pub(crate) const GAP: u32 = u32::MAX;

/// Walks the rows of one source row after the other, in the reference's order: the groups are the digits of an
/// odometer, the last group turns fastest.
pub(crate) struct Product {
    /// Where every group but the resource stands.
    wheels: Vec<Wheel>,
    /// Groups that turn within the current source row, and for every group whether it is one of them.
    turning: Vec<usize>,
    turns: Vec<bool>,
}

#[derive(Clone, Default)]
struct Wheel {
    parent: usize,
    /// The repetition shown, counted from 1; 0 where the parent has none.
    number: u32,
    last: u32,
    /// Position of the first repetition that is not behind the one shown.
    next: usize,
    end: usize,
}

impl Product {
    pub(crate) fn new(nodes: &[Node]) -> Self {
        let wheels = nodes
            .iter()
            .map(|n| Wheel {
                parent: n.parent,
                ..Wheel::default()
            })
            .collect();
        Self {
            wheels,
            turning: Vec::new(),
            turns: vec![false; nodes.len()],
        }
    }

    /// Puts every group on its first repetition; `slots[0]` holds the source row.
    pub(crate) fn start(&mut self, nodes: &[Node], slots: &mut [u32]) {
        self.turning.clear();
        for (group, node) in nodes.iter().enumerate().skip(1) {
            self.wheels[group].reset(node, slots, group);
            let wheel = &self.wheels[group];
            self.turns[group] = wheel.last > 1 || self.turns[wheel.parent];
            if self.turns[group] {
                self.turning.push(group);
            }
        }
    }

    /// The next row of the same source row; `false` if there is none.
    pub(crate) fn advance(&mut self, nodes: &[Node], slots: &mut [u32]) -> bool {
        for at in (0..self.turning.len()).rev() {
            let group = self.turning[at];
            if self.wheels[group].turn(&nodes[group], slots, group) {
                for &later in &self.turning[at + 1..] {
                    self.wheels[later].reset(&nodes[later], slots, later);
                }
                return true;
            }
        }
        false
    }
}

impl Wheel {
    fn reset(&mut self, node: &Node, slots: &mut [u32], group: usize) {
        let children = match slots[self.parent] {
            GAP => 0..0,
            parent => node.children(parent as usize),
        };
        self.next = children.start;
        self.end = children.end;
        self.last = if children.is_empty() {
            0
        } else {
            node.numbers[children.end - 1]
        };
        self.number = self.last.min(1);
        slots[group] = self.show(node);
    }

    fn turn(&mut self, node: &Node, slots: &mut [u32], group: usize) -> bool {
        if self.number >= self.last {
            return false;
        }
        self.number += 1;
        slots[group] = self.show(node);
        true
    }

    fn show(&mut self, node: &Node) -> u32 {
        if self.next < self.end && node.numbers[self.next] == self.number {
            self.next += 1;
            (self.next - 1) as u32
        } else {
            GAP
        }
    }
}

/// How many rows every source row produces: within one repetition the groups below it multiply, the repetitions of
/// one group add up.
pub(crate) fn row_counts(slots: &Slots<'_>) -> Vec<u64> {
    let mut counts: Vec<Vec<u64>> = slots.nodes.iter().map(|n| vec![1; n.len()]).collect();
    for group in (1..slots.nodes.len()).rev() {
        let node = &slots.nodes[group];
        let below = std::mem::take(&mut counts[group]);
        for (parent, count) in counts[node.parent].iter_mut().enumerate() {
            let children = node.children(parent);
            if let Some(last) = children.clone().next_back() {
                let gaps = u64::from(node.numbers[last]) - children.len() as u64;
                let rows = below[children]
                    .iter()
                    .fold(gaps, |sum, &rows| sum.saturating_add(rows));
                *count = count.saturating_mul(rows);
            }
        }
    }
    std::mem::take(&mut counts[0])
}
