use clap::Args;

use crate::store::disclosure::Rules;

/// What keeps files out of level4.
#[derive(Args)]
pub(super) struct Disclosure {
    /// Names of columns that identify persons, added to the usual ones
    #[arg(long, value_name = "COLUMN")]
    identifier: Vec<String>,
    /// Counts from 1 up to below this are flagged as small; 0 flags none
    #[arg(long, default_value_t = Rules::default().small_below, value_name = "N")]
    small_below: u64,
}

impl Disclosure {
    pub(super) fn rules(&self) -> Rules {
        let mut rules = Rules {
            small_below: self.small_below,
            ..Rules::default()
        };
        rules.identifiers.extend(self.identifier.iter().cloned());
        rules
    }
}
