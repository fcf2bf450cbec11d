//! A shell script that sends what waits with Azure's own command line, for machines that may run nothing else.

use std::fmt::Write as _;

use crate::config::Config;
use crate::journal::Journal;
use crate::{Error, Result};

/// Writes the script. Every variable that it uses is set at its top; credentials are not in it.
///
/// # Errors
/// When the central store is not an Azure container.
pub fn azcli(config: &Config, journal: &Journal, modalities: &[String], called: &str) -> Result<String> {
    let selected = config.selected(modalities)?;
    let mut text =
        "#!/bin/bash\n# Sends what waits in the journal; stops at the first fault.\nset -euo pipefail\n"
            .to_owned();
    let moment = crate::version::upload_moment();
    let _ = writeln!(text, "moment={moment}");
    let _ = writeln!(text, "list=$(mktemp)\ntrap 'rm -f \"$list\"' EXIT");
    for modality in selected {
        let place = config.central_of(modality)?;
        let rest = place
            .shown()
            .strip_prefix("az://")
            .ok_or_else(|| Error::Refused(format!("{}: the script is for az:// stores", place.shown())))?;
        let (container, prefix) = rest.split_once('/').unwrap_or((rest, ""));
        let prefix = match prefix.trim_matches('/') {
            "" => String::new(),
            prefix => format!("{prefix}/"),
        };
        let account = place.auth.get("azure_account_name").map_or("", String::as_str);
        let _ = writeln!(text, "\n# {}", modality.name);
        let _ = writeln!(text, "account={}", quoted(account));
        let _ = writeln!(text, "container={}", quoted(container));
        let _ = writeln!(
            text,
            ": \"${{account:?set azure_account_name in the configuration}}\""
        );
        for row in journal.waiting(&modality.name)? {
            let Some(central) = modality.central_path(&row.path) else {
                continue;
            };
            let source = modality.root.join(&row.path);
            let _ = writeln!(
                text,
                "az storage blob upload --auth-mode login --account-name \"$account\" --container-name \"$container\" \\\n  --name {} --file {} --metadata md5={} --overwrite --only-show-errors --output none",
                quoted(&format!("{prefix}{}/{central}", row.version)),
                quoted(&source.to_string_lossy()),
                row.md5,
            );
            let _ = writeln!(text, "printf '%s\\n' {} >> \"$list\"", quoted(&row.path));
        }
    }
    let _ = writeln!(
        text,
        "\n{called} mark-uploaded --upload-datetime \"$moment\" --file-list \"$list\""
    );
    Ok(text)
}

/// A word of a shell, whatever it holds.
fn quoted(word: &str) -> String {
    format!("'{}'", word.replace('\'', r"'\''"))
}
