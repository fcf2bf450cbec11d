//! `cds2db view serve`: views over a folder for programs that ask by HTTP.

use std::io::Read;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use clap::Args;
use sql_on_fhir::serve::{Data, Server, Unread};

use super::block_on;
use super::view::artifacts;
use crate::files::Inputs;
use crate::{Error, ErrorKind, Result};

#[derive(Debug, Args)]
pub(super) struct Serve {
    /// Bundles, resources and NDJSON to run views over, read anew for every request; folders are walked
    #[arg(required = true)]
    input: Vec<PathBuf>,
    /// Files and folders of ViewDefinitions and Libraries that requests may name; the shipped views are always there
    #[arg(long = "views", value_name = "PATH")]
    views: Vec<PathBuf>,
    /// Port; 0 takes any that is free
    #[arg(long, default_value_t = 8090)]
    port: u16,
    /// Address to listen on. There is no login: everybody who reaches it reads the data
    #[arg(long, value_name = "IP", default_value_t = IpAddr::V4(Ipv4Addr::LOCALHOST))]
    listen: IpAddr,
}

/// The files of a command line as the data of a server.
struct Files(Vec<PathBuf>);

impl Data for Files {
    fn each(
        &self,
        read: &mut dyn FnMut(&mut (dyn Read + Send)) -> std::result::Result<(), sql_on_fhir::Error>,
    ) -> std::result::Result<Vec<Unread>, sql_on_fhir::Error> {
        let failed =
            |_: Error| sql_on_fhir::Error::unreadable(std::io::Error::other("a file cannot be opened"));
        let broken = Inputs::find(&self.0).map(|inputs| inputs.each(&|_| {}, |input| read(input)));
        let unread = broken.map_err(failed)?.into_iter().map(|(path, error)| Unread {
            name: path.display().to_string(),
            error,
        });
        Ok(unread.collect())
    }
}

impl Serve {
    pub(super) fn run(self) -> Result<ExitCode> {
        let artifacts = artifacts(&self.views)?;
        let inputs = Inputs::find(&self.input)?;
        let files = inputs.len();
        if !self.listen.is_loopback() {
            eprintln!(
                "warning: {} is no loopback address, and there is no login",
                self.listen
            );
        }
        let address = SocketAddr::new(self.listen, self.port);
        block_on(async {
            let failed = |e| Error::new(ErrorKind::Start, format!("listening on {address}")).because(e);
            let server = Server::bind(address, artifacts, Arc::new(Files(self.input.clone())));
            let server = server.await.map_err(failed)?;
            let address = server.address().map_err(failed)?;
            println!("http://{address} answers $sql-run and $sql-export over {files} files");
            tokio::select! {
                () = server.serve() => {}
                () = super::interrupted() => {}
            }
            Ok(())
        })?;
        Ok(ExitCode::SUCCESS)
    }
}
