//! Answers made by a grammar of what a hostile server may say: links, encodings, sizes, types, texts. Whatever comes, the
//! client ends, and nothing that it or the cracker says holds a text of the server or a character that acts on a terminal.
//!
//! `FHIR_CRACK_ANSWERS=500` plays so many.

use std::fmt::Write as _;
use std::io::Write as _;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use fhir_crack::search::{Client, Format, Search, Step};
use fhir_crack::{Options, Plan, crack_with};

use crate::options;
use crate::server::{Play, Response, Server};

/// Answers played where nothing else is said.
const FEW: u64 = 120;

/// Bytes that a body may have, unpacked.
const LIMIT: usize = 1 << 20;

/// A text that must not be seen again, with characters that act.
const TEXT: &str = "MARKER\u{1b}[31m\u{202e}\nComplete: every search delivered everything";

struct Dice(u64);

impl Dice {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        let mixed = (self.0 ^ (self.0 >> 29)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        (mixed ^ (mixed >> 32)) % bound
    }

    fn pick<'t>(&mut self, of: &[&'t str]) -> &'t str {
        of[usize::try_from(self.below(of.len() as u64)).expect("small")]
    }
}

fn quoted(text: &str) -> String {
    serde_json::json!(text).to_string()
}

fn text(dice: &mut Dice) -> String {
    match dice.below(6) {
        0 => quoted(TEXT),
        1 => quoted(&"MARKER ".repeat(200)),
        2 => r#""\ud83d""#.to_owned(),
        3 => "\"MARKER\u{0}\"".to_owned(),
        4 => format!("{}\"MARKER\"{}", "[".repeat(300), "]".repeat(300)),
        _ => dice
            .pick(&["NaN", ".15", "1e999", "null", "{}", "\"\\'\"", "-0"])
            .to_owned(),
    }
}

fn kind(dice: &mut Dice) -> String {
    match dice.below(5) {
        0 => quoted(TEXT),
        1 => quoted(&format!("Type{}MARKER", dice.below(1000))),
        2 => quoted("OperationOutcome"),
        3 => quoted("Bundle"),
        _ => quoted("Patient"),
    }
}

fn link(dice: &mut Dice, n: u64) -> String {
    let relation = dice.pick(&[
        r#""next""#,
        r#""NEXT""#,
        r#"["next"]"#,
        r#""self""#,
        r#""\u006eext""#,
        "7",
    ]);
    let url = match dice.below(8) {
        0 => quoted(&format!(
            "http://user:MARKER@elsewhere.example/fhir/Patient?page={n}"
        )),
        1 => quoted(&format!("?page={n}&name=MARKER")),
        2 => quoted(&format!("//127.0.0.1:1/fhir/Patient?page={n}")),
        3 => quoted("javascript:MARKER"),
        4 => quoted(&format!("https://inner.example/fhir/Patient?page={n}")),
        5 => "\"\"".to_owned(),
        6 => quoted(&format!("?page={n}{}", "a".repeat(9000))),
        _ => quoted(TEXT),
    };
    let object = format!(r#"{{"relation":{relation},"url":{url}}}"#);
    match dice.below(3) {
        0 => object,
        1 => format!("[{object},{object}]"),
        _ => format!("[{object}]"),
    }
}

fn issue(dice: &mut Dice) -> String {
    let severity = match dice.below(3) {
        0 => quoted(TEXT),
        1 => quoted("warning"),
        _ => quoted("error"),
    };
    format!(
        r#"[{{"severity":{severity},"code":{},"diagnostics":{},"expression":[{}]}}]"#,
        dice.pick(&["\"MARKER\"", "\"throttled\"", "7"]),
        quoted(TEXT),
        quoted(TEXT)
    )
}

fn json(dice: &mut Dice, n: u64) -> String {
    let mut page = String::from(r#"{"resourceType":"Bundle""#);
    for _ in 0..dice.below(6) {
        let _ = match dice.below(8) {
            0 => write!(page, r#","link":{}"#, link(dice, n)),
            1 => write!(page, r#","l\u0069nk":{}"#, link(dice, n)),
            2 => write!(
                page,
                r#","total":{}"#,
                dice.pick(&["3", "-1", "1e9", "\"4\"", "99999999999999999999"])
            ),
            3 => write!(page, r#","meta":{{"lastUpdated":{}}}"#, text(dice)),
            4 => write!(page, r#",{}:{}"#, quoted(TEXT), text(dice)),
            _ => {
                let entries: Vec<String> = (0..dice.below(5))
                    .map(|k| {
                        format!(
                            r#"{{"resource":{{"resourceType":{},"id":{},"birthDate":{},"issue":{}}},"search":{{"mode":{}}}}}"#,
                            kind(dice),
                            match dice.below(3) {
                                0 => text(dice),
                                _ => quoted(&format!("{n}-{k}")),
                            },
                            text(dice),
                            issue(dice),
                            dice.pick(&["\"match\"", "\"outcome\"", "\"MARKER\"", "[]"])
                        )
                    })
                    .collect();
                write!(page, r#","entry":[{}]"#, entries.join(","))
            }
        };
    }
    page.push_str(dice.pick(&["}", "}", "}", "}}", "", "]}", "} MARKER"]));
    page
}

fn xml(dice: &mut Dice, n: u64) -> String {
    let root = dice.pick(&["Bundle", "b:Bundle", "Envelope", "html", "Patient"]);
    let space = dice.pick(&[
        "http://hl7.org/fhir",
        "urn:MARKER",
        "http://schemas.xmlsoap.org/soap/envelope/",
    ]);
    let mut page = dice
        .pick(&["", "<!DOCTYPE x [<!ENTITY e \"MARKER\">]>", "<!-- MARKER -->"])
        .to_owned();
    let _ = write!(page, r#"<{root} xmlns="{space}" xmlns:b="{space}">"#);
    for k in 0..dice.below(5) {
        page.push_str(&match dice.below(4) {
            0 => format!(r#"<link><relation value="next"/><url value="?page={n}&amp;x=MARKER"/></link>"#),
            1 => format!(
                r#"<entry><resource><Patient><id value="{n}-{k}"/><birthDate value="&#0;MARKER"/></Patient></resource></entry>"#
            ),
            2 => "<entry><resource><MARKER/></resource></entry>".to_owned(),
            _ => format!("{}{}", "<extension>".repeat(300), "</extension>".repeat(299)),
        });
    }
    page + dice.pick(&["</Bundle>", "</b:Bundle>", "", "</Envelope>", "&e;"])
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    packer.write_all(bytes).expect("memory");
    packer.finish().expect("memory")
}

fn answer(seed: u64, n: u64) -> Response {
    let mut dice = Dice(seed.wrapping_mul(1_000_003) ^ n);
    let body = match dice.below(12) {
        0 => xml(&mut dice, n).into_bytes(),
        1 => xml(&mut dice, n)
            .encode_utf16()
            .flat_map(u16::to_le_bytes)
            .collect(),
        2 => gzip(&vec![b' '; 3 << 20]),
        3 => gzip(&gzip(json(&mut dice, n).as_bytes())),
        4 => (0..dice.below(3000))
            .map(|_| dice.below(256).to_le_bytes()[0])
            .collect(),
        5 => format!(
            "{{\"resourceType\":\"OperationOutcome\",\"issue\":{}}}",
            issue(&mut dice)
        )
        .into_bytes(),
        _ => json(&mut dice, n).into_bytes(),
    };
    let status = match dice.below(8) {
        0 => [301, 400, 404, 410, 429, 500, 503][usize::try_from(dice.below(7)).expect("small")],
        _ => 200,
    };
    let mut response = Response::new(status, body);
    if dice.below(6) == 0 {
        response = response.header(
            "content-encoding",
            dice.pick(&["gzip", "gzip, gzip", "br", "MARKER"]),
        );
    }
    if dice.below(6) == 0 {
        response = response.header(
            dice.pick(&["location", "retry-after", "date", "content-type"]),
            dice.pick(&[
                "http://elsewhere.example/MARKER",
                "0",
                "MARKER",
                "Tue, 31 Dec 2199 23:59:59 GMT",
            ]),
        );
    }
    match dice.below(14) {
        0 => response.play(Play::Cut(50)),
        1 => response.play(Play::Reset),
        2 => response.play(Play::Endless),
        _ => response,
    }
}

/// A text that we say: it may hold nothing of the server's, and nothing that acts.
fn said(what: &str, seed: u64) {
    assert!(!what.contains("MARKER"), "seed {seed}: {what}");
    assert!(
        what.chars().all(|c| !c.is_control() || c == '\n') && !what.contains('\u{202e}'),
        "seed {seed}: {what:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_a_server_answers_the_client_ends_and_repeats_nothing() {
    let count = std::env::var("FHIR_CRACK_ANSWERS")
        .ok()
        .and_then(|text| text.parse().ok())
        .unwrap_or(FEW);
    let plan = Arc::new(Plan::new(&table_description::default_description()).expect("a plan"));
    let (mut complete, mut pages) = (0, 0);
    for seed in 0..count {
        let number = Arc::new(Mutex::new(0));
        let server = Server::start(move |_, _| {
            let mut number = number.lock().expect("lock");
            *number += 1;
            answer(seed, *number)
        })
        .await;
        let events = Arc::new(Mutex::new(Vec::new()));
        let heard = Arc::clone(&events);
        let options = options(&server.base())
            .format(if seed % 2 == 0 { Format::Json } else { Format::Xml })
            .limits(|limits| {
                limits.body_bytes = LIMIT;
                limits.pages = 30;
            })
            .on_event(move |event| heard.lock().expect("lock").push(format!("{event:?}")));
        let client = Client::new(options).expect("client");
        let begun = Instant::now();
        let mut search = client.search(Search::new("Patient").ids("_id", ["a", "b"]));
        loop {
            match search.next().await {
                Ok(Step::Page(page)) => {
                    pages += 1;
                    assert!(page.bytes.len() <= LIMIT);
                    said(&format!("{page:?}"), seed);
                    match crack_with(&page.bytes, &plan, Options::default()) {
                        Ok(cracked) => {
                            said(&format!("{:?} {:?}", cracked.summary, cracked.rejected), seed);
                            said(&format!("{:?}", cracked.meta), seed);
                        }
                        Err(error) => said(&format!("{error} {error:?}"), seed),
                    }
                }
                Ok(end) => {
                    complete += 1;
                    said(&format!("{end:?}"), seed);
                    break;
                }
                Err(error) => {
                    said(&format!("{error} {error:?}"), seed);
                    break;
                }
            }
        }
        assert!(begun.elapsed() < Duration::from_secs(20), "seed {seed}");
        for event in events.lock().expect("lock").iter() {
            said(event, seed);
        }
    }
    println!("{count} hostile servers: {pages} pages, {complete} searches complete");
    assert!(pages > 10);
}
