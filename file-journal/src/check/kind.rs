//! Kinds of findings and how severe they are.

use std::str::FromStr;

use serde::Serialize;

/// How severe a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Not looked at.
    Off,
    /// Said; the site may send in spite of it.
    Warning,
    /// `journal check` ends with an exit code.
    Error,
}

impl FromStr for Severity {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        match text {
            "off" => Ok(Self::Off),
            "warning" => Ok(Self::Warning),
            "error" => Ok(Self::Error),
            _ => Err(()),
        }
    }
}

macro_rules! kinds {
    ($($name:ident $text:literal $severity:ident $about:literal;)*) => {
        /// What is wrong with a file.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
        #[serde(rename_all = "kebab-case")]
        #[non_exhaustive]
        pub enum Kind {
            $(#[doc = $about] $name,)*
        }

        impl Kind {
            /// All kinds.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// The name in the configuration and in reports.
            #[must_use]
            pub fn name(self) -> &'static str {
                match self { $(Self::$name => $text,)* }
            }

            /// The severity where the configuration names none.
            #[must_use]
            pub fn default_severity(self) -> Severity {
                match self { $(Self::$name => Severity::$severity,)* }
            }

            /// One sentence.
            #[must_use]
            pub fn about(self) -> &'static str {
                match self { $(Self::$name => $about,)* }
            }
        }
    };
}

kinds! {
    EmptyFile "empty-file" Error "The file has no bytes.";
    StrayFile "stray-file" Warning "No pattern takes the file.";
    PathRefused "path-refused" Error "The path has a pattern's shape, but its fields hold other characters.";
    Unreadable "unreadable" Error "The file or folder cannot be read.";
    PatientUnknown "patient-unknown" Error "A patient's folder has an id that the table `person` does not have.";
    OmopTableMissing "omop-table-missing" Error "One of the thirteen clinical tables is not there.";
    OmopTableUnknown "omop-table-unknown" Warning "The file is no table of the common data model.";
    OmopHeader "omop-header" Error "A required column is missing, doubled or unknown.";
    OmopRow "omop-row" Error "A row has another number of fields than the header.";
    OmopKey "omop-key" Error "A key is empty or stands there twice.";
    OmopPersonUnknown "omop-person-unknown" Error "A row's person is not in the table `person`.";
    OmopVisitUnknown "omop-visit-unknown" Error "A row's visit is not in the table `visit_occurrence`.";
    OmopPatientVanished "omop-patient-vanished" Warning "A patient is missing from a table that has nearly all others.";
    ImageLayout "image-layout" Error "An image does not lie in `Images/STUDY/SERIES`.";
    ImageUnreadable "image-unreadable" Error "The file is no DICOM object.";
    ImagePatient "image-patient" Error "PatientID is not the patient of the folder or the file's name.";
    ImageStudy "image-study" Error "StudyInstanceUID is not that of the folder, or a folder has several.";
    ImageSeries "image-series" Error "SeriesInstanceUID is not that of the folder, or a folder has several.";
    ImageModality "image-modality" Error "Modality is not that of the file's name.";
    WaveformLayout "waveform-layout" Error "A waveform does not lie in `Waveforms/SESSION`.";
    WaveformHeader "waveform-header" Error "A WFDB header cannot be read.";
    WaveformSegmentMissing "waveform-segment-missing" Error "A WFDB header names a file that is not beside it.";
    WaveformOrphan "waveform-orphan" Warning "No WFDB header names the file.";
}

impl Kind {
    /// The kind of a name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|kind| kind.name() == name)
    }
}
