use std::hash::{BuildHasher, RandomState};
use std::sync::atomic::{AtomicU64, Ordering};

use md5::{Digest, Md5};
use sqlx::encode::{Encode, IsNull};
use sqlx::error::BoxDynError;
use sqlx::postgres::types::Oid;
use sqlx::postgres::{PgArgumentBuffer, PgTypeInfo, Postgres};

/// Who holds the lock: a number no other holder has. It tells holders apart and is no secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Token([u8; 16]);

impl Token {
    pub(crate) fn new() -> Self {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        // The process, its start (randomly keyed hasher), a counter and the clock.
        let mut md5 = Md5::new();
        md5.update(std::process::id().to_be_bytes());
        md5.update(
            RandomState::new()
                .hash_one(std::time::SystemTime::now())
                .to_be_bytes(),
        );
        md5.update(COUNT.fetch_add(1, Ordering::Relaxed).to_be_bytes());
        Self(md5.finalize().into())
    }
}

impl sqlx::Type<Postgres> for Token {
    fn type_info() -> PgTypeInfo {
        // `uuid`
        PgTypeInfo::with_oid(Oid(2950))
    }
}

impl Encode<'_, Postgres> for Token {
    fn encode_by_ref(&self, buf: &mut PgArgumentBuffer) -> Result<IsNull, BoxDynError> {
        buf.extend_from_slice(&self.0);
        Ok(IsNull::No)
    }
}
