use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use cds_hub::Hub;
use cds_hub::load::{Import, Loaded, RawPart, RawRows, Run, TypedPart};
use fhir_crack::{Batch, Options, Plan, crack_with};
use fhir_melt::{MeltOptions, melt};
use table_description::typing::Zone;
use table_description::{Description, default_description};

use crate::Failure;
use crate::arguments::Format;
use crate::bare_table::BareTables;
use crate::pages::BareLoop;
use crate::site::Site;
use crate::stage::Stage;

/// Patients whose pages are kept at a time.
const SLICE: usize = 400;
/// Raw rows loaded by one call, as cds2db does it.
const LOAD_ROWS: usize = 10_000;
/// Raw rows melted at a time, as cds2db does it.
const MELT_ROWS: usize = 5_000;

/// Every stage of the chain alone: one after the other, slice by slice, over the same pages and rows, each with nothing
/// else at work. Beside them the limits of the machine.
pub struct Alone {
    pub fetch: Stage,
    pub copy_memory: Stage,
    pub tokenize: Stage,
    pub crack: Stage,
    pub load_raw: Stage,
    pub bare_raw: Stage,
    pub read_back: Stage,
    pub melt: Stage,
    pub load_typed: Stage,
    pub bare_typed: Stage,
    /// Resources that belong to no patient, among those of all stages.
    pub shared: u64,
    connections: usize,
}

impl Alone {
    /// Measures over all patients of the site, in a database of its own.
    pub async fn measure(site: &Site, connections: usize) -> Result<Self, Failure> {
        let description = default_description();
        let database = site.database();
        let mut alone = Self {
            fetch: Stage::new("fetch (bare HTTP loop)").beside(site.server()),
            copy_memory: Stage::limit("copy memory"),
            tokenize: Stage::limit(match site.format() {
                Format::Json => "serde_json, values skipped",
                Format::Xml => "quick-xml, events only",
            }),
            crack: Stage::new("crack"),
            load_raw: Stage::new("load raw rows").beside(database),
            bare_raw: Stage::limit("bare COPY of raw rows").beside(database),
            read_back: Stage::new("read raw rows back").beside(database),
            melt: Stage::new("melt and type"),
            load_typed: Stage::new("load typed rows").beside(database),
            bare_typed: Stage::limit("bare COPY of typed rows").beside(database),
            shared: 0,
            connections,
        };
        let hub = site.hub("alone").await?;
        let run = alone.raw(site, &hub, &description).await?;
        alone.typed(&hub, &description, run).await?;
        let resources = alone.crack.resources;
        for stage in [
            &mut alone.read_back,
            &mut alone.melt,
            &mut alone.load_typed,
            &mut alone.bare_typed,
        ] {
            stage.resources = resources;
        }
        hub.close().await;
        site.forget("alone").await?;
        Ok(alone)
    }

    /// All stages, those of the chain in its order and each limit behind its stage.
    pub fn stages(&self) -> Vec<&Stage> {
        vec![
            &self.fetch,
            &self.copy_memory,
            &self.tokenize,
            &self.crack,
            &self.load_raw,
            &self.bare_raw,
            &self.read_back,
            &self.melt,
            &self.load_typed,
            &self.bare_typed,
        ]
    }

    /// Fetches, cracks and loads raw rows.
    async fn raw(&mut self, site: &Site, hub: &Hub, description: &Description) -> Result<Run, Failure> {
        let plan = Arc::new(Plan::new(description)?);
        let http = BareLoop::new(site)?;
        let lock = hub.lock("cds2db", "benches:raw").await?;
        let mut import = hub.begin_import(&lock).await?;
        if self.connections > 0 {
            self.load_raw
                .measure_async(import.spread(self.connections))
                .await?;
        }
        let mut bare = BareTables::begin(hub.pool()).await?;
        let patients: Vec<u32> = (0..site.patients()).collect();
        let slices = patients.chunks(SLICE).map(Some).chain([None]);
        for slice in slices {
            let pages = match slice {
                Some(patients) => {
                    self.fetch
                        .measure_async(http.of_patients(description, patients))
                        .await
                }
                None => self.fetch.measure_async(http.shared(description)).await,
            }?;
            let before = self.crack.resources;
            let tables = self.crack(site.format(), &pages, &plan)?;
            if slice.is_none() {
                self.shared = self.crack.resources - before;
            }
            for batches in tables.into_values() {
                for batches in in_loads(batches) {
                    let copy = bare.prepare_raw(&batches).await?;
                    self.bare_raw.measure_async(bare.send(&copy)).await?;
                    let loaded = self.load_raw.measure_async(load(&mut import, &batches)).await?;
                    let rows: usize = batches.iter().map(Batch::rows).sum();
                    if loaded.new + loaded.seen != rows as u64 {
                        return Err("rows are missing".into());
                    }
                    for stage in [&mut self.load_raw, &mut self.bare_raw] {
                        stage.rows += rows as u64;
                        stage.resources += rows as u64;
                    }
                }
            }
        }
        self.bare_raw.measure_async(bare.commit()).await?;
        let run = self.load_raw.measure_async(import.commit()).await?.run;
        lock.release(false).await?;
        Ok(run)
    }

    /// Cracks pages, on one thread; the batches by table.
    fn crack(
        &mut self,
        format: Format,
        pages: &[Bytes],
        plan: &Arc<Plan>,
    ) -> Result<BTreeMap<String, Vec<Batch>>, Failure> {
        let bytes: usize = pages.iter().map(Bytes::len).sum();
        let mut copy = Vec::with_capacity(pages.iter().map(Bytes::len).max().unwrap_or_default());
        self.copy_memory.measure(|| {
            for page in pages {
                copy.clear();
                copy.extend_from_slice(page);
                std::hint::black_box(&copy);
            }
        });
        self.tokenize
            .measure(|| pages.iter().try_for_each(|page| tokenize(format, page)))?;
        let cracked = self.crack.measure(|| {
            let cracked: Result<Vec<_>, _> = pages
                .iter()
                .map(|page| crack_with(page, plan, Options::default()))
                .collect();
            cracked
        })?;
        let resources: u64 = cracked.iter().map(|c| c.summary.entries).sum();
        for stage in [
            &mut self.fetch,
            &mut self.copy_memory,
            &mut self.tokenize,
            &mut self.crack,
        ] {
            stage.resources += resources;
            stage.bytes += bytes as u64;
        }
        let mut tables: BTreeMap<String, Vec<Batch>> = BTreeMap::new();
        for batch in cracked
            .into_iter()
            .flat_map(|c| c.batches)
            .filter(|b| b.rows() > 0)
        {
            tables.entry(batch.table().name.clone()).or_default().push(batch);
        }
        Ok(tables)
    }

    /// Reads raw rows back, melts, types and loads them.
    async fn typed(&mut self, hub: &Hub, description: &Description, run: Run) -> Result<(), Failure> {
        let zone = Zone::berlin();
        let lock = hub.lock("cds2db", "benches:typed").await?;
        let mut import = hub.continue_import(&lock, run).await?;
        if self.connections > 0 {
            self.load_typed
                .measure_async(import.spread(self.connections))
                .await?;
        }
        let mut bare = BareTables::begin(hub.pool()).await?;
        for table in description.resources() {
            let mut open = self
                .read_back
                .measure_async(hub.open_raw(table, MELT_ROWS))
                .await?;
            while let Some((raw_ids, batch)) = self.read_back.measure_async(open.next()).await? {
                let typed = self
                    .melt
                    .measure(|| melt(&batch, &MeltOptions::default()).typed(&zone).0);
                let copy = bare.prepare_typed(&typed).await?;
                self.bare_typed.measure_async(bare.send(&copy)).await?;
                let storing = async {
                    let part = TypedPart::new(table, [(&typed, RawRows::Ids(&raw_ids))])?;
                    import.waited(part, &raw_ids).await
                };
                self.load_typed.measure_async(storing).await?;
                self.read_back.rows += raw_ids.len() as u64;
                for stage in [&mut self.melt, &mut self.load_typed, &mut self.bare_typed] {
                    stage.rows += typed.rows() as u64;
                }
            }
        }
        self.bare_typed.measure_async(bare.commit()).await?;
        self.load_typed.measure_async(import.commit()).await?;
        lock.release(false).await?;
        Ok(())
    }
}

/// Stores raw rows, which wait to be typed.
async fn load(import: &mut Import<'_>, batches: &[Batch]) -> cds_hub::Result<Loaded> {
    let Some(part) = RawPart::new(batches)? else {
        return Ok(Loaded::default());
    };
    let stored = import.raw(&part).await?;
    import.leave(&stored).await?;
    Ok(stored.loaded)
}

/// Groups of batches of about [`LOAD_ROWS`] rows.
fn in_loads(batches: Vec<Batch>) -> Vec<Vec<Batch>> {
    let mut loads = Vec::new();
    let mut load = Vec::new();
    let mut rows = 0;
    for batch in batches {
        rows += batch.rows();
        load.push(batch);
        if rows >= LOAD_ROWS {
            loads.push(std::mem::take(&mut load));
            rows = 0;
        }
    }
    if !load.is_empty() {
        loads.push(load);
    }
    loads
}

/// The least that finds the end of every value.
fn tokenize(format: Format, page: &[u8]) -> Result<(), Failure> {
    match format {
        Format::Json => {
            serde_json::from_slice::<serde::de::IgnoredAny>(page)?;
        }
        Format::Xml => {
            let mut reader = quick_xml::Reader::from_reader(page);
            while !matches!(reader.read_event()?, quick_xml::events::Event::Eof) {}
        }
    }
    Ok(())
}
