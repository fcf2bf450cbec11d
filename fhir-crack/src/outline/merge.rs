use super::Item;

/// Puts what JSON says of a primitive in two members, `name` and `_name`, into one item a repetition, as it is in XML.
/// Recursion is bounded by the limit of depth, which the items were recorded under.
pub(super) fn merged(items: &[Item]) -> Vec<Item> {
    let mut out = Vec::with_capacity(items.len());
    emit(items, &[0], &mut out);
    out
}

/// Appends one item made of several of the same place, and what is below them.
fn emit(items: &[Item], same: &[u32], out: &mut Vec<Item>) {
    let Some(item) = same.first().and_then(|&at| items.get(at as usize)) else {
        return;
    };
    let mut item = Item {
        beside: false,
        ..*item
    };
    let valued = same.iter().filter_map(|&at| items.get(at as usize));
    if let Some(valued) = valued.clone().find(|item| item.len != Item::NONE) {
        (item.start, item.len, item.token) = (valued.start, valued.len, valued.token);
    }
    let at = out.len();
    out.push(item);
    let mut below = Vec::new();
    for &at in same {
        let end = items.get(at as usize).map_or(0, |item| item.end);
        let mut next = at + 1;
        while next < end {
            below.push(next);
            next = items
                .get(next as usize)
                .map_or(end, |item| item.end.max(next + 1));
        }
    }
    for same in groups(items, &below) {
        emit(items, &same, out);
    }
    let end = out.len() as u32;
    if let Some(item) = out.get_mut(at) {
        item.end = end;
    }
}

/// The items below one, those of the same name and repetition together. Names that stand once keep their order;
/// repetitions of names that have a `_name` stand in theirs, where the first of them was.
fn groups(items: &[Item], below: &[u32]) -> Vec<Vec<u32>> {
    let item = |at: u32| items.get(at as usize);
    let beside: std::collections::HashSet<u16> = below
        .iter()
        .filter_map(|&at| item(at))
        .filter(|item| item.beside)
        .map(|item| item.symbol)
        .collect();
    let mut done = std::collections::HashSet::new();
    let mut groups: Vec<Vec<u32>> = Vec::with_capacity(below.len());
    for &at in below {
        let Some(first) = item(at) else { continue };
        if !beside.contains(&first.symbol) {
            groups.push(vec![at]);
        } else if done.insert(first.symbol) {
            let mut named: Vec<(u32, u32)> = below
                .iter()
                .filter_map(|&at| item(at).map(|item| (item, at)))
                .filter(|(item, _)| item.symbol == first.symbol)
                .map(|(item, at)| (item.position, at))
                .collect();
            named.sort_by_key(|&(position, _)| position);
            for same in named.chunk_by(|a, b| a.0 == b.0) {
                groups.push(same.iter().map(|&(_, at)| at).collect());
            }
        }
    }
    groups
}
