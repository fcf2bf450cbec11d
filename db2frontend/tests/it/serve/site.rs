//! A hub with a few cases, somebody who may log in, and the pages over it.

use std::net::SocketAddr;

use cds_hub::{Hub, HubOptions};
use db2frontend::Dictionary;
use db2frontend::serve::{ServeOptions, Server};
use sqlx::AssertSqlSafe;
use tempfile::TempDir;
use tokio::sync::oneshot;

use crate::server::TestHub;

/// Labels as dictionaries have them, hostile ones among them.
pub(super) const DICTIONARY: &str = r#"Variable / Field Name,Form Name,Section Header,Field Type,Field Label,"Choices, Calculations, OR Slider Labels",Field Note,Text Validation Type OR Show Slider Number,Text Validation Min,Text Validation Max,Identifier?,"Branching Logic (Show field only if...)",Required Field?,Custom Alignment,Question Number (surveys only),Matrix Group Name,Matrix Ranking?,Field Annotation
record_id,patient,,text,Record,,,,,,,,,,,,,
pat_name,patient,,text,<b>Family</b> name,,,,,,y,,,,,,,
pat_vorname,patient,,text,Given names,,,,,,y,,,,,,,
pat_gebdat,patient,,text,Born,,,date_ymd,,,y,,,,,,,
pat_geschlecht,patient,,radio,Sex,"female, Female | male, Male",,,,,,,,,,,,
fall_fhir_enc_id,fall,,text,Encounter,,,,,,,,,,,,,@READONLY
fall_id,fall,,text,Case,,,,,,,,y,,,,,
fall_station,fall,,text,Ward,,,,,,,,,,,,,
fall_aufn_dat,fall,Stay,text,Admitted,,,datetime_ymd,,,,,,,,,,
fall_aufn_diag,fall,,notes,Diagnoses,,"<script>alert('note')</script>",,,,,,,,,,,
fall_gewicht_aktuell,fall,Measures,text,Weight (kg) <script>alert('label')</script>,,,number,,,,,,,,,,
fall_bmi,fall,,calc,Body mass index,[fall_gewicht_aktuell] / 2,,,,,,,,,,,,
fall_zimmernr,fall,,text,Room,,,,,,,,,,,,,@HIDDEN
meda_typ,medikationsanalyse,,dropdown,Kind,"1, Admission | 2, Discharge & ""later"" | 3, <img src=x onerror=alert('choice')>",,,,,,,y,,,,,
meda_dat,medikationsanalyse,,text,When,,,datetime_seconds_ymd,,,,,,,,,,
meda_mrp_detekt,medikationsanalyse,,yesno,Problem found?,,,,,,,,,,,,,
meda_words,medikationsanalyse,,descriptive,Say what was found,,,,,,,[meda_mrp_detekt] = '1',,,,,,
meda_notiz,medikationsanalyse,Finding,notes,Note,,What you found,,,,,[meda_mrp_detekt] = '1',,,,,,
meda_aufwand_zeit_and,medikationsanalyse,,text,Minutes,,,integer,,,,[meda_typ] = '2' and [meda_mrp_detekt] <> '1',,,,,,
"#;

/// A value that must never become markup.
pub(super) const EVIL: &str =
    "\"'><script>document.title='owned'</script><img src=x onerror=\"document.title='owned'\">";

/// Pages that are served.
pub(super) struct Pages {
    pub(super) t: TestHub,
    pub(super) address: SocketAddr,
    pub(super) directory: TempDir,
    stop: Option<oneshot::Sender<()>>,
}

/// Password of the frontend's role.
pub(super) const PASSWORD: &str = "only for this test";

/// Name and password of who may log in.
pub(super) const ANNA: (&str, &str) = ("anna of the ward", "right horse, wrong battery");

/// Somebody who may log in and somebody who may not, made once a server.
pub(crate) async fn make_roles(hub: &Hub) {
    // Roles belong to the whole server, which may have them from an earlier run.
    for (role, password, member) in [
        (ANNA.0, ANNA.1, "db2frontend_user"),
        ("stranger", "also a password", "cds2db_user"),
    ] {
        let sql = format!(
            "DO $$ BEGIN CREATE ROLE \"{role}\" LOGIN; EXCEPTION WHEN duplicate_object THEN NULL; END $$; \
             ALTER ROLE \"{role}\" PASSWORD '{password}'; GRANT {member} TO \"{role}\""
        );
        sql_of(hub, &sql).await;
    }
    hub.set_password("db2frontend_user", PASSWORD).await.unwrap();
}

impl Pages {
    pub(super) async fn new() -> Self {
        let t = TestHub::new().await;
        let this = Self {
            address: SocketAddr::from(([127, 0, 0, 1], 0)),
            directory: tempfile::tempdir().unwrap(),
            stop: None,
            t,
        };
        this.fhir(80.5).await;
        this.serve().await
    }

    async fn serve(mut self) -> Self {
        let host = self.t.url.split_once('@').unwrap().1;
        let mut login = HubOptions::new(format!("postgres://db2frontend_user@{host}"));
        login.password = Some(PASSWORD.to_owned());
        let hub = Hub::open(&login).await.unwrap();
        let file = self.directory.path().join("dictionary.csv");
        std::fs::write(&file, DICTIONARY).unwrap();
        let dictionary = Dictionary::read(&file).unwrap();
        let mut options = ServeOptions::new(self.directory.path().join("pages"));
        options.listen.set_port(0);
        let server = Server::bind(hub, login, dictionary, &options).await.unwrap();
        self.address = server.address();
        let (stop, stopped) = oneshot::channel();
        self.stop = Some(stop);
        tokio::spawn(server.run(async move { drop(stopped.await) }));
        self
    }

    /// What the dataprocessor writes in each of its runs: two patients, one with two cases.
    pub(super) async fn fhir(&self, weight: f64) {
        let lock = self
            .t
            .hub
            .lock("dataprocessor", "dataprocessor:test")
            .await
            .unwrap();
        let sql = format!(
            "INSERT INTO db2dataprocessor_in.patient_fe (record_id, pat_id, pat_name, pat_vorname, pat_gebdat, pat_geschlecht, patient_complete) VALUES \
             ('1', 'p1', 'Alpha', 'Anne', '1950-05-05', 'Female', 'Complete'), ('2', 'p2', $evil${EVIL}$evil$, 'Bert', '1960-06-06', 'diverse', NULL); \
             INSERT INTO db2dataprocessor_in.fall_fe (record_id, redcap_repeat_instrument, redcap_repeat_instance, fall_fhir_enc_id, fall_pat_id, fall_id, fall_station, fall_aufn_dat, fall_aufn_diag, fall_gewicht_aktuell, fall_zimmernr, fall_complete) VALUES \
             ('1', 'fall', '1', 'e1', 'p1', 'F-1', 'Ward A', '2026-01-01 10:00:00', E'first line\\nsecond line', {weight}, '12', 'Incomplete'), \
             ('1', 'fall', '2', 'e2', 'p1', 'F-2', 'Ward B', '2026-02-01 11:30:00', NULL, NULL, NULL, 'Unverified'), \
             ('2', 'fall', '1', 'e3', 'p2', 'F-3', $evil${EVIL}$evil$, '2026-03-01 12:00:00', $evil${EVIL}$evil$, NULL, NULL, NULL)"
        );
        sql_of(&self.t.hub, &sql).await;
        lock.release(false).await.unwrap();
        // The lock's next holder moves what lies in the inboxes.
        let lock = self
            .t
            .hub
            .lock("dataprocessor", "dataprocessor:test")
            .await
            .unwrap();
        lock.release(true).await.unwrap();
    }

    /// One cell of the newest version of a row.
    pub(super) async fn cell(
        &self,
        form: &str,
        record: &str,
        instance: Option<u32>,
        column: &str,
    ) -> Option<String> {
        let sql = format!(
            "SELECT {column}::text FROM db2frontend_out.v_{form}_fe_last_version WHERE record_id = $1 \
             AND redcap_repeat_instance IS NOT DISTINCT FROM $2"
        );
        let found: Vec<Option<String>> = sqlx::query_scalar(AssertSqlSafe(sql))
            .bind(record)
            .bind(instance.map(|number| number.to_string()))
            .fetch_all(self.t.hub.pool())
            .await
            .unwrap();
        assert!(found.len() <= 1, "{} newest versions of one row", found.len());
        found.into_iter().next().flatten()
    }

    /// How many versions of rows a form has.
    pub(super) async fn versions(&self, form: &str) -> i64 {
        let sql = format!("SELECT count(*) FROM db_log.{form}_fe");
        sqlx::query_scalar(AssertSqlSafe(sql))
            .fetch_one(self.t.hub.pool())
            .await
            .unwrap()
    }
}

impl Drop for Pages {
    fn drop(&mut self) {
        if let Some(stop) = self.stop.take() {
            // An error says that it has ended already.
            let _ended = stop.send(());
        }
    }
}

async fn sql_of(hub: &Hub, sql: &str) {
    sqlx::raw_sql(AssertSqlSafe(sql.to_owned()))
        .execute(hub.pool())
        .await
        .unwrap();
}
