//! What a run has fetched and tested goes to the hub: raw and typed rows, watermarks and marks, in one import. Nothing is
//! asked of the server and nothing is worked out meanwhile, so the hub is held for seconds.

use std::collections::HashSet;
use std::sync::Arc;

use cds_hub::load::{Import, Loaded, Run as HubRun, StoredRaw, TypedPart};
use table_description::TableDescription;

use crate::error::hub_error;
use crate::progress::Stage;
use crate::run::ask::answered::until;
use crate::run::ask::unanswered;
use crate::run::raw::census::EVERYBODY;
use crate::run::raw::fetch::Fetched;
use crate::run::typed::gate::Gate;
use crate::run::watches::Watches;
use crate::run::who::Who;
use crate::run::{Run, RunDirectory, Scope};
use crate::summary::Incomplete;
use crate::{Error, ErrorKind, Result, Summary};

/// Name under which the hub's lock is held.
const MODULE: &str = "cds2db";
/// From so many bytes of encoded rows on, several connections load them: about 20,000 rows.
const MANY_BYTES: u64 = 16 << 20;
/// Connections that load where nobody said how many.
const MOST_CONNECTIONS: usize = 8;
/// What it is held for.
const MESSAGE: &str = "cds2db:store";

impl Run<'_> {
    /// Whether an earlier process stored everything and died before it could note that; its figures.
    pub(in crate::run) async fn stored_before(&self, directory: &RunDirectory) -> Result<Option<Summary>> {
        if directory.record().is_none_or(|record| record.import.is_none()) {
            return Ok(None);
        }
        // Whoever has the lock knows that the import of the process that died is over, one way or the other.
        let lock = self.hub.lock_with(MODULE, MESSAGE, self.lock_options()).await;
        let lock = lock.map_err(|e| hub_error("taking the hub's lock", e))?;
        drop(
            self.hub
                .begin_import(&lock)
                .await
                .map_err(|e| hub_error("beginning the import", e))?,
        );
        let committed = directory.committed(self.hub).await?;
        let released = lock.release(true).await;
        released.map_err(|e| hub_error("releasing the hub's lock", e))?;
        Ok(committed)
    }

    /// Stores everything.
    pub(in crate::run) async fn hand_on(
        &self,
        fetched: Fetched<'_>,
        who: &Who,
        watches: &Watches,
        directory: &RunDirectory,
        summary: &mut Summary,
    ) -> Result<()> {
        self.progress.begin(Stage::Store, None);
        let lock = self.hub.lock_with(MODULE, MESSAGE, self.lock_options()).await;
        let lock = lock.map_err(|e| hub_error("taking the hub's lock", e))?;
        watches.store.start();
        let import = self.hub.begin_import(&lock).await;
        let mut import = import.map_err(|e| hub_error("beginning the import", e))?;
        let run = import.run();
        self.spread(&fetched, &mut import).await?;
        for table in &self.description.tables {
            self.store_table(table, &fetched, &mut import, watches, summary)
                .await?;
        }
        // What follows looks rows up.
        import
            .index()
            .await
            .map_err(|e| hub_error("building indexes", e))?;
        for table in &self.description.tables {
            if !fetched.typing.stays_raw(table) {
                fetched.typing.mend_invalid(table, &mut import, summary).await?;
            }
        }
        self.tell(&fetched, who, &mut import, summary).await?;
        for table in fetched.gate.stopped() {
            directory.batches().withheld(table)?;
        }
        directory.committing(run, summary)?;
        import
            .commit()
            .await
            .map_err(|e| hub_error("committing the rows", e))?;
        lock.release(false)
            .await
            .map_err(|e| hub_error("releasing the hub's lock", e))?;
        count_confirmed(self, run, summary).await?;
        self.remark_quarantine(summary).await?;
        self.progress.end(Stage::Store);
        fetched.rows.remove()
    }

    /// Has several connections load where there is much to load (a first load, a backfill) or somebody said so.
    async fn spread(&self, fetched: &Fetched<'_>, import: &mut Import<'_>) -> Result<()> {
        let set = self.settings.load_connections;
        if set == Some(1) || set.is_none() && fetched.rows.bytes()? < MANY_BYTES {
            return Ok(());
        }
        let cores = self.hub.load_connections().await;
        let Some(cores) = cores.map_err(|e| hub_error("asking for the server's cores", e))? else {
            return Ok(());
        };
        let connections = set.unwrap_or(cores.min(MOST_CONNECTIONS));
        let spread = import.spread(connections).await;
        spread.map_err(|e| hub_error("opening connections to load by", e))
    }

    /// Says how many rows the hub refused, in this run and before.
    async fn remark_quarantine(&self, summary: &mut Summary) -> Result<()> {
        let count = self.hub.rows_in_quarantine().await;
        let count = count.map_err(|e| hub_error("counting the rows in quarantine", e))?;
        if count > 0 {
            summary.remarks.push(format!(
                "{count} rows lie in quarantine and are not stored; cds-hub quarantine list names them"
            ));
        }
        Ok(())
    }

    /// Stores the rows of one table: raw rows, the typed rows made of them, and those that have waited.
    async fn store_table(
        &self,
        table: &Arc<TableDescription>,
        fetched: &Fetched<'_>,
        import: &mut Import<'_>,
        watches: &Watches,
        summary: &mut Summary,
    ) -> Result<()> {
        let failed = |what: &str, e| hub_error(&format!("{what} of {}", table.name), e);
        let (gate, typing) = (&fetched.gate, &fetched.typing);
        if fetched.rows.bytes_of(&table.name)? >= MANY_BYTES {
            let aside = import.set_aside(table).await;
            aside.map_err(|e| failed("setting the indexes aside", e))?;
        }
        let is_typed = gate.is_handed_on(&table.name) && !typing.stays_raw(table);
        let mut raw = fetched.rows.raw(table)?;
        let mut stored: Vec<StoredRaw> = Vec::new();
        while let Some(part) = raw.next_raw()? {
            let rows = part.rows() as u64;
            let one = import
                .raw(&part)
                .await
                .map_err(|e| failed("writing raw rows", e))?;
            let counters = summary.table(&table.name);
            counters.raw_new += one.loaded.new;
            counters.raw_seen += one.loaded.seen;
            counters.quarantined += one.loaded.quarantined;
            watches.store.add(rows, 0);
            self.progress.advance(Stage::Store, rows, 0);
            if is_typed {
                stored.push(one);
            } else {
                let left = import.leave(&one).await;
                left.map_err(|e| failed("queueing raw rows", e))?;
            }
        }
        // First what is older: of rows with the same content the last one brings its `meta`. What the run brought anew is its own.
        if is_typed && fetched.waited.has(&table.name) {
            let own: HashSet<i32> = stored.iter().flat_map(StoredRaw::waiting).collect();
            let mut waited = fetched.rows.waited(table)?;
            while let Some((mut ids, mut part)) = waited.next_waited()? {
                ids.retain(|id| !own.contains(id));
                self.hold(table, gate, &mut part);
                let typed = import.waited(part, &ids).await;
                count(
                    typed.map_err(|e| failed("writing typed rows", e))?,
                    table,
                    summary,
                );
            }
        }
        let mut typed = fetched.rows.typed(table)?;
        for raw in &stored {
            let mut part = typed.next_typed()?.ok_or_else(|| {
                let text = format!(
                    "the run's files hold raw rows of {} without typed ones",
                    table.name
                );
                Error::new(ErrorKind::File, text)
            })?;
            typing
                .fill_encounter_part(table, &mut part)
                .map_err(|e| failed("filling references", e))?;
            self.hold(table, gate, &mut part);
            let typed = import.typed(part, raw).await;
            count(
                typed.map_err(|e| failed("writing typed rows", e))?,
                table,
                summary,
            );
        }
        Ok(())
    }

    /// Takes the rows of resources that wait out of a part.
    fn hold(&self, table: &TableDescription, gate: &Gate, part: &mut TypedPart) {
        if let Some(id) = table
            .position_of_path("id")
            .filter(|_| gate.holds_any(&table.name))
        {
            part.hold(id, |id| gate.holds(&table.name, id));
        }
    }

    /// Tells the hub until when everything was loaded, and what is gone.
    async fn tell(
        &self,
        fetched: &Fetched<'_>,
        who: &Who,
        import: &mut Import<'_>,
        summary: &mut Summary,
    ) -> Result<()> {
        let until = until(&fetched.answered, who.loaded_until);
        self.move_watermarks(&fetched.answered, who.loaded_until, import)
            .await?;
        if !matches!(self.scope, Scope::Given(given) if !given.move_watermarks) {
            unanswered::remember(&fetched.unanswered, until, import).await?;
        }
        let failed = |e| hub_error("marking which resources are gone", e);
        for (resource, ids) in &fetched.returned {
            import.mark_returned(resource, ids).await.map_err(failed)?;
        }
        let gone = &fetched.gone;
        let deletions = self.settings.deletions;
        for (resource, ids) in &gone.ids {
            import
                .mark_deleted(resource, ids, deletions.key())
                .await
                .map_err(failed)?;
            summary.deleted.insert(resource.clone(), ids.len() as u64);
        }
        let everybody = [EVERYBODY.to_owned()];
        for name in &gone.read {
            let moved = import.set_census(name, &everybody, until).await;
            moved.map_err(failed)?;
        }
        if deletions != crate::config::Deletions::Off {
            unanswered::census(&who.patients, gone.failed.is_empty(), until, import).await?;
        }
        for (place, error) in &gone.failed {
            let cause = format!("deletions: {}", crate::error::chain(error));
            summary.incomplete.push(Incomplete::of(place, cause));
        }
        Ok(())
    }
}

fn count((loaded, defects): (Loaded, Vec<String>), table: &TableDescription, summary: &mut Summary) {
    let counters = summary.table(&table.name);
    counters.typed_new += loaded.new;
    counters.quarantined += loaded.quarantined;
    counters.defects += defects.len() as u64;
    for kind in defects {
        *counters.defects_by_kind.entry(kind).or_default() += 1;
    }
}

/// Typed rows that the hub had, and those that it has because their raw row came again.
async fn count_confirmed(of: &Run<'_>, run: HubRun, summary: &mut Summary) -> Result<()> {
    let confirmed = of.hub.confirmed(run).await;
    let confirmed = confirmed.map_err(|e| hub_error("counting the confirmed rows", e))?;
    for table in &of.description.tables {
        if let Some(&rows) = confirmed.get(&table.name) {
            summary.table(&table.name).typed_seen = rows;
        }
    }
    Ok(())
}
