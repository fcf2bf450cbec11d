//! What can be read without a guess is read, and marked, so that nobody takes it for what came.

use fhir_crack::{ForeignBytes, Options, Repaired, crack_with};

use crate::recovery::{crack, plan};
use crate::tables::lines;

#[test]
fn what_can_be_read_without_a_guess_is_read_and_marked() {
    for (page, family, what) in [
        (
            r#"{"resourceType":"Patient","name":[{"family":"a\ud83d"}]}"#,
            "[1.1]a\u{fffd}",
            Repaired::Surrogate,
        ),
        (
            r#"{"resourceType":"Patient","name":[{"family":"\ude00\ud83d\ude00"}]}"#,
            "[1.1]\u{fffd}\u{1f600}",
            Repaired::Surrogate,
        ),
        (
            r#"{"resourceType":"Patient","name":[{"family":"a\u0000b"}]}"#,
            "[1.1]a\u{fffd}b",
            Repaired::Nul,
        ),
        (
            "{\"resourceType\":\"Patient\",\"name\":[{\"family\":\"a\0b\"}]}",
            "[1.1]a\u{fffd}b",
            Repaired::Nul,
        ),
        (
            r#"<Patient><name><family value="a&#0;b"/></name></Patient>"#,
            "[1.1]a\u{fffd}b",
            Repaired::Nul,
        ),
        (
            r#"<Patient><name><family value="a&#xD83D;b"/></name></Patient>"#,
            "[1.1]a\u{fffd}b",
            Repaired::Character,
        ),
    ] {
        let cracked = crack(page.as_bytes());
        assert_eq!(lines(&cracked.batches[0]), [format!("-|{family}")], "{page}");
        let repairs = cracked.batches[0].repairs();
        assert_eq!(
            (repairs.len(), repairs[0].row, repairs[0].column, repairs[0].what),
            (1, 0, 1, what),
            "{page}"
        );
        assert_eq!(
            (cracked.summary.repaired, cracked.summary.rejected),
            (1, 0),
            "{page}"
        );
    }
    let pair = r#"<Patient><name><family value="&#xD83D;&#xDE00;"/></name></Patient>"#;
    let cracked = crack(pair.as_bytes());
    assert_eq!(
        (lines(&cracked.batches[0]), cracked.summary.repaired),
        (vec!["-|[1.1]\u{1f600}".to_owned()], 0)
    );
    let mut options = Options::default();
    options.foreign_bytes = ForeignBytes::Latin1;
    let latin = b"{\"resourceType\":\"Patient\",\"id\":\"1\",\"name\":[{\"family\":\"K\xe4se\"}]}";
    let cracked = crack_with(latin, &plan(), options).unwrap();
    assert_eq!(lines(&cracked.batches[0]), ["[1]1|[1.1]K\u{e4}se"]);
    assert_eq!(cracked.batches[0].repairs()[0].what, Repaired::Latin1);
}

#[test]
fn marks_stay_with_their_rows() {
    let page = r#"{"resourceType":"Patient","id":"1"}
{"resourceType":"Patient","id":"1"}
{"resourceType":"Patient","id":"2","name":[{"family":"\ud83d"}]}"#;
    let cracked = crack(page.as_bytes());
    assert_eq!(cracked.batches[0].rows(), 2);
    assert_eq!(cracked.batches[0].repairs()[0].row, 1);
}
