//! A hub with known content, people who may look at it, and the program that serves the pages.

use std::fs::File;
use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::process::{Child, Command, Output, Stdio};

use cds_hub::Hub;
use tempfile::TempDir;
use test_browser::{Client, Told, form};

use crate::server::{hub_and_url, program};
use crate::sql::run;

/// A patient's name that is nowhere but in cells.
pub(super) const MARKER: &str = "Marker4711";
/// A value that must never become markup.
pub(super) const EVIL: &str = "\"'><script>document.title='owned'</script><img src=x>";
pub(super) const PASSWORD: &str = "right horse, wrong battery";

/// A hub and the pages over it.
pub(super) struct Site {
    pub(super) hub: Hub,
    pub(super) url: String,
    pub(super) address: SocketAddr,
    child: Child,
    folder: TempDir,
}

impl Site {
    /// Served with a limit of so many seconds.
    pub(super) async fn new(seconds: u32) -> Self {
        let (hub, url) = hub_and_url().await;
        content(&hub).await;
        let folder = tempfile::tempdir().unwrap();
        // Without a user and a password: the program has none.
        let place = format!("postgres://{}", url.split_once('@').unwrap().1);
        let mut child = Command::new(program())
            .args([
                "web",
                "--listen",
                "127.0.0.1:0",
                "--timeout",
                &seconds.to_string(),
            ])
            .env("DATABASE_URL", place)
            .env_remove("RUST_LOG")
            .stdout(Stdio::piped())
            .stderr(File::create(folder.path().join("log")).unwrap())
            .spawn()
            .unwrap();
        let mut line = String::new();
        let mut out = BufReader::new(child.stdout.take().unwrap());
        out.read_line(&mut line).unwrap();
        let address = line.trim().trim_start_matches("http://").trim_end_matches('/');
        Self {
            address: address.parse().unwrap_or_else(|_| panic!("no address: {line}")),
            hub,
            url,
            child,
            folder,
        }
    }

    /// Somebody of this name in this database: roles belong to the whole server.
    pub(super) fn named(&self, name: &str) -> String {
        format!("{name} of {}", self.url.rsplit_once('/').unwrap().1)
    }

    /// Makes a role and gives it the rights of `cds-hub web --grant` with these words.
    pub(super) async fn person(&self, name: &str, rights: Option<&[&str]>) -> String {
        let role = self.named(name);
        // The server may have it from an earlier run; rights in this database it has none.
        let make = format!(
            "DO $$ BEGIN CREATE ROLE \"{role}\" LOGIN; EXCEPTION WHEN duplicate_object THEN NULL; END $$;
             ALTER ROLE \"{role}\" PASSWORD '{PASSWORD}'"
        );
        run(&self.hub, &make).await;
        if let Some(more) = rights {
            let mut words = vec!["web", "--grant", &role];
            words.extend(more);
            let done = self.program(&words);
            assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
        }
        role
    }

    /// The program as an administrator runs it.
    pub(super) fn program(&self, words: &[&str]) -> Output {
        Command::new(program())
            .args(words)
            .env("DATABASE_URL", &self.url)
            .output()
            .unwrap()
    }

    /// Somebody who is signed in.
    pub(super) async fn signed_in(&self, role: &str) -> Client {
        let mut client = Client::new(self.address);
        let told = client.log_in(role, PASSWORD).await;
        assert_eq!((told.status, told.location()), (303, "/"), "{}", told.text);
        client
    }

    /// What the program has written into its log.
    pub(super) fn log(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("log")).unwrap()
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// Sends a form of a page with its token.
pub(super) async fn send(client: &Client, page: &str, path: &str, answers: &[(&str, &str)]) -> Told {
    let page = client.get(page).await;
    assert_eq!(page.status, 200, "{}", page.text);
    let mut pairs = vec![("_token", page.hidden("_token"))];
    pairs.extend(answers);
    client.post(path, &form(&pairs)).await
}

/// The cells of the row of a table whose first cell has this text, tags left out.
pub(super) fn cells(page: &str, first: &str) -> Vec<String> {
    let rows = page
        .split("<tr>")
        .map(|row| row.split("</tr>").next().unwrap_or_default());
    let cells = |row: &str| -> Vec<String> {
        row.split("<td ")
            .skip(1)
            .map(|cell| words(cell.split_once('>').map_or("", |(_, rest)| rest)))
            .collect()
    };
    let mut found = rows
        .map(cells)
        .filter(|cells| cells.first().is_some_and(|cell| cell == first));
    found.next().unwrap_or_else(|| panic!("no row {first}: {page}"))
}

/// A text without its tags.
pub(super) fn words(html: &str) -> String {
    let mut out = String::new();
    for (at, part) in html.split('<').enumerate() {
        let text = match at {
            0 => part,
            _ => part.split_once('>').map_or("", |(_, text)| text),
        };
        out.push_str(text);
    }
    out
}

/// Two patients, one in two versions: ten days old, three days, and of now; two rows refused, one that waits, two values without
/// a type.
async fn content(hub: &Hub) {
    for (id, version, name, days) in [("p1", 1, MARKER, 10), ("p2", 1, EVIL, 3), ("p1", 2, MARKER, 0)] {
        run(
            hub,
            &format!(
                "INSERT INTO cds2db_in.patient_raw (pat_id, pat_meta_versionid, pat_name_family)
                 VALUES ('[1]{id}', '[1.1]{version}', $evil$[1.1]{name} {version}$evil$);
                 SELECT db.copy_raw_cds_in_to_db_log();
                 INSERT INTO cds2db_in.patient (patient_raw_id, pat_id, pat_meta_versionid, pat_name_family)
                 SELECT patient_raw_id, '{id}', '{version}', $evil${name} {version}$evil$ FROM cds2db_out.v_patient_raw_diff;
                 SELECT db.copy_type_cds_in_to_db_log(); SELECT db.take_over_last_check_date()"
            ),
        )
        .await;
        let age = format!(
            "UPDATE core.import SET started = started - interval '{days} days', finished = finished - interval '{days} days'
             WHERE finished > now() - interval '1 day'"
        );
        run(hub, &age).await;
    }
    run(
        hub,
        "INSERT INTO cds2db_in.encounter_raw (enc_id) VALUES ('[1]e1');
         ALTER TABLE core.patient_raw ADD CONSTRAINT no_bad CHECK (pat_gender <> '[1]bad');
         INSERT INTO cds2db_in.patient_raw (pat_id, pat_gender) VALUES ('[1]p8', '[1]bad'), ('[1]p9', '[1]bad');
         SELECT db.copy_raw_cds_in_to_db_log();
         INSERT INTO core.defect (table_name, raw_id, column_name, index_path, kind, import_no)
         SELECT 'patient', 1, 'pat_birthdate', n::text, 'not_a_date', max(i.no)
         FROM core.import i, generate_series(1, 2) n GROUP BY n",
    )
    .await;
}
