//! The steps of the whole chain beside the retrieval, and whether a chain that broke off is made good.

use site_config::Reader;

use super::texts::owned;

/// The steps of the chain; each may be a program of the original.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChainSettings {
    /// The retrieval; this program where not set.
    pub retrieval: Option<Vec<String>>,
    /// From the frontend into the hub; program and arguments. Left out where the list is empty.
    pub frontend_to_hub: Option<Vec<String>>,
    /// From the hub's resources to the tables of the frontend.
    pub dataprocessor: Option<Vec<String>>,
    /// From the hub to the frontend.
    pub hub_to_frontend: Option<Vec<String>>,
    /// Whether cases that an interrupted chain left without a row of the frontend are made good before the next chain.
    pub recover: bool,
}

impl Default for ChainSettings {
    fn default() -> Self {
        Self {
            retrieval: None,
            frontend_to_hub: None,
            dataprocessor: None,
            hub_to_frontend: None,
            recover: true,
        }
    }
}

impl ChainSettings {
    pub(super) fn read(r: &mut Reader<'_>) -> Self {
        let mut words = |key| r.texts(key).map(|texts| owned(Some(texts)));
        Self {
            retrieval: words("CHAIN_CDS2DB"),
            frontend_to_hub: words("CHAIN_FRONTEND2DB"),
            dataprocessor: words("CHAIN_DATAPROCESSOR"),
            hub_to_frontend: words("CHAIN_DB2FRONTEND"),
            recover: r.flag("RECOVER_INCOMPLETE_TOOLCHAIN_RUNS").unwrap_or(true),
        }
    }
}
