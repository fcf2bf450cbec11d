//! Reads `config.toml`: all faults at once, each with its line.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use toml_edit::{Document, Item, TableLike, Value};

use super::keys::{AUTH, default_pattern};
use super::{Config, Modality, Mode, StorePlace};
use crate::check::Severity;
use crate::pattern::Pattern;

/// Threads where the configuration says nothing: hashing and sending wait for disks and networks more than for cores.
fn default_threads() -> usize {
    std::thread::available_parallelism().map_or(2, usize::from).max(2)
}

pub(super) fn read(text: &str, folder: &Path) -> Result<Config, Vec<String>> {
    let document = Document::parse(text).map_err(|e| {
        let line = e.span().map_or(1, |span| line_of(text, span.start));
        vec![format!("line {line}: {}", e.message())]
    })?;
    let mut reader = Reader {
        text,
        folder,
        faults: Vec::new(),
        ignored: Vec::new(),
        used: Vec::new(),
    };
    let root: &dyn TableLike = document.as_table();
    let config = reader.config(root);
    reader.note_unused(root, "");
    match reader.faults.is_empty() {
        true => Ok(Config {
            ignored: reader.ignored,
            ..config
        }),
        false => Err(reader.faults),
    }
}

fn line_of(text: &str, at: usize) -> usize {
    text.as_bytes().iter().take(at).filter(|b| **b == b'\n').count() + 1
}

struct Reader<'t> {
    text: &'t str,
    folder: &'t Path,
    faults: Vec<String>,
    ignored: Vec<String>,
    used: Vec<String>,
}

impl Reader<'_> {
    fn config(&mut self, root: &dyn TableLike) -> Config {
        let names = self
            .string(root, "configuration.supported_modalities")
            .unwrap_or_else(|| "OMOP,Images,Waveforms,Metadata".to_owned());
        let central = self.place(root, "central_path");
        let mut modalities = Vec::new();
        let mut names: Vec<&str> = names
            .split(',')
            .map(str::trim)
            .filter(|n| !n.is_empty())
            .collect();
        // Our own tables are a modality as soon as they have a folder.
        if !names.contains(&"Tables") && find(root, "site_path.Tables").is_some() {
            names.push("Tables");
        }
        for name in names {
            modalities.extend(self.modality(root, name));
        }
        if modalities.is_empty() {
            self.faults
                .push("no folder is configured: set `path` in [site_path.default]".to_owned());
        }
        let mode = match self.string(root, "journal.journaling_mode").as_deref() {
            None => Mode::Append,
            Some(text) if text.eq_ignore_ascii_case("append") => Mode::Append,
            Some(text) if text.eq_ignore_ascii_case("full") || text.eq_ignore_ascii_case("snapshot") => {
                Mode::Full
            }
            Some(_) => {
                self.fault(
                    root,
                    "journal.journaling_mode",
                    "is `full`, `snapshot` (the same) or `append`",
                );
                Mode::Append
            }
        };
        let threads = self
            .number(root, "configuration.num_threads")
            .or_else(|| self.number(root, "configuration.nthreads"));
        let severities = self.severities(root);
        Config {
            modalities,
            mode,
            journal: self
                .string(root, "journal.local.path")
                .map_or_else(|| self.folder.join("journal.db"), |path| self.resolved(&path)),
            source: self.place(root, "journal.source"),
            central,
            threads: threads.map_or_else(default_threads, |n| usize::try_from(n).unwrap_or(1).clamp(1, 256)),
            bandwidth: self
                .number(root, "configuration.max_bytes_per_second")
                .filter(|n| *n > 0),
            severities,
            ignored: Vec::new(),
        }
    }

    fn modality(&mut self, root: &dyn TableLike, name: &str) -> Option<Modality> {
        if !name
            .chars()
            .all(|c| c.is_alphanumeric() || matches!(c, '_' | '-'))
        {
            self.fault(
                root,
                "configuration.supported_modalities",
                "names hold letters, digits, `_` and `-` only",
            );
            return None;
        }
        let own = format!("site_path.{name}");
        let key = |field: &str| format!("{own}.{field}");
        let path = self
            .string(root, &key("path"))
            .or_else(|| self.string(root, "site_path.default.path"))?;
        let by_patient = match name {
            "Images" | "Waveforms" => true,
            _ => self.flag(root, &key("omop_per_patient")).unwrap_or(false),
        };
        let text = self.string(root, &key("pattern"));
        let pattern = text.clone().unwrap_or_else(|| default_pattern(name, by_patient));
        let pattern = match Pattern::new(&pattern) {
            Ok(pattern) => pattern,
            Err(what) => {
                self.fault(root, &key("pattern"), &what);
                return None;
            }
        };
        // Said by the pattern's own {version}.
        let _ = self.flag(root, &key("versioned"));
        let by_patient = by_patient || (text.is_some() && pattern.text().contains("{patient_id"));
        Some(Modality {
            name: name.to_owned(),
            root: self.resolved(&path),
            pattern,
            by_patient,
            central: self.place(root, &format!("central_path.{name}")),
        })
    }

    /// A store: its path and what opens it.
    fn place(&mut self, root: &dyn TableLike, key: &str) -> Option<StorePlace> {
        let container = self.string(root, &format!("{key}.azure_container"));
        let path = self.string(root, &format!("{key}.path"));
        let mut auth = BTreeMap::new();
        for name in AUTH {
            if let Some(value) = self
                .string(root, &format!("{key}.auth.{name}"))
                .filter(|v| !v.is_empty())
            {
                auth.insert(name.to_owned(), value);
            }
        }
        let url = match (path, container) {
            (Some(path), _) if path.contains("://") => path,
            (Some(path), Some(container)) if !auth.is_empty() => {
                format!("az://{container}/{}", path.trim_start_matches('/'))
            }
            (None, Some(container)) => format!("az://{container}/"),
            (Some(path), _) => self.resolved(&path).to_string_lossy().into_owned(),
            (None, None) => return None,
        };
        Some(StorePlace { url, auth })
    }

    fn severities(&mut self, root: &dyn TableLike) -> BTreeMap<String, Severity> {
        let mut severities = BTreeMap::new();
        let Some(table) = find(root, "check").and_then(Item::as_table_like) else {
            return severities;
        };
        for (name, _) in table.iter() {
            let key = format!("check.{name}");
            match self.string(root, &key).as_deref().map(str::parse) {
                Some(Ok(severity)) if crate::check::Kind::named(name).is_some() => {
                    severities.insert(name.to_owned(), severity);
                }
                Some(Ok(_)) => self.fault(
                    root,
                    &key,
                    "no check has this name; `journal check --kinds` lists them",
                ),
                _ => self.fault(root, &key, "is `error`, `warning` or `off`"),
            }
        }
        severities
    }

    fn resolved(&self, path: &str) -> PathBuf {
        let path = path.strip_prefix("file://").unwrap_or(path);
        self.folder.join(path)
    }

    fn string(&mut self, root: &dyn TableLike, key: &str) -> Option<String> {
        let item = self.item(root, key)?;
        match item.as_value() {
            Some(Value::String(text)) => Some(text.value().clone()),
            Some(Value::Boolean(flag)) => Some(flag.value().to_string()),
            _ => {
                self.fault(root, key, "is a text");
                None
            }
        }
    }

    fn number(&mut self, root: &dyn TableLike, key: &str) -> Option<u64> {
        let item = self.item(root, key)?;
        let number = item.as_integer().and_then(|n| u64::try_from(n).ok());
        if number.is_none() {
            self.fault(root, key, "is a whole number");
        }
        number
    }

    fn flag(&mut self, root: &dyn TableLike, key: &str) -> Option<bool> {
        let item = self.item(root, key)?;
        let flag = item.as_bool();
        if flag.is_none() {
            self.fault(root, key, "is true or false");
        }
        flag
    }

    fn item<'r>(&mut self, root: &'r dyn TableLike, key: &str) -> Option<&'r Item> {
        let item = find(root, key)?;
        self.used.push(key.to_owned());
        Some(item)
    }

    /// A value never stands in a message: it may be a credential.
    fn fault(&mut self, root: &dyn TableLike, key: &str, what: &str) {
        let line = find(root, key)
            .and_then(Item::span)
            .map_or(String::new(), |span| {
                format!("line {}: ", line_of(self.text, span.start))
            });
        self.faults.push(format!("{line}{key}: {what}"));
    }

    fn note_unused(&mut self, table: &dyn TableLike, prefix: &str) {
        for (name, item) in table.iter() {
            let key = if prefix.is_empty() {
                name.to_owned()
            } else {
                format!("{prefix}.{name}")
            };
            if let Some(inner) = item.as_table_like() {
                self.note_unused(inner, &key);
            } else if !self.used.contains(&key) {
                let line = item.span().map_or(0, |span| line_of(self.text, span.start));
                self.ignored.push(format!("line {line}: {key} has no effect"));
            }
        }
    }
}

/// The item under a dotted key.
fn find<'r>(root: &'r dyn TableLike, key: &str) -> Option<&'r Item> {
    let mut table = root;
    let (path, last) = key
        .rsplit_once('.')
        .map_or((None, key), |(path, last)| (Some(path), last));
    for part in path.into_iter().flat_map(|path| path.split('.')) {
        table = table.get(part)?.as_table_like()?;
    }
    table.get(last)
}
