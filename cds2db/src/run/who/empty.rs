//! A day on which nobody is found on any ward: real, or a mistake in patterns and rights.

use crate::config::EmptyWards;
use crate::error::hub_error;
use crate::run::{Run, RunDirectory};
use crate::ward::WardPatient;
use crate::{Error, ErrorKind, Result};

impl Run<'_> {
    /// Stops where nobody is found although the hub's ward list has patients, once: the next run goes on.
    ///
    /// # Errors
    /// [`ErrorKind::Data`] that says what was not done and the ways on.
    pub(super) async fn stop_before_empty_wards(
        &self,
        wards: &[WardPatient],
        directory: &RunDirectory,
    ) -> Result<()> {
        if !wards.is_empty() {
            return directory.forget_empty_wards();
        }
        if self.settings.empty_wards == EmptyWards::GoOn || directory.has_seen_empty_wards() {
            return Ok(());
        }
        let failed = |e| hub_error("reading the ward list", e);
        let listed = self.hub.listed_patients().await.map_err(failed)?;
        if listed == 0 {
            return Ok(());
        }
        directory.keep_empty_wards()?;
        let text = format!(
            "nobody was found on any ward, and the hub's ward list has {listed} patients: stopped before it and the case \
             list are emptied; nothing was changed. If the wards are empty indeed, the same command goes on (EMPTY_WARDS = \
             \"go_on\" never stops); if not, look at ENCOUNTER_FILTER_PATTERN… and FHIR_SEARCH_ENCOUNTER_… with cds2db \
             config check FILE --connect"
        );
        Err(Error::new(ErrorKind::Data, text))
    }
}
