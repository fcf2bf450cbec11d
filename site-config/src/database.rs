//! How one module of the tool chain reaches the hub.

use std::fmt;
use std::path::{Path, PathBuf};

use crate::{Fault, FlatToml, Place, Reader, resolve};

/// How one module of the tool chain reaches the hub, as written in `cds_hub_db_config.toml`.
#[derive(Clone, PartialEq, Eq)]
pub struct Database {
    /// Name or address of the server; a directory where it is reached by a socket.
    pub host: String,
    /// TCP port.
    pub port: u16,
    /// Name of the database.
    pub name: String,
    /// Role of the module.
    pub user: String,
    /// Its password; without one the client's usual ways apply (`PGPASSWORD`, password file).
    pub password: Option<String>,
    /// Whether the connection is encrypted, and whose certificate is trusted.
    pub tls: DatabaseTls,
    /// Schema the module writes to.
    pub schema_in: String,
    /// Schema the module reads from.
    pub schema_out: String,
}

/// Encryption of the connection to the hub.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DatabaseTls {
    /// `sslmode` of libpq; `None` for `verify-full` with a CA file and `prefer` without.
    pub mode: Option<&'static str>,
    /// Certificate of the authority that signed the server's; those of the system without it.
    pub ca_file: Option<PathBuf>,
}

impl DatabaseTls {
    /// Modes of libpq. Source: <https://www.postgresql.org/docs/current/libpq-ssl.html>.
    const MODES: [&'static str; 5] = ["disable", "prefer", "require", "verify-ca", "verify-full"];

    fn read(reader: &mut Reader<'_>, file: &Path) -> Self {
        let ca_file = reader.filled("DB_SSL_CA_FILE").map(|path| resolve(path, file));
        if let Some(path) = &ca_file
            && let Err(error) = std::fs::File::open(path)
        {
            reader.fault("DB_SSL_CA_FILE", format!("cannot be read: {}", error.kind()));
        }
        let asked = reader
            .filled("DB_SSL_MODE")
            .map(|mode| mode.trim().to_lowercase());
        let mode = asked
            .as_ref()
            .and_then(|asked| Self::MODES.into_iter().find(|mode| mode == asked));
        if asked.is_some() && mode.is_none() {
            reader.fault(
                "DB_SSL_MODE",
                format!("must be one of {}", Self::MODES.join(", ")),
            );
        }
        if ca_file.is_some() && mode.is_some_and(|mode| !mode.starts_with("verify")) {
            reader.fault(
                "DB_SSL_MODE",
                "does not check the certificate, so DB_SSL_CA_FILE beside it would be ignored",
            );
        }
        Self { mode, ca_file }
    }

    /// The mode as libpq names it: with a CA file alone the server's name is verified too.
    fn query(&self) -> String {
        let alone = self.ca_file.is_some().then_some("verify-full");
        let mode = self.mode.or(alone).map(|mode| format!("sslmode={mode}"));
        let file = self.ca_file.as_ref();
        let file = file.map(|path| format!("sslrootcert={}", encoded(&path.to_string_lossy())));
        let parts: Vec<String> = mode.into_iter().chain(file).collect();
        if parts.is_empty() {
            String::new()
        } else {
            format!("?{}", parts.join("&"))
        }
    }
}

impl Database {
    /// What is documented for a module (`CDS2DB`, `DATAPROCESSOR`, `DB2FRONTEND`) of a hub on this machine: port 5432,
    /// database `cds_hub_db`, the original's roles and schemas, no password.
    #[must_use]
    pub fn of_module(module: &str) -> Self {
        let name = match module {
            "CDS2DB" => "cds2db".to_owned(),
            other => format!("db2{}", other.to_lowercase().trim_start_matches("db2")),
        };
        Self {
            host: "localhost".to_owned(),
            port: 5432,
            name: "cds_hub_db".to_owned(),
            user: format!("{name}_user"),
            password: None,
            tls: DatabaseTls::default(),
            schema_in: format!("{name}_in"),
            schema_out: format!("{name}_out"),
        }
    }

    /// Reads the keys of one module (`CDS2DB`, `DATAPROCESSOR`, `DB2FRONTEND`) from a file.
    ///
    /// # Errors
    /// All faults of the file.
    pub fn read(file: &Path, module: &str) -> Result<Self, Vec<Fault>> {
        let toml = FlatToml::read(file).map_err(|f| vec![f])?;
        Self::from_toml(&toml, Place::new(file, 0), module)
    }

    /// The same from keys that are read already; host, database and user must be there, while the hub's schema names are
    /// fixed and need not.
    ///
    /// # Errors
    /// All faults of these keys.
    pub fn from_toml(toml: &FlatToml, whole: Place, module: &str) -> Result<Self, Vec<Fault>> {
        let file = whole.file().to_owned();
        let mut reader = Reader::new(toml, whole);
        for key in ["DB_HOST", "DB_NAME", &format!("DB_{module}_USER")] {
            reader.require(key, "needed to reach the hub");
        }
        let database = Self::read_leniently(&mut reader, module, &file);
        reader.family("DB_");
        let faults = reader.finish().faults;
        if faults.is_empty() {
            Ok(database)
        } else {
            Err(faults)
        }
    }

    /// The keys of a module among others; each that is not there has the value of [`Database::of_module`].
    pub fn read_leniently(reader: &mut Reader<'_>, module: &str, file: &Path) -> Self {
        let default = Self::of_module(module);
        let mut text = |key: &str| reader.filled(key).map(|text| text.trim().to_owned());
        let host = text("DB_HOST").unwrap_or(default.host);
        let name = text("DB_NAME").unwrap_or(default.name);
        let user = text(&format!("DB_{module}_USER")).unwrap_or(default.user);
        let schema_in = text(&format!("DB_{module}_SCHEMA_IN")).unwrap_or(default.schema_in);
        let schema_out = text(&format!("DB_{module}_SCHEMA_OUT")).unwrap_or(default.schema_out);
        let password = reader.filled(&format!("DB_{module}_PASSWORD")).map(str::to_owned);
        let port = reader
            .whole("DB_PORT", 1..=65535)
            .and_then(|p| u16::try_from(p).ok())
            .unwrap_or(default.port);
        if host.contains(|c: char| c.is_whitespace() || c.is_control() || matches!(c, '@' | '?' | '#')) {
            reader.fault(
                "DB_HOST",
                "must be the name or address of a server, or the directory of a socket",
            );
        }
        Self {
            host,
            port,
            name,
            user,
            password,
            tls: DatabaseTls::read(reader, file),
            schema_in,
            schema_out,
        }
    }

    /// Where the hub is, as messages name it: host and port, or the directory of its socket.
    #[must_use]
    pub fn place(&self) -> String {
        match self.host.starts_with('/') {
            true => self.host.clone(),
            false => format!("{}:{}", self.host, self.port),
        }
    }

    /// The hub's address, `postgres://user@host:port/name` with the mode of encryption, without the password.
    #[must_use]
    pub fn url(&self) -> String {
        let (user, name) = (encoded(&self.user), encoded(&self.name));
        let host = match self.host.as_str() {
            socket if socket.starts_with('/') => encoded(socket),
            address if address.contains(':') && !address.starts_with('[') => format!("[{address}]"),
            name => name.to_owned(),
        };
        format!(
            "postgres://{user}@{host}:{}/{name}{}",
            self.port,
            self.tls.query()
        )
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
        assert_eq!(
            (database.url().as_str(), database.password.as_deref()),
            ("postgres://u%40x@hub:5432/d", Some("p:/w"))
        );
        assert!(!format!("{database:?}").contains("p:/w"));
    }

    #[test]
    fn missing_keys_are_named_at_once() {
        let faults = read("DB_HOST = \"hub\"\nDB_PORT = 70000").unwrap_err();
        let text: Vec<_> = faults.iter().filter_map(Fault::key).collect();
        assert_eq!(text, ["DB_NAME", "DB_X_USER", "DB_PORT"]);
    }

    #[test]
    fn encryption_is_asked_for_as_libpq_does() {
        let url = |more: &str| read(&format!("{KEYS}{more}")).map(|d| d.url());
        for (more, end) in [
            ("", "/d"),
            ("DB_SSL_MODE = \"require\"", "/d?sslmode=require"),
            ("DB_SSL_MODE = \"VERIFY-FULL\"", "/d?sslmode=verify-full"),
        ] {
            assert!(url(more).unwrap().ends_with(end), "{more}");
        }
        for (more, key) in [
            ("DB_SSL_MODE = \"always\"", "DB_SSL_MODE"),
            ("DB_SSL_CA_FILE = \"/nowhere/ca.pem\"", "DB_SSL_CA_FILE"),
        ] {
            let faults = url(more).unwrap_err();
            assert_eq!(faults.iter().filter_map(Fault::key).collect::<Vec<_>>(), [key]);
        }
        let file = tempfile::NamedTempFile::new().unwrap();
        let path = file.path().display();
        let with = |more: &str| read(&format!("{KEYS}DB_SSL_CA_FILE = \"{path}\"\n{more}"));
        assert!(
            with("")
                .unwrap()
                .url()
                .contains("sslmode=verify-full&sslrootcert=%2F")
        );
        let ca = with("DB_SSL_MODE = \"verify-ca\"").unwrap().url();
        assert!(ca.contains("sslmode=verify-ca&sslrootcert=%2F"), "{ca}");
        assert!(
            with("DB_SSL_MODE = \"require\"").is_err(),
            "a file that would be ignored"
        );
    }

    #[test]
    fn addresses_and_sockets_are_hosts_too() {
        let mut database = Database::of_module("CDS2DB");
        assert_eq!(
            (database.user.as_str(), database.schema_in.as_str()),
            ("cds2db_user", "cds2db_in")
        );
        assert_eq!(Database::of_module("DATAPROCESSOR").user, "db2dataprocessor_user");
        for (host, url) in [
            ("::1", "postgres://cds2db_user@[::1]:5432/cds_hub_db"),
            (
                "/run/postgresql",
                "postgres://cds2db_user@%2Frun%2Fpostgresql:5432/cds_hub_db",
            ),
        ] {
            database.host = host.to_owned();
            assert_eq!(database.url(), url);
        }
    }
}
