use serde_json::Value;

use super::QueryError;

/// A Library of the profiles SQLQuery and SQLView: SQL, the tables it reads, and its parameters.
#[derive(Clone, Debug)]
pub struct Library {
    /// Its name, id or url: what it is called in messages and its result in files.
    pub name: String,
    /// The tables, in the order they are declared.
    pub dependencies: Vec<Dependency>,
    /// What the SQL asks for as `:name`.
    pub parameters: Vec<Parameter>,
    /// The SQL without a dialect.
    pub sql: String,
}

/// A table of a query.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dependency {
    /// Name of the table.
    pub label: String,
    /// Canonical of the ViewDefinition or SQLView it is made by.
    pub canonical: String,
}

/// A parameter of a query.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parameter {
    /// Its name, which stands behind a colon in the SQL.
    pub name: String,
    /// Its type in FHIR.
    pub type_name: String,
}

const PROFILE: &str = "/StructureDefinition/SQL";
/// Bytes of SQL, at most.
const SQL: usize = 1 << 20;

impl Library {
    /// Reads a Library.
    ///
    /// # Errors
    /// If it is of neither profile, has no SQL of the type `application/sql`, or a table or parameter has no name of its own.
    pub fn from_value(value: &Value) -> Result<Self, QueryError> {
        let text = |member: &str| value.get(member).and_then(Value::as_str);
        let name = text("name")
            .or(text("id"))
            .or(text("url"))
            .unwrap_or("query")
            .to_owned();
        let refused = |reason: String| QueryError::Library {
            library: name.clone(),
            reason,
        };
        if text("resourceType") != Some("Library") {
            return Err(refused("it is no Library".to_owned()));
        }
        if !is_sql(value) {
            let reason = "neither its profile nor its type says that it is a SQLQuery or SQLView";
            return Err(refused(reason.to_owned()));
        }
        let dependencies = dependencies(value).map_err(refused)?;
        let parameters = parameters(value).map_err(refused)?;
        let sql = sql(value).map_err(refused)?;
        if sql.len() > SQL {
            return Err(refused("its SQL is longer than 1 MiB".to_owned()));
        }
        Ok(Self {
            dependencies,
            parameters,
            sql,
            name,
        })
    }

    /// Says what of the parameters is missing or wrong.
    ///
    /// # Errors
    /// If one is missing, not declared, or not of its type.
    pub fn check(&self, given: &super::Given) -> Result<(), QueryError> {
        super::bind::bound(self, given).map(drop)
    }
}

fn items<'v>(value: &'v Value, member: &str) -> impl Iterator<Item = &'v Value> {
    value.get(member).and_then(Value::as_array).into_iter().flatten()
}

fn is_sql(library: &Value) -> bool {
    let profiles = library
        .get("meta")
        .into_iter()
        .flat_map(|meta| items(meta, "profile"));
    let by_profile = profiles.filter_map(Value::as_str).any(|profile| {
        let profile = profile.split('|').next().unwrap_or_default();
        profile
            .rsplit_once(PROFILE)
            .is_some_and(|(_, kind)| matches!(kind, "Query" | "View"))
    });
    let codings = library
        .get("type")
        .into_iter()
        .flat_map(|kind| items(kind, "coding"));
    let mut codes = codings.filter_map(|coding| coding.get("code")?.as_str());
    by_profile || codes.any(|code| matches!(code, "sql-query" | "sql-view"))
}

fn dependencies(library: &Value) -> Result<Vec<Dependency>, String> {
    let mut found: Vec<Dependency> = Vec::new();
    for (at, artifact) in items(library, "relatedArtifact").enumerate() {
        let text = |member: &str| artifact.get(member).and_then(Value::as_str);
        if text("type") != Some("depends-on") {
            continue;
        }
        let (Some(label), Some(canonical)) = (text("label"), text("resource")) else {
            return Err(format!("/relatedArtifact/{at} has no label or no resource"));
        };
        if !crate::view::is_sql_name(label) {
            return Err(format!("/relatedArtifact/{at}/label is no name of a table"));
        }
        if found.iter().any(|known| known.label.eq_ignore_ascii_case(label)) {
            return Err(format!("/relatedArtifact/{at}/label stands twice"));
        }
        found.push(Dependency {
            label: label.to_owned(),
            canonical: canonical.to_owned(),
        });
    }
    Ok(found)
}

fn parameters(library: &Value) -> Result<Vec<Parameter>, String> {
    let mut found: Vec<Parameter> = Vec::new();
    for (at, parameter) in items(library, "parameter").enumerate() {
        let text = |member: &str| parameter.get(member).and_then(Value::as_str);
        if text("use") == Some("out") {
            continue;
        }
        let name = text("name").filter(|name| crate::view::is_sql_name(name));
        let (Some(name), Some(type_name)) = (name, text("type")) else {
            return Err(format!("/parameter/{at} has no name or no type"));
        };
        if found.iter().any(|known| known.name == name) {
            return Err(format!("/parameter/{at}/name stands twice"));
        }
        found.push(Parameter {
            name: name.to_owned(),
            type_name: type_name.to_owned(),
        });
    }
    Ok(found)
}

/// The SQL of the content without a dialect: its data; the extension with plain text is for readers, and must be the same.
fn sql(library: &Value) -> Result<String, String> {
    let plain = |content: &&Value| {
        let kind = content
            .get("contentType")
            .and_then(Value::as_str)
            .unwrap_or_default();
        kind.trim().eq_ignore_ascii_case("application/sql")
    };
    let Some(content) = items(library, "content").find(plain) else {
        return Err("it has no content of the type application/sql; SQL of a dialect is not run".to_owned());
    };
    let text = items(content, "extension").find_map(|extension| {
        let url = extension.get("url")?.as_str()?;
        url.ends_with("/sql-text")
            .then(|| extension.get("valueString")?.as_str())?
    });
    match content.get("data").and_then(Value::as_str) {
        None => text
            .map(str::to_owned)
            .ok_or_else(|| "its content has neither data nor text".to_owned()),
        Some(data) => {
            let bytes = crate::output::base64(data).ok_or("its data is not base64")?;
            let sql = String::from_utf8(bytes).map_err(|_| "its data is not UTF-8".to_owned())?;
            if text.is_some_and(|text| text.trim() != sql.trim()) {
                return Err("its data and its text are not the same SQL".to_owned());
            }
            Ok(sql)
        }
    }
}
