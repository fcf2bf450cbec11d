//! The compiled part of the Python package `fhirtab`: FHIR pages to Arrow.

mod collecting;
mod csv;
mod description;
mod errors;
mod inputs;
mod melt;
mod rejected;
mod run;
#[cfg(feature = "search")]
mod search;
mod settings;
mod table;
mod view;
mod watch;

use pyo3::prelude::*;

#[pymodule]
fn _native(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add("__version__", env!("CARGO_PKG_VERSION"))?;
    module.add_class::<description::Description>()?;
    module.add_class::<table::Table>()?;
    module.add_class::<run::Batches>()?;
    #[cfg(feature = "search")]
    module.add_class::<search::Search>()?;
    module.add_function(wrap_pyfunction!(run::run, module)?)?;
    module.add_function(wrap_pyfunction!(run::batches, module)?)?;
    module.add_function(wrap_pyfunction!(run::describe, module)?)?;
    module.add_function(wrap_pyfunction!(melt::melt, module)?)?;
    module.add_function(wrap_pyfunction!(view::view, module)?)?;
    module.add_function(wrap_pyfunction!(view::shipped_views, module)?)?;
    Ok(())
}
