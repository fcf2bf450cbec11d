//! Images: DICOM objects whose tags agree with the folder and the name that they lie under. Only headers are read.
//! Source: DICOM PS3.3 (General Study, General Series, Patient).

use std::collections::BTreeMap;
use std::path::Path;

use dicom_object::{OpenFileOptions, Tag};

use super::{Item, Kind, Raw, each};
use crate::progress::Progress;

const PATIENT: Tag = Tag(0x0010, 0x0020);
const MODALITY: Tag = Tag(0x0008, 0x0060);
const STUDY: Tag = Tag(0x0020, 0x000d);
const SERIES: Tag = Tag(0x0020, 0x000e);
const INSTANCE: Tag = Tag(0x0008, 0x0018);
const PIXELS: Tag = Tag(0x7fe0, 0x0010);

/// Codes of modalities that names of files hold.
const CODES: [&str; 24] = [
    "CT", "MR", "CR", "DX", "US", "XA", "NM", "PT", "MG", "RF", "OT", "SC", "SR", "PX", "IO", "ES", "XC",
    "OP", "IVUS", "ECG", "HD", "SEG", "RTSTRUCT", "PR",
];

/// Tags of one object.
struct Tags {
    patient: String,
    modality: String,
    study: String,
    series: String,
    instance: String,
}

pub(super) fn check(root: &Path, items: &[&Item<'_>], threads: usize, progress: &dyn Progress) -> Vec<Raw> {
    let mut findings = Vec::new();
    let read = each(items, threads, progress, |item| read(&root.join(&item.path)));
    let mut folders: BTreeMap<(&'static str, String), String> = BTreeMap::new();
    for (item, tags) in items.iter().zip(read) {
        let parts: Vec<&str> = item.inner.split('/').collect();
        let Some(tags) = tags else {
            let reason = "is no DICOM object".to_owned();
            findings.push((Kind::ImageUnreadable, item.path.clone(), reason));
            continue;
        };
        let mut say = |kind, reason: &str| findings.push((kind, item.path.clone(), reason.to_owned()));
        let person = item.person.as_deref().unwrap_or_default();
        if tags.patient != person {
            say(Kind::ImagePatient, "PatientID is another than the folder's");
        }
        let [study, series, name] = parts[..] else {
            say(Kind::ImageLayout, "lies in no folder of study and series");
            continue;
        };
        let places = [
            (
                Kind::ImageStudy,
                "StudyInstanceUID",
                study.to_owned(),
                study,
                &tags.study,
            ),
            (
                Kind::ImageSeries,
                "SeriesInstanceUID",
                format!("{study}/{series}"),
                series,
                &tags.series,
            ),
        ];
        for (kind, tag, folder, name, uid) in places {
            if uid.is_empty() {
                say(kind, &format!("{tag} is missing"));
            } else if is_uid(name) && name != uid {
                say(kind, &format!("{tag} is another than the folder's name"));
            } else if *folders
                .entry((tag, format!("{person}/{folder}")))
                .or_insert_with(|| uid.clone())
                != *uid
            {
                say(
                    kind,
                    &format!("{tag} is another than that of the folder's first file"),
                );
            }
        }
        by_name(name, person, &tags, &mut say);
    }
    findings
}

/// The optional parts of a name such as `1001_1_CT_000.dcm`.
fn by_name(name: &str, person: &str, tags: &Tags, say: &mut impl FnMut(Kind, &str)) {
    let stem = name.strip_suffix(".dcm").unwrap_or(name);
    let parts: Vec<&str> = stem.split('_').collect();
    if parts.len() > 1 && parts[0] != person && !is_uid(parts[0]) && !CODES.contains(&parts[0]) {
        say(
            Kind::ImagePatient,
            "the file's name begins with another patient than the folder's",
        );
    }
    for part in parts {
        if CODES.contains(&part) && part != tags.modality {
            say(Kind::ImageModality, "Modality is another than the name's");
        }
        if is_uid(part) && ![&tags.study, &tags.series, &tags.instance].contains(&&part.to_owned()) {
            say(
                Kind::ImageSeries,
                "the name holds a UID that the object does not have",
            );
        }
    }
}

/// Whether a name is meant as a DICOM UID: digits with at least three dots.
fn is_uid(name: &str) -> bool {
    name.len() <= 64
        && name.bytes().filter(|b| *b == b'.').count() >= 3
        && name.bytes().all(|b| b.is_ascii_digit() || b == b'.')
}

fn read(path: &Path) -> Option<Tags> {
    let object = OpenFileOptions::new().read_until(PIXELS).open_file(path).ok()?;
    let text = |tag| {
        let text = object.element(tag).ok().and_then(|element| element.to_str().ok());
        text.map(|text| text.trim_matches(['\0', ' ']).to_owned())
            .unwrap_or_default()
    };
    Some(Tags {
        patient: text(PATIENT),
        modality: text(MODALITY),
        study: text(STUDY),
        series: text(SERIES),
        instance: text(INSTANCE),
    })
}
