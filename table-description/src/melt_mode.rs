/// How a table's repetitions become rows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum MeltMode {
    /// Every list multiplies: unrelated lists give their full product. What the contract's tables hold.
    #[default]
    Product,
    /// Lists below one parent are laid side by side instead of multiplied: first with first, second with second.
    Aligned,
    /// Each list goes to a child table of its own; the table itself keeps one row a resource.
    Child,
    /// Only the lists at or below these paths become rows; of the others a cell keeps all values.
    Only(Vec<crate::ElementPath>),
}
