//! Clinical data in the shape of the public benchmark's: as many rows a view as its size l has, times a fraction.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;

/// Resources at size l, and the rows the views give over them.
const CONDITIONS: u64 = 459_611;
const OBSERVATIONS: u64 = 1_010_000;
const ENCOUNTERS: u64 = 598_548;
const PATIENTS: u64 = 11_853;
/// Observations with a systolic and a diastolic component.
const PRESSURES: u64 = 26_100;
/// Components in all.
const COMPONENTS: u64 = 390_615;

/// Numbers that follow from a seed.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        self.0 >> 33
    }

    fn below(&mut self, end: u64) -> u64 {
        self.next() % end
    }

    fn date(&mut self) -> String {
        let (month, day, hour) = (self.below(12) + 1, self.below(28) + 1, self.below(24));
        format!(
            "20{:02}-{month:02}-{day:02}T{hour:02}:{:02}:{:02}+01:00",
            self.below(25),
            self.below(60),
            self.below(60)
        )
    }

    fn id(&mut self) -> String {
        let (a, b, c) = (self.next(), self.next(), self.next());
        format!(
            "{a:08x}-{:04x}-4{:03x}-a{:03x}-{b:08x}{:04x}",
            b & 0xffff,
            c & 0xfff,
            a & 0xfff,
            c & 0xffff
        )
    }
}

fn meta(profile: &str) -> String {
    format!(
        r#""meta":{{"versionId":"1","lastUpdated":"2024-01-01T00:00:00.000+00:00","profile":["http://hl7.org/fhir/us/core/StructureDefinition/{profile}"]}}"#
    )
}

/// Writes the files of a fraction of size l, and returns their bytes.
pub(crate) fn write(folder: &Path, fraction: f64) -> io::Result<u64> {
    let mut random = Random(589);
    let count = |all: u64| ((all as f64 * fraction) as u64).max(1);
    let patients: Vec<String> = (0..count(PATIENTS)).map(|_| random.id()).collect();
    let open =
        |name: &str| File::create(folder.join(name)).map(|file| BufWriter::with_capacity(1 << 20, file));
    let mut out = open("Patient.ndjson")?;
    for (number, id) in patients.iter().enumerate() {
        patient(&mut out, &mut random, number, id)?;
    }
    out.flush()?;
    let pick = |random: &mut Random| &patients[random.below(patients.len() as u64) as usize];
    let mut out = open("Condition.ndjson")?;
    for _ in 0..count(CONDITIONS) {
        let patient = pick(&mut random);
        condition(&mut out, &mut random, patient)?;
    }
    out.flush()?;
    let mut out = open("Encounter.ndjson")?;
    for _ in 0..count(ENCOUNTERS) {
        let patient = pick(&mut random);
        encounter(&mut out, &mut random, patient)?;
    }
    out.flush()?;
    let mut out = open("Observation.ndjson")?;
    let (all, pressures) = (count(OBSERVATIONS), count(PRESSURES));
    let others = count(COMPONENTS).saturating_sub(pressures * 2) / 14;
    for number in 0..all {
        let patient = pick(&mut random);
        observation(
            &mut out,
            &mut random,
            patient,
            number < pressures,
            (pressures..pressures + others).contains(&number),
        )?;
    }
    out.flush()?;
    ["Patient", "Condition", "Encounter", "Observation"]
        .iter()
        .map(|name| Ok(std::fs::metadata(folder.join(format!("{name}.ndjson")))?.len()))
        .sum()
}

fn patient(out: &mut impl Write, random: &mut Random, number: usize, id: &str) -> io::Result<()> {
    let address = format!(
        r#"{{"use":"home","line":["{} Upper Lane","Unit {}"],"city":"Quincy","state":"MA","postalCode":"{:05}","country":"US"}}"#,
        random.below(900),
        random.below(90),
        random.below(99_999)
    );
    writeln!(
        out,
        r#"{{"resourceType":"Patient","id":"{id}",{},"extension":[{{"url":"http://hl7.org/fhir/us/core/StructureDefinition/us-core-birthsex","valueCode":"F"}},{{"url":"http://hl7.org/fhir/StructureDefinition/patient-mothersMaidenName","valueString":"Clotilde{number} Doyle"}}],"identifier":[{{"system":"https://github.com/synthetichealth/synthea","value":"{id}"}},{{"type":{{"coding":[{{"system":"http://terminology.hl7.org/CodeSystem/v2-0203","code":"MR","display":"Medical Record Number"}}],"text":"Medical Record Number"}},"system":"http://hospital.smarthealthit.org","value":"{id}"}}],"name":[{{"use":"official","family":"Beatty{number}","given":["Ana{number}","Luz"],"prefix":["Mrs."]}},{{"use":"maiden","family":"Roob{number}","given":["Ana{number}"]}}],"telecom":[{{"system":"phone","value":"555-{number:07}","use":"home"}}],"gender":"{}","birthDate":"19{:02}-0{}-1{}","address":[{address}],"contact":[{{"relationship":[{{"text":"mother"}}],"address":{address}}}],"maritalStatus":{{"coding":[{{"system":"http://terminology.hl7.org/CodeSystem/v3-MaritalStatus","code":"M","display":"Married"}}],"text":"Married"}},"multipleBirthBoolean":false}}"#,
        meta("us-core-patient"),
        if number.is_multiple_of(2) {
            "female"
        } else {
            "male"
        },
        random.below(100),
        random.below(9) + 1,
        random.below(9),
    )
}

fn condition(out: &mut impl Write, random: &mut Random, patient: &str) -> io::Result<()> {
    let (id, encounter, onset, code) = (random.id(), random.id(), random.date(), random.below(99_999_999));
    writeln!(
        out,
        r#"{{"resourceType":"Condition","id":"{id}",{},"clinicalStatus":{{"coding":[{{"system":"http://terminology.hl7.org/CodeSystem/condition-clinical","code":"{}"}}]}},"verificationStatus":{{"coding":[{{"system":"http://terminology.hl7.org/CodeSystem/condition-ver-status","code":"confirmed"}}]}},"category":[{{"coding":[{{"system":"http://terminology.hl7.org/CodeSystem/condition-category","code":"encounter-diagnosis","display":"Encounter Diagnosis"}}]}}],"code":{{"coding":[{{"system":"http://snomed.info/sct","code":"{code}","display":"Full-time employment (finding)"}}],"text":"Full-time employment (finding)"}},"subject":{{"reference":"Patient/{patient}"}},"encounter":{{"reference":"Encounter/{encounter}"}},"onsetDateTime":"{onset}","recordedDate":"{onset}"}}"#,
        meta("us-core-condition-encounter-diagnosis"),
        if code.is_multiple_of(3) {
            "active"
        } else {
            "resolved"
        },
    )
}

fn encounter(out: &mut impl Write, random: &mut Random, patient: &str) -> io::Result<()> {
    let (id, doctor, place, company) = (random.id(), random.id(), random.id(), random.id());
    let (start, end) = (random.date(), random.date());
    writeln!(
        out,
        r#"{{"resourceType":"Encounter","id":"{id}",{},"identifier":[{{"use":"official","system":"https://github.com/synthetichealth/synthea","value":"{id}"}}],"status":"finished","class":{{"system":"http://terminology.hl7.org/CodeSystem/v3-ActCode","code":"AMB"}},"type":[{{"coding":[{{"system":"http://snomed.info/sct","code":"{}","display":"General examination of patient (procedure)"}}],"text":"General examination of patient (procedure)"}}],"subject":{{"reference":"Patient/{patient}","display":"Mrs. Ana"}},"participant":[{{"type":[{{"coding":[{{"system":"http://terminology.hl7.org/CodeSystem/v3-ParticipationType","code":"PPRF","display":"primary performer"}}],"text":"primary performer"}}],"period":{{"start":"{start}","end":"{end}"}},"individual":{{"reference":"Practitioner/{doctor}","display":"Dr. Kris"}}}}],"period":{{"start":"{start}","end":"{end}"}},"location":[{{"location":{{"reference":"Location/{place}","display":"PCP"}}}}],"serviceProvider":{{"reference":"Organization/{company}","display":"PCP"}}}}"#,
        meta("us-core-encounter"),
        random.below(999_999_999),
    )
}

fn observation(
    out: &mut impl Write,
    random: &mut Random,
    patient: &str,
    pressure: bool,
    panel: bool,
) -> io::Result<()> {
    let (id, encounter, date) = (random.id(), random.id(), random.date());
    let coded = |code: &str, display: &str| {
        format!(
            r#""code":{{"coding":[{{"system":"http://loinc.org","code":"{code}","display":"{display}"}}],"text":"{display}"}}"#
        )
    };
    let mut component = |code: &str, display: &str, unit: &str| {
        let value = random.below(20_000) as f64 / 100.0;
        format!(
            r#"{{{},"valueQuantity":{{"value":{value},"unit":"{unit}","system":"http://unitsofmeasure.org","code":"{unit}"}}}}"#,
            coded(code, display)
        )
    };
    let (code, rest) = if pressure {
        let parts = [
            component("8462-4", "Diastolic Blood Pressure", "mm[Hg]"),
            component("8480-6", "Systolic Blood Pressure", "mm[Hg]"),
        ];
        (
            coded("85354-9", "Blood pressure panel with all children optional"),
            format!(r#""component":[{}]"#, parts.join(",")),
        )
    } else if panel {
        let parts: Vec<String> = (0..14)
            .map(|n| component(&format!("930{n:02}-1"), "Question of a form", "{score}"))
            .collect();
        (
            coded("93025-5", "Protocol for Responding to Assets"),
            format!(r#""component":[{}]"#, parts.join(",")),
        )
    } else {
        let value = component("29463-7", "Body Weight", "kg");
        let quantity = value
            .split_once(r#","valueQuantity""#)
            .map_or("", |(_, rest)| rest.trim_end_matches('}'));
        (
            coded("29463-7", "Body Weight"),
            format!(r#""valueQuantity"{quantity}}}"#),
        )
    };
    writeln!(
        out,
        r#"{{"resourceType":"Observation","id":"{id}",{},"status":"final","category":[{{"coding":[{{"system":"http://terminology.hl7.org/CodeSystem/observation-category","code":"vital-signs","display":"Vital signs"}}]}}],{code},"subject":{{"reference":"Patient/{patient}"}},"encounter":{{"reference":"Encounter/{encounter}"}},"effectiveDateTime":"{date}","issued":"{date}",{rest}}}"#,
        meta("us-core-observation-lab"),
    )
}
