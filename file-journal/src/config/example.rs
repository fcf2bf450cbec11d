//! The configuration that `journal config` prints for a site to edit.

/// A commented configuration that is valid as it stands once its folders exist.
pub const EXAMPLE: &str = r#"# Configuration of `journal`. Relative paths are relative to this file's folder.

[configuration]
supported_modalities = "OMOP,Images,Waveforms,Metadata"
# num_threads = 4                    # files hashed or sent at a time; default: the machine's cores
# max_bytes_per_second = 10_000_000  # limit of `journal submit`

[journal]
journaling_mode = "full"             # full: a file that is gone was deleted; append: the folder holds what is new
[journal.local]
path = "journal.db"
# [journal.source]                   # the central journal, where several machines share one
# path = "/mnt/central/journal.v2.db"

[site_path.default]
path = "site"
# [site_path.Images]                 # a folder and a pattern of its own
# path = "/data/pacs"
# pattern = "{patient_id:w}/Images/{filepath}"
# [site_path.OMOP]
# omop_per_patient = false
# [site_path.Tables]                 # tables exported by cds2db: the standing whole
# path = "/srv/cds2db/work/current"
# pattern = "{filepath}"

[central_path]
path = "/mnt/central"                # or az://CONTAINER/PATH, s3://BUCKET/PATH (programs built with `cloud`)
# [central_path.auth]
# azure_account_name = "NAME"
# azure_sas_token = "TOKEN"

# [check]                            # severity of findings of `journal check`: error, warning or off
# omop-table-missing = "warning"
"#;

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::super::{Mode, read::read};
    use super::EXAMPLE;

    #[test]
    fn the_example_is_valid_and_resolves_from_its_folder() {
        let config = read(EXAMPLE, Path::new("/srv/site")).unwrap();
        assert_eq!(config.mode, Mode::Full);
        assert_eq!(config.journal, Path::new("/srv/site/journal.db"));
        assert_eq!(config.modalities.len(), 4);
        assert!(config.ignored.is_empty());
        let images = &config.modalities[1];
        assert_eq!(
            images.central_path("7/images/s/r/a.dcm").as_deref(),
            Some("7/Images/s/r/a.dcm")
        );
    }

    #[test]
    fn faults_and_ignored_keys_have_their_lines() {
        let text = "[configuration]\npage_size = 3\nnthreads = 'x'\n[journal]\njournaling_mode = 'all'\n[site_path.default]\npath = 's'\n[site_path.OMOP]\npattern = 'OMOP'\n[check]\nnobody = 'error'\n";
        let faults = read(text, Path::new("")).unwrap_err();
        for line in ["line 3: ", "line 5: ", "line 9: ", "line 11: "] {
            assert!(
                faults.iter().any(|fault| fault.starts_with(line)),
                "{line} {faults:?}"
            );
        }
        let config = read(
            "[configuration]\npage_size = 3\n[site_path.default]\npath = 's'\n",
            Path::new(""),
        )
        .unwrap();
        assert_eq!(config.ignored, ["line 2: configuration.page_size has no effect"]);
    }

    #[test]
    fn credentials_are_not_shown() {
        let text = "[site_path.default]\npath='s'\n[central_path]\npath='az://c/p?sig=SECRET'\n[central_path.auth]\nazure_sas_token='SECRET'\n";
        let config = read(text, Path::new("")).unwrap();
        let shown = format!("{config:?}");
        assert!(!shown.contains("SECRET"), "{shown}");
        assert!(shown.contains("az://c/p"));
    }
}
