use std::error::Error as StdError;
use std::fmt;

use pyo3::prelude::*;
use pyo3::types::PyDict;

/// Why something stopped, on its way to an exception of Python. Where, never what: no value of the data stands in it.
pub(crate) enum Failure {
    /// An argument cannot be used.
    Option(String),
    /// A part of an input cannot be read.
    Unread {
        input: String,
        reason: fhir_crack::Error,
    },
    /// An input cannot be opened, or not be read to its end.
    Broken {
        input: String,
        error: std::io::Error,
    },
    /// Views are wrong, or a resource does not fit one.
    View {
        input: String,
        error: sql_on_fhir::Error,
    },
    Description(table_description::Error),
    Melt(fhir_melt::Error),
    /// What code of the caller raised.
    Python(PyErr),
    /// The caller has given up.
    Cancelled,
}

impl From<fhir_melt::Error> for Failure {
    fn from(error: fhir_melt::Error) -> Self {
        Self::Melt(error)
    }
}

impl From<PyErr> for Failure {
    fn from(error: PyErr) -> Self {
        Self::Python(error)
    }
}

impl fmt::Debug for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Failure")
    }
}

/// An error with its causes.
fn chain(error: &dyn StdError) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(&format!(": {error}"));
        cause = error.source();
    }
    text
}

/// An exception of this name in `fhirtab.errors`, with attributes.
pub(crate) fn raise(
    py: Python<'_>,
    name: &str,
    message: &str,
    attributes: impl FnOnce(&Bound<'_, PyDict>) -> PyResult<()>,
) -> PyErr {
    let make = || {
        let class = py.import("fhirtab.errors")?.getattr(name)?;
        let with = PyDict::new(py);
        attributes(&with)?;
        class.call((message,), Some(&with))
    };
    make().map_or_else(|error| error, PyErr::from_value)
}

fn named(input: &str, text: &str) -> String {
    match input {
        "" => text.to_owned(),
        input => format!("{input}: {text}"),
    }
}

impl Failure {
    pub(crate) fn into_py(self, py: Python<'_>) -> PyErr {
        match self {
            Self::Python(error) => error,
            Self::Option(text) => raise(py, "OptionError", &text, |_| Ok(())),
            Self::Description(error) => raise(py, "DescriptionError", &chain(&error), |_| Ok(())),
            Self::Melt(error) => match error.kind() {
                fhir_melt::ErrorKind::Input => raise(py, "DescriptionError", &chain(&error), |_| Ok(())),
                _ => raise(py, "FhirtabError", &chain(&error), |_| Ok(())),
            },
            Self::Broken { input, error } => {
                if error.raw_os_error().is_none() {
                    let text = named(&input, &error.to_string());
                    return raise(py, "InputError", &text, |with| with.set_item("input", &input));
                }
                let os = py.import("builtins").and_then(|builtins| {
                    let text = py
                        .import("os")?
                        .call_method1("strerror", (error.raw_os_error(),))?;
                    builtins
                        .getattr("OSError")?
                        .call1((error.raw_os_error(), text, &input))
                });
                os.map_or_else(|error| error, PyErr::from_value)
            }
            Self::Unread { input, reason } => {
                let text = named(&input, &chain(&reason));
                raise(py, "InputError", &text, |with| {
                    with.set_item("input", &input)?;
                    if let Some(place) = reason.place() {
                        with.set_item("line", place.line)?;
                        with.set_item("column", place.column)?;
                        with.set_item("byte", place.offset)?;
                    }
                    with.set_item("reason", reason.kind().to_string())
                })
            }
            Self::View { input, error } => match error.kind() {
                sql_on_fhir::ErrorKind::Input(_)
                | sql_on_fhir::ErrorKind::SetAside { .. }
                | sql_on_fhir::ErrorKind::Read(_) => {
                    let place = match error.kind() {
                        sql_on_fhir::ErrorKind::Input(error)
                        | sql_on_fhir::ErrorKind::SetAside { first: error, .. } => error.place(),
                        _ => None,
                    };
                    raise(py, "InputError", &named(&input, &chain(&error)), |with| {
                        with.set_item("input", &input)?;
                        if let Some(place) = place {
                            with.set_item("line", place.line)?;
                            with.set_item("column", place.column)?;
                            with.set_item("byte", place.offset)?;
                        }
                        Ok(())
                    })
                }
                kind => {
                    let (view, pointer, resource) = match kind {
                        sql_on_fhir::ErrorKind::View { view, .. } => (view.clone(), None, None),
                        sql_on_fhir::ErrorKind::Resource {
                            view,
                            pointer,
                            resource,
                            ..
                        } => (Some(view.clone()), Some(pointer.clone()), Some(*resource)),
                        _ => (None, None, None),
                    };
                    raise(py, "ViewError", &chain(&error), |with| {
                        with.set_item("view", view)?;
                        with.set_item("pointer", pointer)?;
                        with.set_item("resource", resource)
                    })
                }
            },
            Self::Cancelled => pyo3::exceptions::PyKeyboardInterrupt::new_err(()),
        }
    }
}
