use std::collections::HashMap;

use fhir_crack::outline::Symbol;

use super::choice::TYPES;

/// The names elements are recorded under. Of a name that can have several types, the number is followed by those of the
/// name with each type behind it.
#[derive(Default)]
pub(crate) struct Names {
    numbers: HashMap<String, u16>,
    choices: HashMap<String, u16>,
    next: u16,
}

/// How many numbers an element of several types takes.
const GROUP: u16 = TYPES.len() as u16 + 1;

impl Names {
    fn take(&mut self, count: u16) -> Option<u16> {
        let first = self.next.max(1);
        self.next = first.checked_add(count)?;
        Some(first)
    }

    /// The number of a name; none if there are too many.
    pub(crate) fn symbol(&mut self, name: &str) -> Option<Symbol> {
        if let Some(&known) = self.numbers.get(name) {
            return Some(known);
        }
        // `valueQuantity` is what `value.ofType(Quantity)` is, however it is written.
        let typed = TYPES
            .iter()
            .filter_map(|type_name| super::choice::untyped_name(name, type_name))
            .min_by_key(|base| base.len());
        if let Some(base) = typed {
            self.choice(base)?;
            return self.numbers.get(name).copied();
        }
        let number = self.take(1)?;
        self.numbers.insert(name.to_owned(), number);
        Some(number)
    }

    /// The first number of an element of several types: that of the name without type.
    pub(crate) fn choice(&mut self, name: &str) -> Option<Symbol> {
        if let Some(&known) = self.choices.get(name) {
            return Some(known);
        }
        let first = self.take(GROUP)?;
        self.choices.insert(name.to_owned(), first);
        for (offset, type_name) in (1..).zip(TYPES) {
            self.numbers
                .entry(super::choice::typed_name(name, type_name))
                .or_insert(first + offset);
        }
        // Where the plain name was numbered before, that number stays.
        self.numbers.entry(name.to_owned()).or_insert(first);
        Some(first)
    }
}

impl Names {
    /// The numbers of all elements of a type, by its position among [`TYPES`].
    pub(crate) fn of_type(&self, number: u16) -> Vec<Symbol> {
        self.choices.values().map(|first| first + 1 + number).collect()
    }
}
