//! The import of typed rows: files, gate, hub.

use cds_hub::load::Run as HubRun;
use table_description::typing::Zone;

use super::earlier::Earlier;
use super::refused::{none_refused, remember_refusal};
use super::typing::Typing;
use super::{gate, signals};
use crate::error::hub_error;
use crate::progress::Stage;
use crate::run::raw::import::MODULE;
use crate::run::watches::Watches;
use crate::run::who::Who;
use crate::run::{Run, RunDirectory};
use crate::{ErrorKind, Result, Summary};

impl Run<'_> {
    pub(in crate::run) async fn typed(
        &self,
        run: HubRun,
        who: &Who,
        watches: &Watches,
        directory: Option<&RunDirectory>,
        summary: &mut Summary,
    ) -> Result<()> {
        let zone = Zone::berlin();
        let lock = self
            .hub
            .lock(MODULE, "cds2db:typed")
            .await
            .map_err(|e| hub_error("taking the hub's lock", e))?;
        let mut import = self
            .hub
            .continue_import(&lock, run)
            .await
            .map_err(|e| hub_error("beginning the typed import", e))?;
        self.progress.begin(Stage::Type, None);
        let mut typing = Typing::new(
            self.settings,
            self.hub,
            self.description,
            &zone,
            self.progress,
            watches,
        );
        if let Some(directory) = directory {
            typing.prepare(summary).await?;
            let wards = self.ward_rows(who, Some(directory));
            signals::write(self, directory, &mut typing, self.settings.workers(), wards).await?;
            let earlier = Earlier::write(self, directory, &mut typing, run, summary).await?;
            let passed = gate::pass(directory, self.description, &earlier, summary).await;
            if let Err(refusal) = passed {
                if refusal.kind() == ErrorKind::Data {
                    remember_refusal(import, &earlier, who.loaded_until).await?;
                }
                return Err(refusal);
            }
        } else {
            none_refused(self.hub, self.description, run).await?;
        }
        typing.run(&mut import, summary).await?;
        import
            .commit()
            .await
            .map_err(|e| hub_error("committing the typed rows", e))?;
        lock.release(false)
            .await
            .map_err(|e| hub_error("releasing the hub's lock", e))?;
        let confirmed = self
            .hub
            .confirmed(run)
            .await
            .map_err(|e| hub_error("counting the confirmed rows", e))?;
        for table in &self.description.tables {
            if let Some(&rows) = confirmed.get(&table.name) {
                summary.table(&table.name).typed_seen = rows;
            }
        }
        self.progress.end(Stage::Type);
        Ok(())
    }
}
