use std::path::Path;

use super::directory::{Directory, failed};
use super::local::names;
use super::{Programs, Service, Supervisor};
use crate::{Error, ErrorKind, Result};

/// Prefix of a data directory that is not complete yet.
const UNFINISHED: &str = "data.new-";

/// The major version that made this data directory; `None` where there is none.
pub(super) fn made_by(data: &Path) -> Result<Option<u32>> {
    match std::fs::read_to_string(data.join("PG_VERSION")) {
        Ok(text) => text.trim().parse().map(Some).map_err(|_| {
            let place = format!("{} was not made by PostgreSQL 10 or newer", data.display());
            Error::new(ErrorKind::Cluster, place)
        }),
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(e) => Err(failed(data, e)),
    }
}

/// Creates the data directory with the hub's empty database.
///
/// It appears under its name only when it is complete, so a kill at any moment leaves nothing half made behind.
pub(super) fn create(
    directory: &Directory,
    programs: &Programs,
    supervisor: &mut Supervisor,
    password: &str,
    volatile: bool,
) -> Result<()> {
    let (admin, database) = names();
    // A name of its own: the end of a killed run may still be cleaning up behind itself.
    let fresh = directory.root.join(format!("{UNFINISHED}{}", std::process::id()));
    for left in std::fs::read_dir(&directory.root).into_iter().flatten().flatten() {
        if left
            .file_name()
            .as_encoded_bytes()
            .starts_with(UNFINISHED.as_bytes())
        {
            let _ = std::fs::remove_dir_all(left.path());
        }
    }
    directory.make(&fresh, 0o700)?;
    let secret = directory.root.join("initdb.password");
    directory.write(&secret, &format!("{password}\n"), true)?;
    let data = fresh.display().to_string();
    let mut arguments = vec![
        format!("--pgdata={data}"),
        format!("--username={admin}"),
        format!("--pwfile={}", secret.display()),
        "--auth=scram-sha-256".to_owned(),
        "--encoding=UTF8".to_owned(),
        // Sorting by code point is the same on every machine, and indexes survive its upgrades.
        "--locale=C".to_owned(),
    ];
    if volatile {
        arguments.push("--no-sync".to_owned());
    }
    let made = run(directory, supervisor, "initdb", programs, arguments, None);
    let _ = std::fs::remove_file(&secret);
    made?;
    // Without a server running: the database is there before anybody can connect.
    let order = directory.root.join("create.sql");
    directory.write(&order, &format!("CREATE DATABASE {database};\n"), false)?;
    let mut arguments = vec!["--single".to_owned(), "-D".to_owned(), data, "-c".to_owned()];
    arguments.push("exit_on_error=on".to_owned());
    if volatile {
        arguments.extend(["-c".to_owned(), "fsync=off".to_owned()]);
    }
    arguments.push("postgres".to_owned());
    let made = run(
        directory,
        supervisor,
        "postgres",
        programs,
        arguments,
        Some(&order),
    );
    let _ = std::fs::remove_file(&order);
    made?;
    std::fs::rename(&fresh, directory.data()).map_err(|e| failed(&fresh, e))
}

fn run(
    directory: &Directory,
    supervisor: &mut Supervisor,
    program: &str,
    programs: &Programs,
    args: Vec<String>,
    input: Option<&Path>,
) -> Result<()> {
    let service = Service {
        account: directory.account,
        log: Some(directory.log()),
        input: input.map(Path::to_owned),
        ..Service::new(programs.path(program), args)
    };
    match supervisor.run(&service)? {
        0 => Ok(()),
        code => {
            let place = format!(
                "{program} ended with code {code}; its log is {}",
                directory.log().display()
            );
            Err(Error::new(ErrorKind::Cluster, place))
        }
    }
}
