use site_config::Reader;

/// One code system and the codes of it that mean the same measurement.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CodeList {
    /// URI of the code system; empty means any.
    pub system: String,
    /// Codes; an observation with any of them counts.
    pub codes: Vec<String>,
}

impl CodeList {
    /// Codes separated by blanks, as in the configuration.
    #[must_use]
    pub fn new(system: &str, codes: &str) -> Self {
        Self {
            system: system.to_owned(),
            codes: codes.split_whitespace().map(str::to_owned).collect(),
        }
    }

    /// Checks `<name>_SYSTEM` and `<name>_CODES` where the profile does not need them.
    pub(super) fn unused(reader: &mut Reader<'_>, name: &str) -> Self {
        Self::new(
            reader.text(&format!("{name}_SYSTEM")).unwrap_or_default(),
            reader.text(&format!("{name}_CODES")).unwrap_or_default(),
        )
    }

    /// Reads `<name>_SYSTEM` and `<name>_CODES`.
    pub(super) fn read(reader: &mut Reader<'_>, name: &str, why: &str) -> Self {
        let (system, codes) = (format!("{name}_SYSTEM"), format!("{name}_CODES"));
        let list = Self::new(
            reader.text(&system).unwrap_or_default(),
            reader.text(&codes).unwrap_or_default(),
        );
        reader.require(&system, why);
        reader.require(&codes, why);
        list
    }
}
