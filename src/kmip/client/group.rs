//! The group: which of several servers a call goes to, by their order, their load and their health.
//!
//! A server that fails is skipped for a short time, which doubles with each failure in a row. When it is over, one call tries
//! the server again; the others skip it until that call knows more.

use super::settings::Order;
use parking_lot::Mutex;
use std::hash::{BuildHasher, RandomState};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

/// How long a server is skipped after its first failure, and at most.
const FIRST_PAUSE: Duration = Duration::from_millis(250);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// The servers of a client, by their place in the settings.
pub(super) struct Group {
    order: Order,
    troubles: Vec<Mutex<Option<Trouble>>>,
    turn: AtomicUsize,
}

/// Why a server is skipped, and until when.
#[derive(Clone, Debug)]
pub(super) struct Trouble {
    /// Failures in a row; those of calls that were on their way together are one.
    pub failures: u32,
    pub until: Instant,
    pub reason: String,
    /// A call is trying the server.
    tried: bool,
}

impl Trouble {
    pub fn pause_left(&self, now: Instant) -> Duration {
        match self.tried {
            true => Duration::ZERO,
            false => self.until.saturating_duration_since(now),
        }
    }
}

/// A server to try.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub(super) struct Choice {
    pub server: usize,
    /// It was skipped until now, and may well be no better: others should have most of the time.
    pub trial: bool,
}

impl Group {
    pub fn new(order: Order, servers: usize) -> Group {
        Group {
            order,
            troubles: (0..servers).map(|_| Mutex::new(None)).collect(),
            turn: AtomicUsize::new(0),
        }
    }

    /// How many servers there are that have not failed this call.
    pub fn left(&self, failed: &[usize]) -> usize {
        self.others(failed).count()
    }

    /// The server for a call in which some have failed. If all that are left should be skipped, it is the one whose time comes
    /// first: a call never fails without trying.
    pub fn choose(&self, failed: &[usize], busy: impl Fn(usize) -> usize, now: Instant) -> Choice {
        let ready = self
            .others(failed)
            .filter(|&server| self.is_ready(server, now));
        let ready = match self.order {
            Order::Ordered => ready.min(),
            Order::Balanced => {
                let all = self.troubles.len().max(1);
                let turn = self.turn.fetch_add(1, Ordering::Relaxed) % all;
                ready.min_by_key(|&server| (busy(server), (server + all - turn) % all))
            }
        };
        match ready {
            Some(server) => Choice {
                server,
                trial: self.begin_trial(server, now) && self.left(failed) > 1,
            },
            None => Choice {
                server: self
                    .others(failed)
                    .min_by_key(|&server| self.until(server))
                    .unwrap_or(0),
                trial: false,
            },
        }
    }

    fn others<'a>(&'a self, failed: &'a [usize]) -> impl Iterator<Item = usize> + 'a {
        (0..self.troubles.len()).filter(|server| !failed.contains(server))
    }

    fn is_ready(&self, server: usize, now: Instant) -> bool {
        self.until(server).is_none_or(|until| until <= now)
    }

    fn until(&self, server: usize) -> Option<Instant> {
        Some(self.troubles.get(server)?.lock().as_ref()?.until)
    }

    /// True if the server was in trouble: then others wait for what becomes of this call.
    fn begin_trial(&self, server: usize, now: Instant) -> bool {
        let Some(mut trouble) = self.troubles.get(server).map(Mutex::lock) else {
            return false;
        };
        trouble.as_mut().is_some_and(|trouble| {
            trouble.tried = true;
            trouble.until = now + LONGEST_PAUSE;
            true
        })
    }

    /// The server has answered, whatever it said. The trouble that is over, if there was any.
    pub fn works(&self, server: usize) -> Option<Trouble> {
        self.troubles.get(server)?.lock().take()
    }

    /// The server did not do what servers are for. How long it is skipped; none if that is known already.
    pub fn fails(&self, server: usize, reason: &str, now: Instant) -> Option<Duration> {
        let mut trouble = self.troubles.get(server)?.lock();
        let before = match trouble.as_ref() {
            Some(known) if !known.tried && now < known.until => return None,
            Some(known) => known.failures,
            None => 0,
        };
        let pause = pause(before);
        *trouble = Some(Trouble {
            failures: before.saturating_add(1),
            until: now + pause,
            reason: reason.to_owned(),
            tried: false,
        });
        Some(pause)
    }

    /// Why a server is skipped, if it is.
    pub fn trouble(&self, server: usize) -> Option<Trouble> {
        self.troubles.get(server)?.lock().clone()
    }
}

/// The pause after so many failures, up to a quarter more or less: clients that lost a server together return one by one.
fn pause(failures: u32) -> Duration {
    let doubled = FIRST_PAUSE
        .saturating_mul(1 << failures.min(10))
        .min(LONGEST_PAUSE);
    let random = RandomState::new().hash_one(failures) % 512;
    doubled * (768 + random as u32) / 1024
}

#[cfg(test)]
mod tests {
    use super::*;

    fn group(order: Order) -> (Group, Instant) {
        (Group::new(order, 3), Instant::now())
    }

    fn idle(_: usize) -> usize {
        0
    }

    #[test]
    fn the_first_usable_one_is_taken_and_returned_to() {
        let (group, now) = group(Order::Ordered);
        let chosen = |failed: &[usize], now| group.choose(failed, idle, now).server;
        assert_eq!(chosen(&[], now), 0);
        assert_eq!((chosen(&[0], now), chosen(&[0, 1], now)), (1, 2));
        group.fails(0, "away", now).expect("news");
        assert_eq!(chosen(&[], now), 1);
        group.works(0).expect("it was away");
        assert_eq!(chosen(&[], now), 0);
    }

    #[test]
    fn one_call_tries_a_server_whose_pause_is_over() {
        let (group, now) = group(Order::Ordered);
        let pause = group.fails(0, "away", now).expect("news");
        let later = now + pause;
        let choice = |server, trial| Choice { server, trial };
        assert_eq!(group.choose(&[], idle, later), choice(0, true));
        assert_eq!(group.choose(&[], idle, later), choice(1, false));
        let longer = group
            .fails(0, "still away", later)
            .expect("the trial failed");
        assert!(longer > pause.mul_f32(1.1), "{pause:?} {longer:?}");
        assert_eq!(group.choose(&[], idle, later), choice(1, false));
        assert_eq!(group.trouble(0).map(|trouble| trouble.failures), Some(2));
    }

    #[test]
    fn failures_of_calls_that_were_on_their_way_together_are_one() {
        let (group, now) = group(Order::Ordered);
        assert!(group.fails(0, "away", now).is_some());
        assert_eq!(group.fails(0, "away", now), None);
        assert_eq!(group.trouble(0).map(|trouble| trouble.failures), Some(1));
    }

    #[test]
    fn if_all_are_skipped_the_one_due_first_is_tried_at_once() {
        let (group, now) = group(Order::Ordered);
        for (server, later) in [(0, 20), (1, 0), (2, 10)] {
            group.fails(server, "away", now + Duration::from_secs(later));
        }
        assert_eq!(group.choose(&[], idle, now).server, 1);
        assert_eq!(group.choose(&[1], idle, now).server, 2);
    }

    #[test]
    fn balanced_calls_go_to_the_least_busy_and_else_in_turn() {
        let (group, now) = group(Order::Balanced);
        let in_turn: Vec<_> = (0..6)
            .map(|_| group.choose(&[], idle, now).server)
            .collect();
        assert_eq!(in_turn, [0, 1, 2, 0, 1, 2]);
        let busy = |server| [3, 1, 2][server];
        assert_eq!(group.choose(&[], busy, now).server, 1);
        group.fails(1, "away", now);
        assert_eq!(group.choose(&[], busy, now).server, 2);
    }

    #[test]
    fn pauses_double_from_a_quarter_of_a_second_to_half_a_minute() {
        for (failures, around) in [(0, 0.25), (1, 0.5), (4, 4.0), (7, 30.0), (u32::MAX, 30.0)] {
            let pause = pause(failures).as_secs_f64();
            assert!(
                (0.74 * around..1.26 * around).contains(&pause),
                "{failures}: {pause}"
            );
        }
    }
}
