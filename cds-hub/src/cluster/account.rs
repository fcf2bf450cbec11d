use serde::{Deserialize, Serialize};

use crate::{Error, ErrorKind, Result};

/// The system account a service runs under, when it is not the caller's own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Account {
    /// User number.
    pub uid: u32,
    /// Primary group number.
    pub gid: u32,
}

impl Account {
    /// The account a PostgreSQL server has to run under: `None` for the caller's own, and for root the account
    /// `postgres`, else `nobody`, since the server refuses root.
    ///
    /// # Errors
    /// When the caller is root and neither account exists.
    pub fn for_server() -> Result<Option<Self>> {
        if !rustix::process::geteuid().is_root() {
            return Ok(None);
        }
        let passwd = std::fs::read_to_string("/etc/passwd").unwrap_or_default();
        ["postgres", "nobody"].iter().find_map(|name| Self::named(&passwd, name)).map(Some).ok_or_else(|| {
            Error::new(
                ErrorKind::Cluster,
                "PostgreSQL refuses to run as root, and there is neither an account `postgres` nor `nobody`",
            )
        })
    }

    fn named(passwd: &str, name: &str) -> Option<Self> {
        let mut fields = passwd
            .lines()
            .map(|l| l.split(':'))
            .find_map(|mut f| (f.next() == Some(name)).then_some(f))?;
        let uid = fields.nth(1)?.parse().ok()?;
        let gid = fields.next()?.parse().ok()?;
        (uid != 0).then_some(Self { uid, gid })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accounts_are_read_from_passwd_lines() {
        let passwd = "root:x:0:0:root:/root:/bin/sh\npostgres:x:101:104::/var:/bin/bash\nodd\nnobody:x:65534:65533:::\n";
        assert_eq!(
            Account::named(passwd, "postgres"),
            Some(Account { uid: 101, gid: 104 })
        );
        assert_eq!(
            Account::named(passwd, "nobody"),
            Some(Account {
                uid: 65534,
                gid: 65533
            })
        );
        for absent in ["root", "odd", "post", ""] {
            assert_eq!(Account::named(passwd, absent), None, "{absent}");
        }
    }
}
