//! Writes a form back, as records of REDCap are written: into the inbox, under the hub's lock.

use std::collections::BTreeMap;
use std::time::Duration;

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use cds_hub::semaphore::{Lock, LockOptions};
use web_pages::{Notice, Session, Submission};

use super::answers::{Answers, Changed};
use super::changes::Change;
use super::entry::{Place, Remarks, STAMP, Segments};
use super::layout;
use super::row::newest;
use super::site::{Pages, User};
use crate::Result;
use crate::hub::{Copy, deliver};
use crate::import::MODULE;

/// How long a page waits for the hub's lock.
const PATIENCE: Duration = Duration::from_secs(20);

/// How a save ended that the hub did not refuse.
enum Ended {
    /// Stored, as this repetition.
    Stored(Option<u32>),
    /// Somebody else stored the form meanwhile.
    Overtaken,
    /// Others held the lock too long.
    Busy,
}

/// Stores the answers that were sent.
pub(super) async fn save(
    State(pages): State<Pages>,
    Path(segments): Path<Segments>,
    submission: Submission<User>,
) -> Response {
    let session = &submission.session;
    let place = match Place::find(&pages, segments.clone()).await {
        Ok(Some(place)) => place,
        Ok(None) => return layout::missing(&pages, session),
        Err(error) => return layout::failure(&pages, session, &error),
    };
    let answers = Answers::of_row(place.sheet, &place.row).with(place.sheet, &submission.pairs);
    let again = |status: StatusCode, notice: Option<Notice>, faults: BTreeMap<String, String>| {
        let remarks = Remarks { notice, faults };
        place
            .page(&pages, session, &answers, remarks)
            .status(status)
            .into_response()
    };
    if !submission.get("_again").is_empty() {
        return again(StatusCode::OK, None, BTreeMap::new());
    }
    if submission.get(STAMP) != place.row.stamp() {
        return overtaken(&pages, session, &place, &answers);
    }
    let hidden = answers.hidden(place.sheet, &place.others);
    let (cells, changed) = match answers.changes(place.sheet, &place.row, &hidden) {
        Ok(changes) => changes,
        Err(faults) => {
            let words = format!("{} answers cannot be stored. Nothing was saved.", faults.len());
            return again(StatusCode::UNPROCESSABLE_ENTITY, Some(Notice::Bad(words)), faults);
        }
    };
    if changed.is_empty() {
        return again(
            StatusCode::OK,
            Some(Notice::Plain("Nothing was changed.".to_owned())),
            BTreeMap::new(),
        );
    }
    match store(&pages, session, &place, cells, &changed).await {
        Ok(Ended::Stored(instance)) => {
            let path = layout::path(&place.record, &place.sheet.form.name, instance);
            Redirect::to(&format!("{path}?saved={}", changed.len())).into_response()
        }
        Ok(Ended::Busy) => {
            let words =
                "The hub is being written by another program. Nothing was saved; try again in a moment.";
            again(
                StatusCode::SERVICE_UNAVAILABLE,
                Some(Notice::Bad(words.to_owned())),
                BTreeMap::new(),
            )
        }
        Ok(Ended::Overtaken) => match Place::find(&pages, segments).await {
            Ok(Some(place)) => overtaken(&pages, session, &place, &answers),
            Ok(None) => layout::missing(&pages, session),
            Err(error) => layout::failure(&pages, session, &error),
        },
        Err(error) => layout::failure(&pages, session, &error),
    }
}

/// The form again, with the answers that were sent; where the hub has others now, they stand beside them.
fn overtaken(pages: &Pages, session: &Session<User>, place: &Place<'_>, answers: &Answers) -> Response {
    let stored = Answers::of_row(place.sheet, &place.row);
    let columns = place.sheet.table.columns.iter().map(|column| &column.name);
    let faults: BTreeMap<String, String> = columns
        .filter(|column| stored.get(column) != answers.get(column))
        .map(|column| {
            let value = stored.get(column);
            let now = if value.is_empty() { "empty" } else { value };
            (column.clone(), format!("In the hub this is now: {now}"))
        })
        .collect();
    let words = "This form was stored by somebody else since you opened it. Nothing of yours was saved. Your answers stand \
                 below, and where the hub has others it says so; saving now puts yours in their place.";
    let remarks = Remarks {
        notice: Some(Notice::Bad(words.to_owned())),
        faults,
    };
    place
        .page(pages, session, answers, remarks)
        .status(StatusCode::CONFLICT)
        .into_response()
}

async fn store(
    pages: &Pages,
    session: &Session<User>,
    place: &Place<'_>,
    cells: Vec<Option<String>>,
    changed: &[Changed],
) -> Result<Ended> {
    let options = LockOptions {
        patience: Some(PATIENCE),
        ..LockOptions::default()
    };
    let lock = match pages.hub.lock_with(MODULE, "db2frontend:page", options).await {
        Ok(lock) => lock,
        Err(error) if error.kind() == cds_hub::ErrorKind::Locked => return Ok(Ended::Busy),
        Err(error) => return Err(error.into()),
    };
    let result = store_under(pages, session, place, cells, changed, &lock).await;
    // Nothing of ours waits in the inbox now, whether it succeeded or not.
    let released = lock.release(true).await;
    let ended = result?;
    released?;
    Ok(ended)
}

async fn store_under(
    pages: &Pages,
    session: &Session<User>,
    place: &Place<'_>,
    mut cells: Vec<Option<String>>,
    changed: &[Changed],
    lock: &Lock,
) -> Result<Ended> {
    let sheet = place.sheet;
    let rows = newest(&pages.hub, sheet, Some(&place.record)).await?;
    let instance = if place.is_new {
        // A repetition keeps its number for ever: the next one comes behind all there are.
        Some(rows.iter().filter_map(|row| row.instance).max().unwrap_or(0) + 1)
    } else {
        let now = rows
            .iter()
            .find(|row| row.instance == place.instance)
            .cloned()
            .unwrap_or_default();
        if now.stamp() != place.row.stamp() {
            return Ok(Ended::Overtaken);
        }
        place.instance
    };
    let state = sheet.form.complete_field();
    for (column, cell) in sheet.table.columns.iter().zip(&mut cells) {
        match column.name.as_str() {
            "record_id" => *cell = Some(place.record.clone()),
            "redcap_repeat_instrument" => *cell = instance.map(|_| sheet.form.name.clone()),
            "redcap_repeat_instance" => *cell = instance.map(|number| number.to_string()),
            // Who may see a record in REDCap is REDCap's affair, as in its import.
            "redcap_data_access_group" => *cell = None,
            name if name.starts_with("db_filter_") => *cell = None,
            name if name == state && cell.is_none() => *cell = incomplete(place),
            _ => {}
        }
    }
    let mut copy = Copy::default();
    copy.push(cells.iter().map(Option::as_deref));
    let change = Change::new(
        &session.user.name,
        &place.record,
        &sheet.form.name,
        instance,
        changed,
    );
    pages.changes.begun(&change)?;
    deliver(&pages.hub, lock, &[(&*sheet.table, copy)]).await?;
    pages.changes.stored(&change)?;
    Ok(Ended::Stored(instance))
}

/// The first state of a form, as the hub writes it.
fn incomplete(place: &Place<'_>) -> Option<String> {
    let at = place.sheet.position(&place.sheet.form.complete_field())?;
    let zone = table_description::typing::Zone::berlin();
    place.sheet.codec(at)?.to_hub("0", &zone).ok().flatten()
}
