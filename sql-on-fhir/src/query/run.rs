use std::collections::HashMap;
use std::io::Write;
use std::path::Path;

use datafusion::arrow::record_batch::RecordBatch;
use datafusion::common::ParamValues;
use datafusion::common::TableReference;
use datafusion::common::metadata::ScalarAndMetadata;
use datafusion::dataframe::DataFrame;
use datafusion::error::DataFusionError;
use datafusion::execution::context::{SQLOptions, SessionConfig, SessionContext};
use datafusion::execution::options::ArrowReadOptions;
use datafusion::execution::runtime_env::RuntimeEnvBuilder;
use datafusion::scalar::ScalarValue;
use futures_util::StreamExt;

use super::bind::{Given, bound, with_placeholders};
use super::{Library, QueryError};
use crate::artifacts::kind_of;
use crate::output::Batches;
use crate::{Artifacts, Format, ViewDefinition, Views};

/// Libraries that depend on each other, at most.
const DEPTH: usize = 16;
/// Tables of a query, at most.
const TABLES: usize = 256;
/// Bytes of memory of a query, unless told otherwise; what sorts and joins need beyond it goes to the disk.
const MEMORY: usize = 1 << 30;

/// A query with everything it depends on. Its views are run first, into a folder, then the SQL over those files.
#[derive(Debug)]
pub struct QueryRun {
    root: Node,
    definitions: Vec<ViewDefinition>,
    views: Views,
    /// Memory of the engine, in bytes.
    pub memory: usize,
}

/// A library and what its tables are.
#[derive(Debug)]
struct Node {
    library: Library,
    tables: Vec<(String, Table)>,
}

#[derive(Debug)]
enum Table {
    /// The file of a view.
    View(String),
    Query(Box<Node>),
}

/// What a query gave.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct QuerySummary {
    /// Rows written.
    pub rows: u64,
}

/// How the result of a query is written.
#[derive(Clone, Copy, Debug)]
pub struct QueryOutput {
    /// Its format.
    pub format: Format,
    /// Whether CSV begins with a line of names.
    pub header: bool,
    /// Most rows; all where not given.
    pub limit: Option<u64>,
}

impl Default for QueryOutput {
    fn default() -> Self {
        Self {
            format: Format::default(),
            header: true,
            limit: None,
        }
    }
}

/// Gathers what a query depends on.
struct Gather<'a> {
    artifacts: &'a Artifacts,
    /// Views by canonical, each with its file's name.
    files: HashMap<String, String>,
    views: Vec<ViewDefinition>,
    tables: usize,
}

impl QueryRun {
    /// Finds all a library depends on and compiles the views.
    ///
    /// # Errors
    /// If something is not at hand or wrong, or libraries depend on each other in a circle.
    pub fn new(library: Library, artifacts: &Artifacts) -> Result<Self, QueryError> {
        let mut gather = Gather {
            artifacts,
            files: HashMap::new(),
            views: Vec::new(),
            tables: 0,
        };
        let root = gather.node(library, &mut Vec::new())?;
        let views = Views::new(&gather.views).map_err(|error| QueryError::View(error.into()))?;
        Ok(Self {
            root,
            definitions: gather.views,
            views,
            memory: MEMORY,
        })
    }

    /// The views to be run into a folder as Arrow files, before the query can be.
    #[must_use]
    pub fn views(&self) -> &Views {
        &self.views
    }

    /// The views before they were compiled, each named after its file.
    #[must_use]
    pub fn definitions(&self) -> &[ViewDefinition] {
        &self.definitions
    }

    /// Runs the query over the Arrow files of its views in a folder.
    ///
    /// # Errors
    /// If a parameter is not given as the library wants it, the SQL is refused or anything but a query, or the result cannot be
    /// written.
    pub async fn run(
        &self,
        folder: &Path,
        given: &Given,
        output: QueryOutput,
        out: Box<dyn Write + Send>,
    ) -> Result<QuerySummary, QueryError> {
        let library = &self.root.library;
        let values = bound(library, given)?;
        let frame = frame(&self.root, folder, self.memory).await?;
        let values: HashMap<String, ScalarAndMetadata> = values
            .into_iter()
            .map(|(name, value): (String, ScalarValue)| (name, value.into()))
            .collect();
        let failed = |error: DataFusionError| failed(library, &error);
        let frame = frame
            .with_param_values(ParamValues::Map(values))
            .map_err(failed)?;
        let limit = output.limit.and_then(|limit| usize::try_from(limit).ok());
        let frame = match limit {
            Some(limit) => frame.limit(0, Some(limit)).map_err(failed)?,
            None => frame,
        };
        let mut stream = frame.execute_stream().await.map_err(failed)?;
        let mut writer =
            Batches::new(output.format, output.header, &stream.schema(), out).map_err(QueryError::Write)?;
        let mut summary = QuerySummary::default();
        while let Some(batch) = stream.next().await {
            let batch: RecordBatch = batch.map_err(failed)?;
            summary.rows += batch.num_rows() as u64;
            writer.write(&batch).map_err(QueryError::Write)?;
        }
        writer.finish().map_err(QueryError::Write)?;
        Ok(summary)
    }
}

impl Gather<'_> {
    fn node(&mut self, library: Library, round: &mut Vec<String>) -> Result<Node, QueryError> {
        let refused = |library: &Library, reason: &str| QueryError::Library {
            library: library.name.clone(),
            reason: reason.to_owned(),
        };
        if round.len() > DEPTH {
            return Err(refused(&library, "libraries depend on each other too deeply"));
        }
        let mut tables = Vec::new();
        for dependency in &library.dependencies {
            self.tables += 1;
            if self.tables > TABLES {
                return Err(refused(&library, "it reads too many tables"));
            }
            let canonical = &dependency.canonical;
            let Some(found) = self.artifacts.canonical(canonical) else {
                return Err(QueryError::Missing {
                    library: library.name.clone(),
                    label: dependency.label.clone(),
                    canonical: canonical.clone(),
                });
            };
            let table = if kind_of(found) == "Library" {
                if round.contains(canonical) {
                    return Err(refused(&library, "libraries depend on each other in a circle"));
                }
                let inner = Library::from_value(found)?;
                if !inner.parameters.is_empty() {
                    return Err(refused(
                        &inner,
                        "it has parameters and cannot be a table of another",
                    ));
                }
                round.push(canonical.clone());
                let node = self.node(inner, round)?;
                round.pop();
                Table::Query(node.into())
            } else {
                Table::View(self.view(canonical, found)?)
            };
            tables.push((dependency.label.clone(), table));
        }
        Ok(Node { library, tables })
    }

    /// The file of a view, which is run once however many tables it is.
    fn view(&mut self, canonical: &str, found: &serde_json::Value) -> Result<String, QueryError> {
        if let Some(file) = self.files.get(canonical) {
            return Ok(file.clone());
        }
        let mut view = ViewDefinition::from_value(found).map_err(|error| QueryError::View(error.into()))?;
        let name = format!("table_{}", self.views.len());
        let file = format!("{name}.{}", Format::Arrow.extension());
        view.name = Some(name);
        self.views.push(view);
        self.files.insert(canonical.to_owned(), file.clone());
        Ok(file)
    }
}

/// The plan of a library's SQL over its tables; those of the libraries it depends on become part of it.
async fn frame(node: &Node, folder: &Path, memory: usize) -> Result<DataFrame, QueryError> {
    let library = &node.library;
    let refused = |error: DataFusionError| QueryError::Sql {
        library: library.name.clone(),
        reason: error.strip_backtrace(),
    };
    let runtime = RuntimeEnvBuilder::new()
        .with_memory_limit(memory, 1.0)
        .build_arc()
        .map_err(|error| failed(library, &error))?;
    // Names are what the views call them; SQL's folding would lose those in mixed case.
    let config = SessionConfig::new()
        .with_information_schema(false)
        .set_bool("datafusion.sql_parser.enable_ident_normalization", false);
    let context = SessionContext::new_with_config_rt(config, runtime);
    for (label, table) in &node.tables {
        let name = TableReference::bare(label.as_str());
        match table {
            Table::View(file) => {
                let path = folder.join(file);
                let path = path.to_string_lossy();
                let options = ArrowReadOptions::default();
                let registered = context.register_arrow(name, &path, options).await;
                registered.map_err(|error| failed(library, &error))?;
            }
            Table::Query(inner) => {
                let inner = Box::pin(frame(inner, folder, memory)).await?;
                let registered = context.register_table(name, inner.into_view());
                registered.map_err(|error| failed(library, &error))?;
            }
        }
    }
    // A query only: nothing that makes, changes or copies.
    let options = SQLOptions::new()
        .with_allow_ddl(false)
        .with_allow_dml(false)
        .with_allow_statements(false);
    let sql = with_placeholders(library);
    context.sql_with_options(&sql, options).await.map_err(refused)
}

/// What the engine says while it runs may hold values; only its kind is told.
fn failed(library: &Library, error: &DataFusionError) -> QueryError {
    let reason = match error.find_root() {
        DataFusionError::ResourcesExhausted(_) => "it needs more memory than the limit",
        DataFusionError::ArrowError(..) | DataFusionError::Execution(_) => {
            "a value does not fit what the SQL makes of it"
        }
        DataFusionError::Plan(_) | DataFusionError::SchemaError(..) => {
            "a parameter does not fit where the SQL has it"
        }
        DataFusionError::IoError(_) => "a file could not be read or written",
        _ => "the engine gave up",
    };
    QueryError::Failed {
        library: library.name.clone(),
        reason,
    }
}
