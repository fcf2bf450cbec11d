use serde_json::Value;

use super::asked::{Asked, Of, Subject};
use super::outcome::Refusal;
use crate::artifacts::kind_of;
use crate::{Artifacts, ViewDefinition};

/// What a subject turned out to be.
pub(super) enum Found {
    View(Box<ViewDefinition>),
    #[cfg(feature = "sql")]
    Query(Box<crate::query::QueryRun>),
}

/// A subject with the name of its output.
pub(super) struct Resolved {
    pub(super) name: String,
    pub(super) found: Found,
    #[cfg_attr(
        not(feature = "sql"),
        expect(dead_code, reason = "only queries have parameters")
    )]
    pub(super) parameters: std::collections::HashMap<String, String>,
}

/// Finds a subject and compiles it.
///
/// # Errors
/// 400 unless exactly one is named, 404 if it or what it depends on is not at hand, 422 if it cannot be run.
pub(super) fn resolve(
    subject: &Subject,
    asked: &Asked,
    artifacts: &Artifacts,
    number: usize,
) -> Result<Resolved, Refusal> {
    let mut all = artifacts.clone();
    for context in &asked.context {
        if all.add(context.clone()) == 0 {
            return Err(Refusal::invalid(
                "a context is neither a ViewDefinition nor a Library",
            ));
        }
    }
    let [of] = subject.of.as_slice() else {
        let text = "name exactly one of subjectCanonical, subjectReference and subjectResource";
        return Err(Refusal::invalid(text));
    };
    let missing = || Refusal::not_found("the subject is not at hand");
    let resource: &Value = match of {
        Of::Canonical(canonical) => all.canonical(canonical).ok_or_else(missing)?,
        Of::Reference(reference) => all.reference(reference).ok_or_else(missing)?,
        Of::Resource(resource) => resource,
    };
    let own = resource.get("name").and_then(Value::as_str);
    let name = subject
        .name
        .as_deref()
        .or(own)
        .map_or_else(|| format!("output_{number}"), str::to_owned);
    if name.is_empty()
        || name.len() > 128
        || !name
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-'))
    {
        return Err(Refusal::invalid(
            "a name of an output has letters, digits, _ and - only",
        ));
    }
    let found = match kind_of(resource) {
        "ViewDefinition" => {
            if !subject.parameters.is_empty() {
                return Err(Refusal::invalid("a ViewDefinition has no parameters"));
            }
            let mut view =
                ViewDefinition::from_value(resource).map_err(|e| Refusal::unprocessable(e.to_string()))?;
            view.name.get_or_insert_with(|| format!("view_{number}"));
            // Faults of its expressions are told before the data are read.
            crate::Views::new(std::slice::from_ref(&view))
                .map_err(|e| Refusal::unprocessable(e.to_string()))?;
            Found::View(view.into())
        }
        "Library" => query(resource, subject, asked, &all)?,
        _ => {
            return Err(Refusal::unprocessable(
                "the subject is neither a ViewDefinition nor a Library",
            ));
        }
    };
    Ok(Resolved {
        name,
        found,
        parameters: subject.parameters.clone(),
    })
}

#[cfg(feature = "sql")]
fn query(resource: &Value, subject: &Subject, asked: &Asked, all: &Artifacts) -> Result<Found, Refusal> {
    use crate::query::{Library, QueryError, QueryRun};

    if asked.resources.is_some() {
        return Err(Refusal::invalid(
            "only a ViewDefinition is run over given resources",
        ));
    }
    let refused = |error: QueryError| match error {
        QueryError::Missing { .. } => Refusal::not_found(error.to_string()),
        QueryError::Parameter { .. } => Refusal::invalid(error.to_string()),
        QueryError::View(inner) => Refusal::unprocessable(inner.to_string()),
        _ => Refusal::unprocessable(error.to_string()),
    };
    let library = Library::from_value(resource).map_err(refused)?;
    library.check(&subject.parameters).map_err(refused)?;
    let run = QueryRun::new(library, all).map_err(refused)?;
    Ok(Found::Query(run.into()))
}

#[cfg(not(feature = "sql"))]
fn query(_: &Value, _: &Subject, _: &Asked, _: &Artifacts) -> Result<Found, Refusal> {
    Err(Refusal::unprocessable(
        "this server was built without SQLQuery libraries",
    ))
}
