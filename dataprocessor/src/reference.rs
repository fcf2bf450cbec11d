//! References in columns, and first rows of groups.

use polars::prelude::*;
use table_description::reference::{Home, IdRule, OwnBases, listed_id, literal};

/// Servers that do not keep to FHIR's rule have patients too; what is in the hub was asked for by the retrieval.
const IDS: IdRule = IdRule::Odd;

/// The id of a resource of this type that a reference names, in whatever form it is written.
pub(crate) fn id_in<'r>(reference: &'r str, resource: &str) -> Option<&'r str> {
    literal(reference, IDS)?.id_of(resource)
}

/// The id of a patient in the ward list, which may hold references too.
pub(crate) fn listed_patient(text: &str) -> Option<&str> {
    listed_id(text, "Patient", IDS)
}

/// The ids of the resources of this type that a column of references names; null where it names none.
pub(crate) fn id_of(column: &str, resource: &'static str) -> Expr {
    each(column, move |text| id_in(text, resource))
}

/// The ids of patients in a column of the ward list.
pub(crate) fn listed_patients(column: &str) -> Expr {
    each(column, listed_patient)
}

/// Whether the reference is to a resource under another base than ours. It is one of our server's only where the server
/// says so: its id alone says nothing.
pub(crate) fn is_elsewhere(column: &str, ours: &OwnBases) -> Expr {
    let ours = ours.clone();
    let test = move |text: Column| {
        let texts = text.str()?;
        let found: BooleanChunked = texts
            .iter()
            .map(|text| {
                let found = text.and_then(|t| literal(t, IDS));
                Some(found.is_some_and(|l| ours.home(&l) != Home::Ours))
            })
            .collect();
        Ok(found.with_name(texts.name().clone()).into_column())
    };
    col(column).map(test, |_, field| {
        Ok(Field::new(field.name().clone(), DataType::Boolean))
    })
}

fn each(column: &str, part: impl Fn(&str) -> Option<&str> + Send + Sync + 'static) -> Expr {
    let map = move |text: Column| {
        let texts = text.str()?;
        let parts: StringChunked = texts.iter().map(|text| part(text?)).collect();
        Ok(parts.with_name(texts.name().clone()).into_column())
    };
    col(column).map(map, |_, field| {
        Ok(Field::new(field.name().clone(), DataType::String))
    })
}

/// The first row of each key in the order given, which must tell all rows of a key apart.
pub(crate) fn first_of(
    frame: LazyFrame,
    keys: &[&str],
    order: Vec<Expr>,
    descending: Vec<bool>,
) -> LazyFrame {
    let options = SortMultipleOptions::new()
        .with_order_descending_multi(descending)
        .with_nulls_last(true)
        .with_maintain_order(true);
    frame
        .sort_by_exprs(order, options)
        .unique_stable(Some(cols(keys.iter().copied())), UniqueKeepStrategy::First)
}

/// The different texts of a column within a group, in order of the frame, with a separator; null if there is none.
pub(crate) fn joined(column: &str, separator: &str) -> Expr {
    let texts = col(column).drop_nulls().unique_stable();
    when(col(column).is_not_null().any(true))
        .then(texts.str().join(separator, true))
        .otherwise(lit(NULL))
        .alias(column)
}
