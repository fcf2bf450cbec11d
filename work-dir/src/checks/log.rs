use std::io::Write;

use jiff::Zoned;

use super::Outcome;
use crate::state::private;
use crate::{Error, Layout};

/// Adds the outcomes of a table to its log; the first batch, which is batch 0, begins anew.
pub(crate) fn write(
    layout: &Layout,
    table: &str,
    batch: Option<u32>,
    outcomes: &[Outcome],
) -> Result<(), Error> {
    let path = layout.test_log(table);
    let at = Zoned::now().strftime("%Y-%m-%d %H:%M:%S%.6f").to_string();
    let of = batch.map_or(String::new(), |batch| format!("(batch {batch})"));
    let mut text = format!("{at} :: Running tests for {table}{of}\n");
    for outcome in outcomes {
        text.push_str(&format!("{at} :: {outcome}\n"));
        for r in &outcome.ratios {
            text.push_str(&format!(
                "{at} ::   q {:<6} value {:<18} reference {:<18} ratio {}\n",
                r.q, r.value, r.reference, r.ratio
            ));
        }
    }
    let append = || {
        private::make_dirs(&layout.outputs())?;
        let mut options = private::options();
        options.create(true);
        if batch == Some(0) {
            options.write(true).truncate(true);
        } else {
            options.append(true);
        }
        options.open(&path)?.write_all(text.as_bytes())
    };
    append().map_err(|e| Error::file(&path, e))
}
