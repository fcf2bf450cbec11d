//! A project of the test server with the forms of the hub, and the exchange with it.

use std::fmt::Write as _;
use std::time::Duration;

use db2frontend::Config;
use db2frontend::api::{Client, Limits, Options, Token};
use db2frontend::export::{Exported, export};
use db2frontend::frontend::{Frontend, Redcap};
use db2frontend::import::{Imported, import};
use fixtures::redcap::{Dictionary, RedcapOptions, RedcapProject, RedcapServer, StoredRow};
use table_description::{FhirType, default_frontend};

use crate::server::TestHub;

pub(crate) const REPEATING: [&str; 4] = [
    "fall",
    "medikationsanalyse",
    "mrpdokumentation_validierung",
    "retrolektive_mrpbewertung",
];

/// The dictionary of the hub's seven forms: computed fields, choices, options, dates to the minute and to the second.
pub(crate) fn dictionary() -> String {
    let mut text = String::from(
        "field_name,form_name,section_header,field_type,field_label,select_choices_or_calculations,field_note,\
         text_validation_type_or_show_slider_number,text_validation_min,text_validation_max,identifier,branching_logic,\
         required_field,custom_alignment,question_number,matrix_group_name,matrix_ranking,field_annotation\n",
    );
    let mut line = |name: &str, form: &str, kind: &str, choices: &str, validation: &str| {
        let _ = writeln!(
            text,
            "{name},{form},,{kind},Label of {name},\"{choices}\",,{validation},,,,,,,,,,"
        );
    };
    for table in default_frontend().tables {
        let form = table.name.trim_end_matches("_fe");
        if form == "patient" {
            line("record_id", form, "text", "", "");
        }
        let mut last = String::new();
        for column in table.columns.iter().skip(4) {
            let name = column.name.as_str();
            if name == format!("{form}_complete") {
                continue;
            }
            if let Some((field, _)) = name.split_once("___") {
                if last != field {
                    let codes = table
                        .columns
                        .iter()
                        .filter_map(|c| c.name.strip_prefix(&format!("{field}___")));
                    let options: Vec<String> = codes.map(|code| format!("{code}, Option {code}")).collect();
                    line(field, form, "checkbox", &options.join(" | "), "");
                }
                last = field.to_owned();
                continue;
            }
            match (name, column.fhir_type) {
                ("pat_aktuell_alter" | "fall_bmi", _) => line(name, form, "calc", "1+1", ""),
                (name, _) if name.starts_with("db_filter") => line(name, form, "calc", "1+1", ""),
                ("meda_mrp_detekt", _) => line(name, form, "radio", "1, Ja | 0, Nein", ""),
                ("meda_typ", _) => line(name, form, "dropdown", "a, erste | b, weitere | c, weitere", ""),
                ("fall_aufn_dat", _) => line(name, form, "text", "", "datetime_ymd"),
                (_, FhirType::DateTime) => line(name, form, "text", "", "datetime_seconds_ymd"),
                (_, FhirType::Date) => line(name, form, "text", "", "date_ymd"),
                (_, FhirType::Integer) => line(name, form, "text", "", "integer"),
                (_, FhirType::Decimal) => line(name, form, "text", "", "number"),
                _ => line(name, form, "notes", "", ""),
            }
        }
    }
    text
}

pub(crate) fn project() -> RedcapProject {
    let dictionary = Dictionary::read(&dictionary()).expect("a dictionary");
    RedcapProject::new(dictionary).repeating(&REPEATING)
}

pub(crate) fn start() -> RedcapServer {
    RedcapServer::start(project(), RedcapOptions::default()).unwrap()
}

pub(crate) fn options(server: &RedcapServer) -> Options {
    let mut options = Options::new(server.url(), Token::new(server.token()));
    options.limits = Limits {
        pause: Duration::from_millis(1),
        timeout: Duration::from_secs(20),
        attempts: 8,
        ..Limits::default()
    };
    options
}

pub(crate) async fn open(server: &RedcapServer) -> db2frontend::Result<Frontend> {
    let client = Client::new(options(server))?;
    Ok(Frontend::Redcap(Box::new(Redcap::open(client).await?)))
}

pub(crate) async fn import_from(t: &TestHub, server: &RedcapServer) -> db2frontend::Result<Imported> {
    import(&t.hub, &open(server).await?, &Config::default()).await
}

pub(crate) async fn export_to(t: &TestHub, server: &RedcapServer) -> db2frontend::Result<Exported> {
    export_by(t, server, &Config::default()).await
}

pub(crate) async fn export_by(
    t: &TestHub,
    server: &RedcapServer,
    config: &Config,
) -> db2frontend::Result<Exported> {
    export(&t.hub, &mut open(server).await?, config).await
}

/// A row of a form that the server has.
pub(crate) fn row(server: &RedcapServer, record: &str, repeat: Option<(&str, u32)>) -> Option<StoredRow> {
    let repeat = repeat.map(|(form, n)| (form.to_owned(), n));
    server
        .rows()
        .into_iter()
        .find(|row| row.record == record && row.repeat == repeat)
}

/// A value the server has; empty where it has none.
pub(crate) fn value(server: &RedcapServer, record: &str, repeat: Option<(&str, u32)>, field: &str) -> String {
    row(server, record, repeat)
        .and_then(|row| row.values.get(field).cloned())
        .unwrap_or_default()
}

/// Ids of the server's records in order.
pub(crate) fn records(server: &RedcapServer) -> Vec<String> {
    let mut ids: Vec<String> = server.rows().into_iter().map(|row| row.record).collect();
    ids.dedup();
    ids
}
