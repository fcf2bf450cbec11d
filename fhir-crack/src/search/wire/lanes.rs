use std::sync::Mutex;
use std::time::{Duration, Instant};

use tokio::sync::Notify;

/// How many requests may be on their way to one server, found by trying.
///
/// Every answer in good time lets the limit grow a little (by one a round of requests), every sign of overload (429,
/// 503, a time-out) halves it, a time to the first byte that rises well above the usual one lowers it by a tenth. So
/// the client finds what the server bears and comes back when it has recovered. One lane always stays open.
pub(crate) struct Lanes {
    state: Mutex<State>,
    freed: Notify,
    most: f64,
}

struct State {
    limit: f64,
    busy: u32,
    usual: Option<f64>,
    last_cut: Option<Instant>,
}

/// One request's place; gives it back when dropped.
pub(crate) struct Lane<'a> {
    lanes: &'a Lanes,
}

/// How a request went, as far as the server's load shows in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Signal {
    /// Answered; time to the head of the answer.
    Answered(Duration),
    /// The server said or showed that it has too much to do.
    Overload,
}

/// After a cut, the requests already on their way still tell of the old load; they cut nothing for this long.
const REST: Duration = Duration::from_millis(500);
/// A time to the first byte this many times the usual one counts as rising load.
const SLOW: f64 = 3.0;
/// Below this, times differ for reasons other than load.
const FLOOR: f64 = 0.05;

impl Lanes {
    pub(crate) fn new(most: u32) -> Lanes {
        let most = f64::from(most.max(1));
        Lanes {
            state: Mutex::new(State {
                limit: most.min(4.0),
                busy: 0,
                usual: None,
                last_cut: None,
            }),
            freed: Notify::new(),
            most,
        }
    }

    /// Waits for a lane.
    pub(crate) async fn enter(&self) -> Lane<'_> {
        loop {
            let freed = self.freed.notified();
            {
                let mut state = self.lock();
                if f64::from(state.busy) + 1.0 <= state.limit {
                    state.busy += 1;
                    return Lane { lanes: self };
                }
            }
            freed.await;
        }
    }

    /// Takes note of an answer; gives the new limit where it changed by a whole lane.
    pub(crate) fn learn(&self, signal: Signal) -> Option<u32> {
        let mut state = self.lock();
        let before = state.limit.floor();
        match signal {
            Signal::Overload => state.cut(0.5),
            Signal::Answered(time) => {
                let seconds = time.as_secs_f64();
                let usual = state.usual.unwrap_or(seconds);
                if seconds > FLOOR && seconds > SLOW * usual {
                    state.cut(0.9);
                } else {
                    state.limit = (state.limit + 1.0 / state.limit).min(self.most);
                }
                state.usual = Some(usual * 0.95 + seconds * 0.05);
            }
        }
        let after = state.limit.floor();
        drop(state);
        if after > before {
            self.freed.notify_waiters();
        }
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "between 1 and a u32"
        )]
        if after == before { None } else { Some(after as u32) }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        self.state
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

impl State {
    fn cut(&mut self, factor: f64) {
        let now = Instant::now();
        if self.last_cut.is_none_or(|last| now.duration_since(last) >= REST) {
            self.limit = (self.limit * factor).max(1.0);
            self.last_cut = Some(now);
        }
    }
}

impl Drop for Lane<'_> {
    fn drop(&mut self) {
        self.lanes.lock().busy -= 1;
        self.lanes.freed.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn overload_halves_and_answers_recover() {
        let lanes = Lanes::new(8);
        let quick = Signal::Answered(Duration::from_millis(10));
        for _ in 0..100 {
            lanes.learn(quick);
        }
        assert_eq!(lanes.lock().limit.floor(), 8.0);
        assert_eq!(lanes.learn(Signal::Overload), Some(4));
        assert_eq!(
            lanes.learn(Signal::Overload),
            None,
            "requests of the same burst cut once"
        );
        for _ in 0..100 {
            lanes.learn(quick);
        }
        assert_eq!(lanes.lock().limit.floor(), 8.0);
    }

    #[test]
    fn rising_latency_lowers_by_a_tenth() {
        let answered = |millis| Signal::Answered(Duration::from_millis(millis));
        let lanes = Lanes::new(8);
        for _ in 0..100 {
            lanes.learn(answered(60));
        }
        assert_eq!(lanes.learn(answered(170)), None, "slower, but not three times");
        assert_eq!(lanes.learn(answered(400)), Some(7));
        assert_eq!(lanes.lock().limit, 8.0 * 0.9);
        assert_eq!(lanes.learn(answered(400)), None, "the same rise cuts once");

        // times below the floor differ by chance
        let quick = Lanes::new(8);
        for _ in 0..100 {
            quick.learn(answered(1));
        }
        assert_eq!(quick.learn(answered(40)), None);
        assert_eq!(quick.lock().limit, 8.0);
    }

    #[tokio::test]
    async fn one_lane_stays_open_and_is_given_back() {
        let lanes = Lanes::new(0);
        let lane = lanes.enter().await;
        assert!(
            tokio::time::timeout(Duration::from_millis(20), lanes.enter())
                .await
                .is_err()
        );
        drop(lane);
        let _again = lanes.enter().await;
    }
}
