//! What a day without any ward patient does.

use site_config::Reader;

/// Whether a run stops before a day without any ward patient empties the case list. Such a day is real in a small
/// hospital and a mistake in most others: a pattern with a typo, a renamed ward, a token with fewer rights.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum EmptyWards {
    /// The first run that finds nobody stops; the next one goes on.
    #[default]
    Stop,
    /// Every run goes on.
    GoOn,
}

impl EmptyWards {
    pub(super) fn read(r: &mut Reader<'_>) -> Self {
        const KEY: &str = "EMPTY_WARDS";
        match r.filled(KEY).map(str::trim) {
            None | Some("stop") => Self::Stop,
            Some("go_on") => Self::GoOn,
            Some(_) => {
                r.fault(KEY, "must be stop or go_on");
                Self::Stop
            }
        }
    }
}
