//! Azure Blob, S3 and stores that speak like them, through the crate `object_store`.

use std::collections::BTreeMap;
use std::io::{self, Read};

use bytes::{Bytes, BytesMut};
use futures_util::StreamExt as _;
use object_store::aws::AmazonS3Builder;
use object_store::azure::MicrosoftAzureBuilder;
use object_store::path::Path;
use object_store::{
    Attribute, Attributes, GetOptions, ObjectStore, ObjectStoreExt as _, PutMode, PutMultipartOptions,
    PutOptions, WriteMultipart,
};
use tokio::runtime::Runtime;

use super::{Store, Stored, Written, failed};
use crate::config::StorePlace;
use crate::hash::Hasher;
use crate::{Error, Result};

/// Bytes of one part of a large object.
const PART: usize = 8 * 1024 * 1024;
/// Parts sent at a time.
const PARTS_AT_ONCE: usize = 4;
/// Name of the metadata that hold the digest.
const MD5: &str = "md5";

/// An object store behind a network.
pub(super) struct Cloud {
    name: String,
    prefix: Path,
    store: Box<dyn ObjectStore>,
    runtime: Runtime,
}

impl std::fmt::Debug for Cloud {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Cloud")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

impl Cloud {
    pub(super) fn open(place: &StorePlace) -> Result<Self> {
        let shown = place.shown().to_owned();
        let refused = |what: &str| Error::Refused(format!("{shown}: {what}"));
        let (scheme, rest) = shown.split_once("://").unwrap_or_default();
        let (container, prefix) = rest.split_once('/').unwrap_or((rest, ""));
        let prefix = Path::parse(prefix.trim_matches('/'))
            .map_err(|_| refused("its path holds characters that no store takes"))?;
        let store: Box<dyn ObjectStore> = match scheme {
            "az" | "abfs" | "azure" => Box::new(
                azure(container, &place.auth)
                    .map_err(|_| refused("a setting of its `.auth` is missing or wrong"))?,
            ),
            "s3" | "s3a" => Box::new(
                s3(container, &place.auth)
                    .map_err(|_| refused("a setting of its `.auth` is missing or wrong"))?,
            ),
            _ => {
                return Err(refused(
                    "schemes are az:// and s3://; a folder is written without one",
                ));
            }
        };
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .map_err(Error::file("starting the network's threads", shown.as_str()))?;
        Ok(Self {
            name: shown,
            prefix,
            store,
            runtime,
        })
    }

    fn path(&self, path: &str) -> Path {
        // `from_iter` encodes what a store does not take.
        self.prefix
            .parts()
            .chain(path.split('/').map(Into::into))
            .collect()
    }

    async fn send(&self, to: &Path, source: &mut dyn Read) -> std::result::Result<(u64, String), Sending> {
        let mut hasher = Hasher::default();
        let first = piece(source, &mut hasher)?;
        if first.len() < PART {
            let (size, md5) = hasher.finish();
            let options = PutOptions::from(digest_of(&md5));
            self.store.put_opts(to, first.into(), options).await?;
            return Ok((size, md5));
        }
        // The digest is known at the end only; the finished object gets it by a copy onto itself where that works.
        let upload = self
            .store
            .put_multipart_opts(to, PutMultipartOptions::default())
            .await?;
        let mut writer = WriteMultipart::new_with_chunk_size(upload, PART);
        let mut next = first;
        while !next.is_empty() {
            writer.wait_for_capacity(PARTS_AT_ONCE).await?;
            writer.put(next);
            next = match piece(source, &mut hasher) {
                Ok(piece) => piece,
                Err(error) => {
                    let _ = writer.abort().await;
                    return Err(error.into());
                }
            };
        }
        writer.finish().await?;
        Ok(hasher.finish())
    }
}

/// What can break off while an object is sent.
enum Sending {
    Source(io::Error),
    Store(object_store::Error),
}

impl From<io::Error> for Sending {
    fn from(error: io::Error) -> Self {
        Self::Source(error)
    }
}

impl From<object_store::Error> for Sending {
    fn from(error: object_store::Error) -> Self {
        Self::Store(error)
    }
}

impl Sending {
    /// What the store says without the address, which may hold a signature.
    fn text(self) -> String {
        match self {
            Self::Source(error) => format!("the source: {}", error.kind()),
            Self::Store(error) => said(&error).to_owned(),
        }
    }
}

/// What a store's error is, in words that hold no address and no credential.
fn said(error: &object_store::Error) -> &'static str {
    match error {
        object_store::Error::NotFound { .. } => "it is not there",
        object_store::Error::AlreadyExists { .. } => "it is there already",
        object_store::Error::Precondition { .. } => "it changed in between",
        object_store::Error::PermissionDenied { .. } => "the right for it is missing",
        object_store::Error::Unauthenticated { .. } => "the credentials are refused",
        object_store::Error::NotSupported { .. } | object_store::Error::NotImplemented { .. } => {
            "the store cannot do it"
        }
        _ => "the store did not answer as it should",
    }
}

/// Reads a part as long as the source gives one.
fn piece(source: &mut dyn Read, hasher: &mut Hasher) -> io::Result<Bytes> {
    let mut part = BytesMut::zeroed(PART);
    let mut filled = 0;
    while filled < PART {
        match source.read(&mut part[filled..]) {
            Ok(0) => break,
            Ok(read) => filled += read,
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            Err(e) => return Err(e),
        }
    }
    part.truncate(filled);
    hasher.update(&part);
    Ok(part.freeze())
}

fn digest_of(md5: &str) -> Attributes {
    Attributes::from_iter([(Attribute::Metadata(MD5.into()), md5.to_owned())])
}

fn azure(container: &str, auth: &BTreeMap<String, String>) -> object_store::Result<impl ObjectStore> {
    let mut builder = MicrosoftAzureBuilder::new().with_container_name(container);
    for (name, value) in auth {
        builder = match name.as_str() {
            "azure_account_name" => builder.with_account(value),
            "azure_account_key" => builder.with_access_key(value),
            "azure_account_url" => builder.with_endpoint(value.trim_end_matches('/').to_owned()),
            "azure_use_emulator" => builder.with_use_emulator(value == "true"),
            "azure_sas_token" => builder.with_config(
                object_store::azure::AzureConfigKey::SasKey,
                value.trim_start_matches('?'),
            ),
            "azure_connection_string" => connection(builder, value),
            "auth_mode" if value == "login" => builder.with_use_azure_cli(true),
            _ => builder,
        };
    }
    if auth
        .get("azure_account_url")
        .is_some_and(|url| url.starts_with("http://"))
    {
        builder = builder.with_allow_http(true);
    }
    builder.build()
}

/// The parts of a connection string that say who and where.
fn connection(mut builder: MicrosoftAzureBuilder, text: &str) -> MicrosoftAzureBuilder {
    for (name, value) in text.split(';').filter_map(|part| part.split_once('=')) {
        builder = match name {
            "AccountName" => builder.with_account(value),
            "AccountKey" => builder.with_access_key(value),
            "BlobEndpoint" => builder
                .with_allow_http(value.starts_with("http://"))
                .with_endpoint(value.to_owned()),
            _ => builder,
        };
    }
    builder
}

fn s3(bucket: &str, auth: &BTreeMap<String, String>) -> object_store::Result<impl ObjectStore> {
    let mut builder = AmazonS3Builder::from_env().with_bucket_name(bucket);
    for (name, value) in auth {
        builder = match name.as_str() {
            "aws_access_key_id" => builder.with_access_key_id(value),
            "aws_secret_access_key" => builder.with_secret_access_key(value),
            "aws_session_token" => builder.with_token(value),
            "aws_region" => builder.with_region(value),
            "aws_endpoint" => builder.with_endpoint(value),
            "aws_allow_http" => builder.with_allow_http(value == "true"),
            _ => builder,
        };
    }
    builder.build()
}

impl Store for Cloud {
    fn name(&self) -> String {
        self.name.clone()
    }

    fn put(&self, path: &str, source: &mut dyn Read) -> Result<Written> {
        let to = self.path(path);
        let sent = self.runtime.block_on(self.send(&to, source));
        let (size, md5) = sent.map_err(|e| failed(self, "writing", path, e.text()))?;
        Ok(Written { size, md5 })
    }

    fn create(&self, path: &str, bytes: &[u8]) -> Result<bool> {
        let options = PutOptions::from(PutMode::Create);
        let to = self.path(path);
        let put = self
            .store
            .put_opts(&to, Bytes::copy_from_slice(bytes).into(), options);
        match self.runtime.block_on(put) {
            Ok(_) => Ok(true),
            Err(object_store::Error::AlreadyExists { .. } | object_store::Error::Precondition { .. }) => {
                Ok(false)
            }
            Err(e) => Err(failed(self, "making", path, said(&e))),
        }
    }

    fn copy(&self, from: &str, to: &str) -> Result<()> {
        let (source, target) = (self.path(from), self.path(to));
        self.runtime
            .block_on(self.store.copy(&source, &target))
            .map_err(|e| failed(self, "copying", from, said(&e)))
    }

    fn stat(&self, path: &str) -> Result<Option<Stored>> {
        let options = GetOptions {
            head: true,
            ..GetOptions::default()
        };
        match self
            .runtime
            .block_on(self.store.get_opts(&self.path(path), options))
        {
            Ok(found) => Ok(Some(Stored {
                size: found.meta.size,
                md5: found
                    .attributes
                    .get(&Attribute::Metadata(MD5.into()))
                    .map(|md5| md5.to_string()),
            })),
            Err(object_store::Error::NotFound { .. }) => Ok(None),
            Err(e) => Err(failed(self, "looking at", path, said(&e))),
        }
    }

    fn get(&self, path: &str) -> Result<Option<Box<dyn Read + Send>>> {
        let found = match self.runtime.block_on(self.store.get(&self.path(path))) {
            Ok(found) => found,
            Err(object_store::Error::NotFound { .. }) => return Ok(None),
            Err(e) => return Err(failed(self, "reading", path, said(&e))),
        };
        let mut stream = found.into_stream();
        // Parts wait in a short queue, so that an object of any size is read in bounded memory.
        let (send, receive) = std::sync::mpsc::sync_channel::<io::Result<Bytes>>(4);
        self.runtime.spawn(async move {
            while let Some(part) = stream.next().await {
                let part = part.map_err(|e| io::Error::other(said(&e)));
                if send.send(part).is_err() {
                    break;
                }
            }
        });
        Ok(Some(Box::new(Parts {
            receive,
            open: Bytes::new(),
        })))
    }

    fn remove(&self, path: &str) -> Result<()> {
        match self.runtime.block_on(self.store.delete(&self.path(path))) {
            Ok(()) | Err(object_store::Error::NotFound { .. }) => Ok(()),
            Err(e) => Err(failed(self, "removing", path, said(&e))),
        }
    }
}

/// Reads what a stream delivers.
struct Parts {
    receive: std::sync::mpsc::Receiver<io::Result<Bytes>>,
    open: Bytes,
}

impl Read for Parts {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        while self.open.is_empty() {
            match self.receive.recv() {
                Ok(part) => self.open = part?,
                Err(_) => return Ok(0),
            }
        }
        let taken = self.open.len().min(into.len());
        into[..taken].copy_from_slice(&self.open.split_to(taken));
        Ok(taken)
    }
}
