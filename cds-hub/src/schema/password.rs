use sha2::{Digest, Sha256};
use sqlx::AssertSqlSafe;

use super::identifier::{identifier, literal};
use crate::{Error, ErrorKind, Hub, Result};

/// The roles a hub has; each logs in once it has a password.
pub const ROLES: [&str; 5] = [
    "cds2db_user",
    "db2dataprocessor_user",
    "db2frontend_user",
    "db_log_user",
    "db_user",
];

/// Rounds of the key derivation, the server's own default.
const ROUNDS: u32 = 4096;

impl Hub {
    /// Gives one of the [`ROLES`] a password. The server gets only what SCRAM-SHA-256 keeps of it, so that neither the
    /// connection nor the server's log ever holds it. Roles belong to the whole server.
    ///
    /// # Errors
    /// [`ErrorKind::Options`] for an unknown role, or a password that is empty or not plain ASCII (others would have to
    /// be normalised first); when the server refuses.
    pub async fn set_password(&self, role: &str, password: &str) -> Result<()> {
        if !ROLES.contains(&role) {
            return Err(Error::new(
                ErrorKind::Options,
                format!("{role} is none of the hub's roles"),
            ));
        }
        if password.is_empty() || !password.bytes().all(|b| b.is_ascii_graphic() || b == b' ') {
            let place = format!("the password of {role} is empty or not plain ASCII");
            return Err(Error::new(ErrorKind::Options, place));
        }
        let failed = |e| Error::sql(format!("setting the password of {role}"), &e);
        // Random enough for a salt, which is no secret.
        let (salt,): (Vec<u8>,) = sqlx::query_as("SELECT uuid_send(gen_random_uuid())")
            .fetch_one(self.pool())
            .await
            .map_err(failed)?;
        let verifier = verifier(password.as_bytes(), &salt);
        let sql = format!("ALTER ROLE {} PASSWORD {}", identifier(role), literal(&verifier));
        sqlx::raw_sql(AssertSqlSafe(sql))
            .execute(self.pool())
            .await
            .map(|_| ())
            .map_err(failed)
    }
}

/// What the server stores of a password.
/// Source: <https://www.rfc-editor.org/rfc/rfc5802> (section 3) and
/// <https://www.postgresql.org/docs/current/catalog-pg-authid.html>.
fn verifier(password: &[u8], salt: &[u8]) -> String {
    let salted = derive(password, salt, ROUNDS);
    let stored: [u8; 32] = Sha256::digest(hmac(&salted, b"Client Key")).into();
    let server = hmac(&salted, b"Server Key");
    format!(
        "SCRAM-SHA-256${ROUNDS}:{}${}:{}",
        base64(salt),
        base64(&stored),
        base64(&server)
    )
}

/// PBKDF2 for one block (RFC 8018, section 5.2).
fn derive(password: &[u8], salt: &[u8], rounds: u32) -> [u8; 32] {
    let mut block = hmac(password, &[salt, &1_u32.to_be_bytes()].concat());
    let mut sum = block;
    for _ in 1..rounds {
        block = hmac(password, &block);
        for (s, b) in sum.iter_mut().zip(block) {
            *s ^= b;
        }
    }
    sum
}

/// HMAC-SHA-256 (RFC 2104).
fn hmac(key: &[u8], message: &[u8]) -> [u8; 32] {
    let mut block = [0_u8; 64];
    if key.len() > block.len() {
        block[..32].copy_from_slice(&Sha256::digest(key));
    } else {
        block[..key.len()].copy_from_slice(key);
    }
    let inner = Sha256::new()
        .chain_update(block.map(|b| b ^ 0x36))
        .chain_update(message)
        .finalize();
    Sha256::new()
        .chain_update(block.map(|b| b ^ 0x5c))
        .chain_update(inner)
        .finalize()
        .into()
}

fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for chunk in bytes.chunks(3) {
        let mut three = [0_u8; 3];
        three[..chunk.len()].copy_from_slice(chunk);
        let bits = u32::from_be_bytes([0, three[0], three[1], three[2]]);
        for place in 0..4 {
            let digit = (bits >> (18 - 6 * place)) & 63;
            text.push(if place <= chunk.len() {
                char::from(DIGITS[digit as usize])
            } else {
                '='
            });
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_is_that_of_rfc_4648() {
        for (bytes, text) in [
            ("", ""),
            ("f", "Zg=="),
            ("fo", "Zm8="),
            ("foo", "Zm9v"),
            ("foobar", "Zm9vYmFy"),
        ] {
            assert_eq!(base64(bytes.as_bytes()), text);
        }
    }

    #[test]
    fn hmac_is_that_of_rfc_4231() {
        let hex: String = hmac(b"Jefe", b"what do ya want for nothing?")
            .iter()
            .map(|b| format!("{b:02x}"))
            .collect();
        assert_eq!(
            hex,
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
        );
    }
}
