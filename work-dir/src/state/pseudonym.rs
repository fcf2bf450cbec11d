use std::fmt;
use std::path::Path;

use ring::hmac;

use crate::{Error, ErrorKind};

/// Turns patient ids into pseudonyms: HMAC-SHA256 under a site's key, as 64 hexadecimal digits. The same id and key
/// give the same pseudonym in every run; without the key nobody finds the id.
#[derive(Clone)]
pub struct Pseudonym(hmac::Key);

/// Shortest key in bytes: half of what the hash takes in, as RFC 2104 asks at least the length of its output less the
/// margin of a typed passphrase.
const KEY_BYTES: usize = 16;

impl Pseudonym {
    /// Takes a key; white space round it does not count.
    ///
    /// # Errors
    /// [`ErrorKind::Key`] for a key of less than 16 bytes; `place` is the file or variable it is from.
    pub fn new(key: &[u8], place: &Path) -> Result<Self, Error> {
        let key = key.trim_ascii();
        if key.len() < KEY_BYTES {
            return Err(Error::new(ErrorKind::Key, place));
        }
        Ok(Self(hmac::Key::new(hmac::HMAC_SHA256, key)))
    }

    /// Reads a key from a file.
    ///
    /// # Errors
    /// As [`Pseudonym::new`], and when the file cannot be read.
    pub fn read(path: &Path) -> Result<Self, Error> {
        let key = std::fs::read(path).map_err(|e| Error::file(path, e))?;
        Self::new(&key, path)
    }

    /// The pseudonym of an id.
    #[must_use]
    pub fn of(&self, id: &str) -> String {
        let tag = hmac::sign(&self.0, id.as_bytes());
        tag.as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

impl fmt::Debug for Pseudonym {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Pseudonym(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Test case 2 of RFC 4231 has a key of 4 bytes; case 1 has one of 20.
    #[test]
    fn it_is_the_hmac_of_the_standard() {
        let pseudonym = Pseudonym::new(&[0x0b; 20], Path::new("key")).unwrap();
        assert_eq!(
            pseudonym.of("Hi There"),
            "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"
        );
        let error = Pseudonym::new(b"  short\n", Path::new("key")).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Key);
    }
}
