use std::fmt;

use super::Status;

/// How many entries of a list fit before the rest is only counted.
const SHOWN: usize = 6;

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "semaphore   {}", self.semaphore)?;
        list(f, "inboxes", &self.inboxes, "empty")?;
        list(f, "untyped", &self.untyped, "none")?;
        if self.quarantine.is_empty() {
            writeln!(f, "quarantine  empty")?;
        } else {
            writeln!(
                f,
                "quarantine  {} rows, {} due for another attempt",
                self.quarantine.rows, self.quarantine.due
            )?;
        }
        writeln!(f, "database    {}", bytes(self.bytes))?;
        writeln!(f)?;
        writeln!(
            f,
            "{:<20} {:>10} {:>10} {:>10} {:>9}  made by",
            "last imports", "number", "new", "again", "seconds"
        )?;
        for i in &self.imports {
            let number = i.number.map_or_else(|| "running".to_owned(), |n| n.to_string());
            let (checked, new, seen, seconds, module, part) =
                (&i.checked, i.new, i.seen, i.seconds, &i.module, &i.part);
            writeln!(
                f,
                "{checked:<20} {number:>10} {new:>10} {seen:>10} {seconds:>9.2}  {module} {part}"
            )?;
        }
        writeln!(f)?;
        writeln!(f, "{:<42} {:>12} {:>12}", "largest tables", "rows", "size")?;
        for t in &self.tables {
            writeln!(f, "{:<42} {:>12} {:>12}", t.name, t.rows, bytes(t.bytes))?;
        }
        if !self.slow.is_empty() {
            writeln!(f)?;
            writeln!(
                f,
                "{:<42} {:>12} {:>12} {:>10}",
                "read as a whole most", "times", "rows read", "dead rows"
            )?;
            for s in &self.slow {
                writeln!(f, "{:<42} {:>12} {:>12} {:>10}", s.name, s.scans, s.rows, s.dead)?;
            }
        }
        if !self.errors.is_empty() {
            writeln!(f)?;
            writeln!(f, "last errors")?;
            for (when, what) in &self.errors {
                let short: String = what.chars().take(96).collect();
                writeln!(f, "{when}  {}", short.lines().next().unwrap_or_default())?;
            }
        }
        Ok(())
    }
}

fn list(f: &mut fmt::Formatter<'_>, title: &str, entries: &[(String, i64)], none: &str) -> fmt::Result {
    write!(f, "{title:<12}")?;
    if entries.is_empty() {
        return writeln!(f, "{none}");
    }
    let shown: Vec<String> = entries
        .iter()
        .take(SHOWN)
        .map(|(name, rows)| format!("{name} {rows}"))
        .collect();
    write!(f, "{}", shown.join(", "))?;
    match entries.len().checked_sub(SHOWN) {
        Some(more) if more > 0 => writeln!(f, " and {more} more"),
        _ => writeln!(f),
    }
}

/// A size in the largest unit that leaves a number above 1.
fn bytes(bytes: i64) -> String {
    const UNITS: [&str; 4] = ["kB", "MB", "GB", "TB"];
    let mut size = bytes as f64 / 1024.0;
    let mut unit = 0;
    while size >= 1024.0 && unit + 1 < UNITS.len() {
        size /= 1024.0;
        unit += 1;
    }
    format!("{size:.1} {}", UNITS[unit])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_short() {
        for (given, wanted) in [
            (0, "0.0 kB"),
            (8192, "8.0 kB"),
            (53 << 20, "53.0 MB"),
            (3 << 30, "3.0 GB"),
        ] {
            assert_eq!(bytes(given), wanted);
        }
    }

    #[test]
    fn screen_of_an_empty_hub_is_short() {
        let screen = Status::default().to_string();
        assert!(screen.lines().count() < 12, "{screen}");
        assert!(screen.contains("quarantine  empty"));
    }
}
