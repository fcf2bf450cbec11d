//! A generated site of 200 patients passes; each planted fault is named, and nothing else.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use dicom_core::{DataElement, Tag, VR, dicom_value};
use dicom_object::{FileMetaTableBuilder, InMemDicomObject};
use file_journal::check::{Kind, check};
use file_journal::progress::Silent;

use crate::site::Site;

const PATIENTS: u32 = 200;

/// The tables' required columns, written from the model's definition.
const TABLES: [(&str, &str); 13] = [
    (
        "person",
        "person_id,gender_concept_id,year_of_birth,race_concept_id,ethnicity_concept_id",
    ),
    (
        "observation_period",
        "observation_period_id,person_id,observation_period_start_date,observation_period_end_date,period_type_concept_id",
    ),
    (
        "visit_occurrence",
        "visit_occurrence_id,person_id,visit_concept_id,visit_start_date,visit_end_date,visit_type_concept_id",
    ),
    (
        "visit_detail",
        "visit_detail_id,person_id,visit_detail_concept_id,visit_detail_start_date,visit_detail_end_date,visit_detail_type_concept_id,visit_occurrence_id",
    ),
    (
        "condition_occurrence",
        "condition_occurrence_id,person_id,condition_concept_id,condition_start_date,condition_type_concept_id",
    ),
    (
        "drug_exposure",
        "drug_exposure_id,person_id,drug_concept_id,drug_exposure_start_date,drug_exposure_end_date,drug_type_concept_id",
    ),
    (
        "procedure_occurrence",
        "procedure_occurrence_id,person_id,procedure_concept_id,procedure_date,procedure_type_concept_id",
    ),
    (
        "device_exposure",
        "device_exposure_id,person_id,device_concept_id,device_exposure_start_date,device_type_concept_id",
    ),
    (
        "measurement",
        "measurement_id,person_id,measurement_concept_id,measurement_date,measurement_type_concept_id",
    ),
    (
        "observation",
        "observation_id,person_id,observation_concept_id,observation_date,observation_type_concept_id",
    ),
    ("death", "person_id,death_date"),
    (
        "note",
        "note_id,person_id,note_date,note_type_concept_id,note_class_concept_id,note_text,encoding_concept_id,language_concept_id,visit_occurrence_id",
    ),
    (
        "specimen",
        "specimen_id,person_id,specimen_concept_id,specimen_type_concept_id,specimen_date",
    ),
];

fn table(name: &str, header: &str) -> String {
    let columns: Vec<&str> = header.split(',').collect();
    let mut text = format!("{header}\n");
    for patient in 1..=PATIENTS {
        if name == "death" && patient % 10 != 0 {
            continue;
        }
        let value = |column: &&str| match *column {
            "person_id" => (1000 + patient).to_string(),
            column if column.ends_with("_date") => "2025-01-02".to_owned(),
            "note_text" => "\"text, with a comma\nand a line\"".to_owned(),
            "visit_occurrence_id" => (5000 + patient).to_string(),
            _ => patient.to_string(),
        };
        let fields: Vec<String> = columns.iter().map(value).collect();
        let _ = writeln!(text, "{}", fields.join(","));
    }
    text
}

struct Image<'i> {
    path: String,
    patient: &'i str,
    modality: &'i str,
    study: &'i str,
    series: &'i str,
}

fn image(site: &Site, image: &Image<'_>) {
    let uid = format!("1.2.826.0.1.3680043.8.498.{}", image.path.len());
    let text =
        |group, element, vr, value: &str| DataElement::new(Tag(group, element), vr, dicom_value!(Str, value));
    let object = InMemDicomObject::from_element_iter([
        text(0x0008, 0x0016, VR::UI, "1.2.840.10008.5.1.4.1.1.2"),
        text(0x0008, 0x0018, VR::UI, &uid),
        text(0x0008, 0x0060, VR::CS, image.modality),
        text(0x0010, 0x0020, VR::LO, image.patient),
        text(0x0020, 0x000d, VR::UI, image.study),
        text(0x0020, 0x000e, VR::UI, image.series),
    ]);
    let meta = FileMetaTableBuilder::new()
        .transfer_syntax("1.2.840.10008.1.2.1")
        .media_storage_sop_class_uid("1.2.840.10008.5.1.4.1.1.2")
        .media_storage_sop_instance_uid(&uid);
    let path = site.path("site").join(&image.path);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    object.with_meta(meta).unwrap().write_to_file(path).unwrap();
}

fn hospital() -> Site {
    let site = Site::new("full");
    for (name, header) in TABLES {
        site.write(&format!("OMOP/{name}.csv"), table(name, header));
    }
    for patient in 1001..=1000 + PATIENTS {
        if patient % 4 == 0 {
            let (study, series) = (format!("1.2.3.{patient}.1"), format!("1.2.3.{patient}.1.7"));
            for number in 0..2 {
                image(
                    &site,
                    &Image {
                        path: format!("{patient}/Images/{study}/{series}/{patient}_1_CT_{number:03}.dcm"),
                        patient: &patient.to_string(),
                        modality: "CT",
                        study: &study,
                        series: &series,
                    },
                );
            }
        }
        if patient % 5 == 0 {
            site.write(
                &format!("{patient}/Waveforms/s1/rec.hea"),
                "# made\nrec 2 250 1000\nrec.dat 16 200 12 0 0 0 0 ECG\nrec.dat 16 100 12 0 0 0 0 ABP\n",
            );
            site.write(&format!("{patient}/Waveforms/s1/rec.dat"), [1; 64]);
        }
    }
    site.write("Metadata/site.json", "{}");
    site
}

fn found(site: &Site) -> BTreeMap<Kind, Vec<String>> {
    let report = check(&site.config(), &[], &Silent).expect("checks");
    let mut found: BTreeMap<Kind, Vec<String>> = BTreeMap::new();
    for finding in report.findings {
        found.entry(finding.kind).or_default().push(finding.path);
    }
    found
}

#[test]
fn a_good_site_passes() {
    let site = hospital();
    let report = check(&site.config(), &[], &Silent).expect("checks");
    assert_eq!(report.findings, []);
    assert!(report.may_be_sent() && report.files > 190);
    assert_eq!(
        (
            report.patients["Images"].len(),
            report.patients["Waveforms"].len()
        ),
        (50, 40)
    );
}

/// Changes a line of a table: `edit` gets the fields.
fn edit(site: &Site, name: &str, line: usize, edit: impl Fn(&mut Vec<String>)) {
    let path = format!("OMOP/{name}.csv");
    let text = std::fs::read_to_string(site.path("site").join(&path)).unwrap();
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    let mut fields: Vec<String> = lines[line - 1].split(',').map(str::to_owned).collect();
    edit(&mut fields);
    lines[line - 1] = fields.join(",");
    site.write(&path, lines.join("\n") + "\n");
}

fn drop_lines(site: &Site, name: &str, person: &str) {
    let path = format!("OMOP/{name}.csv");
    let text = std::fs::read_to_string(site.path("site").join(&path)).unwrap();
    let kept: Vec<&str> = text
        .lines()
        .filter(|line| !line.split(',').any(|field| field == person))
        .collect();
    site.write(&path, kept.join("\n") + "\n");
}

#[test]
fn planted_faults_are_named_and_none_else() {
    let site = hospital();
    let mut wanted: BTreeMap<Kind, Vec<String>> = BTreeMap::new();
    let mut plant = |kind, path: &str| wanted.entry(kind).or_default().push(path.to_owned());

    // Tables: 16 faults.
    site.remove("OMOP/specimen.csv");
    plant(Kind::OmopTableMissing, "OMOP");
    site.write("OMOP/measurments.csv", "a\n");
    plant(Kind::OmopTableUnknown, "OMOP/measurments.csv");
    site.write("OMOP/device_exposure.csv", "");
    plant(Kind::EmptyFile, "OMOP/device_exposure.csv");
    edit(&site, "condition_occurrence", 1, |f| {
        f[3] = "condition_start".to_owned();
    });
    plant(Kind::OmopHeader, "OMOP/condition_occurrence.csv");
    plant(Kind::OmopHeader, "OMOP/condition_occurrence.csv");
    edit(&site, "death", 1, |f| f.push("death_date".to_owned()));
    plant(Kind::OmopHeader, "OMOP/death.csv");
    for line in 2..=21 {
        edit(&site, "death", line, |f| f.push("2025-01-02".to_owned()));
    }
    edit(&site, "observation", 9, |f| f.push("x".to_owned()));
    plant(Kind::OmopRow, "OMOP/observation.csv");
    plant(Kind::OmopPatientVanished, "OMOP/observation.csv");
    edit(&site, "procedure_occurrence", 5, |f| f[0] = String::new());
    plant(Kind::OmopKey, "OMOP/procedure_occurrence.csv");
    edit(&site, "drug_exposure", 7, |f| f[0] = "1".to_owned());
    plant(Kind::OmopKey, "OMOP/drug_exposure.csv");
    edit(&site, "visit_detail", 4, |f| f[6] = "9".to_owned());
    plant(Kind::OmopVisitUnknown, "OMOP/visit_detail.csv");
    edit(&site, "measurement", 6, |f| f[1] = "9".to_owned());
    plant(Kind::OmopPersonUnknown, "OMOP/measurement.csv");
    plant(Kind::OmopPatientVanished, "OMOP/measurement.csv");
    drop_lines(&site, "observation_period", "1100");
    plant(Kind::OmopPatientVanished, "OMOP/observation_period.csv");

    // Folders: 6 faults.
    site.write("notes.txt", "x");
    plant(Kind::StrayFile, "notes.txt");
    site.write("P-9/Images/a/b/c.dcm", "x");
    plant(Kind::PathRefused, "P-9/Images/a/b/c.dcm");
    site.write("9999/Waveforms/s/rec.hea", "rec 0\n");
    plant(Kind::PatientUnknown, "9999");
    site.write("1005/Waveforms/s1/rec.dat", "");
    plant(Kind::EmptyFile, "1005/Waveforms/s1/rec.dat");
    plant(Kind::WaveformSegmentMissing, "1005/Waveforms/s1/rec.hea");
    site.write("Metadata/empty.json", "");
    plant(Kind::EmptyFile, "Metadata/empty.json");

    // Images: 10 faults.
    let mut picture = |path: &str, patient, modality, study, series, kind| {
        image(
            &site,
            &Image {
                path: path.to_owned(),
                patient,
                modality,
                study,
                series,
            },
        );
        plant(kind, path);
    };
    picture(
        "1004/Images/1.2.3.1004.1/1.2.3.1004.1.7/a.dcm",
        "1008",
        "CT",
        "1.2.3.1004.1",
        "1.2.3.1004.1.7",
        Kind::ImagePatient,
    );
    picture(
        "1004/Images/1.2.3.1004.1/1.2.3.1004.1.7/1008_1_CT_000.dcm",
        "1004",
        "CT",
        "1.2.3.1004.1",
        "1.2.3.1004.1.7",
        Kind::ImagePatient,
    );
    picture(
        "1008/Images/1.2.3.1008.1/1.2.3.1008.1.7/b.dcm",
        "1008",
        "CT",
        "1.2.3.1008.2",
        "1.2.3.1008.1.7",
        Kind::ImageStudy,
    );
    picture(
        "1008/Images/1.2.3.1008.1/1.2.3.1008.1.7/c.dcm",
        "1008",
        "CT",
        "1.2.3.1008.1",
        "1.2.3.1008.1.8",
        Kind::ImageSeries,
    );
    picture(
        "1012/Images/1.2.3.1012.1/1.2.3.1012.1.7/1012_1_MR_000.dcm",
        "1012",
        "CT",
        "1.2.3.1012.1",
        "1.2.3.1012.1.7",
        Kind::ImageModality,
    );
    picture(
        "1012/Images/1.2.3.1012.1/1.2.3.1012.1.7/1.2.3.99.9.dcm",
        "1012",
        "CT",
        "1.2.3.1012.1",
        "1.2.3.1012.1.7",
        Kind::ImageSeries,
    );
    picture(
        "1016/Images/loose.dcm",
        "1016",
        "CT",
        "1.2.3.1016.1",
        "1.2.3.1016.1.7",
        Kind::ImageLayout,
    );
    picture(
        "1020/Images/named/first/a.dcm",
        "1020",
        "CT",
        "1.2.3.1020.4",
        "1.2.3.1020.4.1",
        Kind::ImageStudy,
    );
    // The folder's first file says which study it is: the second differs.
    wanted.get_mut(&Kind::ImageStudy).unwrap().pop();
    let mut plant = |kind, path: &str| wanted.entry(kind).or_default().push(path.to_owned());
    image(
        &site,
        &Image {
            path: "1020/Images/named/first/b.dcm".to_owned(),
            patient: "1020",
            modality: "CT",
            study: "1.2.3.1020.5",
            series: "1.2.3.1020.4.1",
        },
    );
    plant(Kind::ImageStudy, "1020/Images/named/first/b.dcm");
    site.write("1024/Images/1.2.3.1024.1/1.2.3.1024.1.7/x.dcm", "no image");
    plant(
        Kind::ImageUnreadable,
        "1024/Images/1.2.3.1024.1/1.2.3.1024.1.7/x.dcm",
    );
    let cut = site.path("site/1028/Images/1.2.3.1028.1/1.2.3.1028.1.7/1028_1_CT_000.dcm");
    let bytes = std::fs::read(&cut).unwrap();
    std::fs::write(&cut, &bytes[..140]).unwrap();
    plant(
        Kind::ImageUnreadable,
        "1028/Images/1.2.3.1028.1/1.2.3.1028.1.7/1028_1_CT_000.dcm",
    );

    // Waveforms: 8 faults.
    site.write("1010/Waveforms/s1/rec.hea", "nonsense\n");
    plant(Kind::WaveformHeader, "1010/Waveforms/s1/rec.hea");
    plant(Kind::WaveformOrphan, "1010/Waveforms/s1/rec.dat");
    site.write("1015/Waveforms/s1/rec.hea", "rec 3 250 1000\nrec.dat 16\n");
    plant(Kind::WaveformHeader, "1015/Waveforms/s1/rec.hea");
    plant(Kind::WaveformOrphan, "1015/Waveforms/s1/rec.dat");
    site.write(
        "1020/Waveforms/s1/multi.hea",
        "multi/3 2 250 3000\nrec 1000\n~ 500\nlost 1500\n",
    );
    plant(Kind::WaveformSegmentMissing, "1020/Waveforms/s1/multi.hea");
    site.write("1025/Waveforms/rec.hea", "rec 0\n");
    plant(Kind::WaveformLayout, "1025/Waveforms/rec.hea");
    site.write("1030/Waveforms/s1/other.dat", "x");
    plant(Kind::WaveformOrphan, "1030/Waveforms/s1/other.dat");
    site.write("1040/Waveforms/s1/lost.dat", "x");
    plant(Kind::WaveformOrphan, "1040/Waveforms/s1/lost.dat");
    site.write("1035/Waveforms/s1/rec.hea", "# only a comment\n");
    plant(Kind::WaveformHeader, "1035/Waveforms/s1/rec.hea");
    plant(Kind::WaveformOrphan, "1035/Waveforms/s1/rec.dat");

    for paths in wanted.values_mut() {
        paths.sort();
    }
    let planted: usize = wanted.values().map(Vec::len).sum();
    let mut found = found(&site);
    found.values_mut().for_each(|paths| paths.sort());
    assert_eq!(found, wanted);
    assert!(planted >= 40, "{planted}");
}

#[test]
fn severities_are_the_site_s() {
    let site = Site::new("full");
    site.write("OMOP/x.csv", "a\n");
    let config = std::fs::read_to_string(site.path("config.toml")).unwrap();
    site.configure(&format!(
        "{config}[check]\nomop-table-missing = 'off'\nomop-table-unknown = 'error'\n"
    ));
    let report = check(&site.config(), &[], &Silent).unwrap();
    assert_eq!(report.findings.len(), 1);
    assert!(!report.may_be_sent());
}

#[test]
fn no_value_of_a_table_is_in_a_finding() {
    let site = Site::new("full");
    site.write("OMOP/person.csv", "SECRETVALUE,1,2\nSECRETVALUE,3\n");
    site.write(
        "OMOP/note.csv",
        "note_id,person_id,note_text\nSECRETVALUE,SECRETVALUE,SECRETVALUE\n",
    );
    let report = check(&site.config(), &[], &Silent).unwrap();
    assert!(!report.findings.is_empty());
    let shown: Vec<String> = report
        .findings
        .iter()
        .map(|f| format!("{} {}", f.path, f.reason))
        .collect();
    assert!(!shown.join("\n").contains("SECRETVALUE"), "{shown:?}");
}
