use std::fmt;
use std::path::Path;

use cds_hub::HubOptions;

use site_config::{Fault, FlatToml, Place, Reader};

/// How one module of the tool chain reaches the hub, as written in `cds_hub_db_config.toml`.
#[derive(Clone, PartialEq, Eq)]
pub struct Database {
    /// Name or address of the server.
    pub host: String,
    /// TCP port.
    pub port: u16,
    /// Name of the database.
    pub name: String,
    /// Role of the module.
    pub user: String,
    /// Its password; without one the client's usual ways apply (`PGPASSWORD`, password file).
    pub password: Option<String>,
    /// Schema the module writes to.
    pub schema_in: String,
    /// Schema the module reads from.
    pub schema_out: String,
}

impl Database {
    /// Reads the keys of one module (`CDS2DB`, `DATAPROCESSOR`, `DB2FRONTEND`) from a file.
    ///
    /// # Errors
    /// All faults of the file.
    pub fn read(file: &Path, module: &str) -> Result<Self, Vec<Fault>> {
        let toml = FlatToml::read(file).map_err(|f| vec![f])?;
        Self::from_toml(&toml, Place::new(file, 0), module)
    }

    /// The same from keys that are read already.
    ///
    /// # Errors
    /// All faults of these keys.
    pub fn from_toml(toml: &FlatToml, whole: Place, module: &str) -> Result<Self, Vec<Fault>> {
        let mut reader = Reader::new(toml, whole);
        let mut text = |key: &str, needed: bool| {
            if needed {
                reader.require(key, "needed to reach the hub");
            }
            reader.filled(key).map(str::to_owned)
        };
        let host = text("DB_HOST", true);
        let name = text("DB_NAME", true);
        let user = text(&format!("DB_{module}_USER"), true);
        let password = text(&format!("DB_{module}_PASSWORD"), false);
        let schema_in = text(&format!("DB_{module}_SCHEMA_IN"), true);
        let schema_out = text(&format!("DB_{module}_SCHEMA_OUT"), true);
        let port = reader
            .whole("DB_PORT", 1..=65535)
            .and_then(|p| u16::try_from(p).ok())
            .unwrap_or(5432);
        reader.family("DB_");
        let faults = reader.finish().faults;
        if !faults.is_empty() {
            return Err(faults);
        }
        let full = |t: Option<String>| t.unwrap_or_default();
        Ok(Self {
            host: full(host),
            port,
            name: full(name),
            user: full(user),
            password,
            schema_in: full(schema_in),
            schema_out: full(schema_out),
        })
    }

    /// Options for [`cds_hub::Hub::open`].
    #[must_use]
    pub fn hub_options(&self) -> HubOptions {
        let (user, name) = (encoded(&self.user), encoded(&self.name));
        let url = format!("postgres://{user}@{}:{}/{name}", self.host, self.port);
        HubOptions {
            password: self.password.clone(),
            ..HubOptions::new(url)
        }
    }
}

impl fmt::Debug for Database {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Database")
            .field("host", &self.host)
            .field("port", &self.port)
            .field("name", &self.name)
            .field("user", &self.user)
            .finish_non_exhaustive()
    }
}

/// Percent-encodes all but unreserved characters, RFC 3986 2.3.
fn encoded(text: &str) -> String {
    text.bytes()
        .map(|b| match b {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => char::from(b).to_string(),
            _ => format!("%{b:02X}"),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEYS: &str = "DB_HOST = \"hub\"\nDB_NAME = \"d\"\nDB_X_USER = \"u@x\"\nDB_X_PASSWORD = \"p:/w\"\n\
        DB_X_SCHEMA_IN = \"i\"\nDB_X_SCHEMA_OUT = \"o\"\nDB_Y_USER = \"other\"\n";

    fn read(text: &str) -> Result<Database, Vec<Fault>> {
        let file = Path::new("db.toml");
        Database::from_toml(&FlatToml::parse(text, file).unwrap(), Place::new(file, 0), "X")
    }

    #[test]
    fn one_module_is_read_from_the_common_file() {
        let database = read(KEYS).unwrap();
        assert_eq!(database.port, 5432);
        let options = database.hub_options();
        assert_eq!(
            (options.url.as_str(), options.password.as_deref()),
            ("postgres://u%40x@hub:5432/d", Some("p:/w"))
        );
        assert!(!format!("{database:?}").contains("p:/w"));
    }

    #[test]
    fn missing_keys_are_named_at_once() {
        let faults = read("DB_HOST = \"hub\"\nDB_PORT = 70000").unwrap_err();
        let text: Vec<_> = faults.iter().filter_map(Fault::key).collect();
        assert_eq!(
            text,
            [
                "DB_NAME",
                "DB_X_SCHEMA_IN",
                "DB_X_SCHEMA_OUT",
                "DB_X_USER",
                "DB_PORT"
            ]
        );
    }
}
