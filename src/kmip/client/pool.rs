//! The pool: how many connections there may be, which of them are idle, and who waits for one.
//!
//! A connection exists only with a [`Seat`], of which there are so many. No lock is held while anything is sent, awaited or closed.

use super::attempt::Line;
use crate::kmip::connection::Connection;
use crate::kmip::deadline::Deadline;
use crate::kmip::error::ErrorKind;
use parking_lot::{Condvar, Mutex};
use std::collections::VecDeque;
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

/// What bounds the connections of a client.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    /// So many at once, to all servers together; at least one.
    pub most: usize,
    /// How long one may be idle and still be used.
    pub idle: Duration,
    /// How long one is used at all.
    pub age: Duration,
}

/// All connections of a client. Who takes one owns it, and puts it back only if it is still good.
pub(super) struct Pool(Arc<Shared>);

struct Shared {
    limits: Limits,
    seats: Mutex<Seats>,
}

/// Who has a seat and who waits for one.
pub(super) struct Seats {
    /// Connections that stand or are being made, by server.
    open: Vec<usize>,
    /// The one that was used last is the last.
    idle: Vec<(Instant, Line)>,
    /// The one that has waited longest is the first.
    waiting: VecDeque<Arc<Condvar>>,
}

/// The right to have one connection to one server, from now until it is dropped.
pub(super) struct Seat {
    pub server: usize,
    taken: Instant,
    shared: Weak<Shared>,
}

/// What a call gets.
pub(super) enum Lent {
    /// A connection that is already there.
    Idle(Line),
    /// The right to make one; the connection that had to go for it is to be closed.
    Fresh(Seat, Option<Connection>),
}

impl Pool {
    pub fn new(limits: Limits, servers: usize) -> Pool {
        let most = limits.most.max(1);
        let seats = Seats {
            open: vec![0; servers],
            idle: Vec::new(),
            waiting: VecDeque::new(),
        };
        Pool(Arc::new(Shared {
            limits: Limits { most, ..limits },
            seats: Mutex::new(seats),
        }))
    }

    /// A connection to the server of the caller's choice, or the right to make one: as soon as there is one, in the order of
    /// asking. `fresh` takes no idle connection. `choose` is asked when there is something to get; again if that turns out to
    /// be an idle connection that has ended.
    ///
    /// # Errors
    /// If all connections are in other hands until the deadline.
    pub fn lend(
        &self,
        deadline: Deadline,
        fresh: bool,
        mut choose: impl FnMut(&Seats) -> usize,
    ) -> Result<Lent, ErrorKind> {
        loop {
            let mut lent = self.next(deadline, fresh, &mut choose)?;
            // Out of the lock: looking at a connection is a call to the system.
            let good = match &mut lent {
                Lent::Idle(line) => self.is_good(line),
                Lent::Fresh(..) => true,
            };
            if good {
                return Ok(lent);
            }
        }
    }

    fn next(
        &self,
        deadline: Deadline,
        fresh: bool,
        choose: &mut impl FnMut(&Seats) -> usize,
    ) -> Result<Lent, ErrorKind> {
        let most = self.0.limits.most;
        let mut seats = self.0.seats.lock();
        if seats.waiting.is_empty() && seats.has_room(most) {
            return Ok(seats.give(&self.0, fresh, choose));
        }
        let turn = Arc::new(Condvar::new());
        seats.waiting.push_back(Arc::clone(&turn));
        loop {
            let late = turn.wait_until(&mut seats, deadline.0).timed_out();
            let is_first = seats
                .waiting
                .front()
                .is_some_and(|first| Arc::ptr_eq(first, &turn));
            let served = is_first && seats.has_room(most);
            if served || late {
                seats.waiting.retain(|other| !Arc::ptr_eq(other, &turn));
                let lent = served.then(|| seats.give(&self.0, fresh, choose));
                seats.call_next();
                return lent.ok_or(ErrorKind::Busy { connections: most });
            }
        }
    }

    fn is_good(&self, line: &mut Line) -> bool {
        !line.seat.is_old(self.0.limits.age) && line.connection.is_alive()
    }

    /// Takes a connection back; closes those that have been idle for too long.
    pub fn put(&self, line: Line) {
        let limits = self.0.limits;
        // Dropped after the lock is given up: what is closed gives its seat back.
        let mut closed: Vec<Line> = Vec::new();
        let mut seats = self.0.seats.lock();
        let past = |(since, line): &mut (Instant, Line)| {
            since.elapsed() > limits.idle || line.seat.is_old(limits.age)
        };
        closed.extend(seats.idle.extract_if(.., past).map(|(_, line)| line));
        if line.seat.is_old(limits.age) {
            closed.push(line);
        } else {
            seats.idle.push((Instant::now(), line));
            seats.call_next();
        }
    }

    /// Closes all idle connections to a server: when one has failed, the others are no better.
    pub fn forget(&self, server: usize) {
        let mut closed: Vec<(Instant, Line)> = Vec::new();
        let mut seats = self.0.seats.lock();
        closed.extend(
            seats
                .idle
                .extract_if(.., |(_, line)| line.seat.server == server),
        );
    }

    /// How many connections to a server there are, and how many of them are idle.
    pub fn count(&self, server: usize) -> (usize, usize) {
        let seats = self.0.seats.lock();
        (seats.open(server), seats.idle(server))
    }
}

impl Seats {
    /// How many connections to a server are in somebody's hands.
    pub fn busy(&self, server: usize) -> usize {
        self.open(server).saturating_sub(self.idle(server))
    }

    fn open(&self, server: usize) -> usize {
        self.open.get(server).copied().unwrap_or_default()
    }

    fn idle(&self, server: usize) -> usize {
        let to_it = |(_, line): &&(Instant, Line)| line.seat.server == server;
        self.idle.iter().filter(to_it).count()
    }

    /// An idle connection can be used, or has to go for another one.
    fn has_room(&self, most: usize) -> bool {
        !self.idle.is_empty() || self.open.iter().sum::<usize>() < most
    }

    fn give(
        &mut self,
        shared: &Arc<Shared>,
        fresh: bool,
        choose: &mut impl FnMut(&Seats) -> usize,
    ) -> Lent {
        let server = choose(self);
        let recent = |(since, line): &(Instant, Line)| {
            line.seat.server == server && since.elapsed() <= shared.limits.idle
        };
        if let Some(place) = self.idle.iter().rposition(recent).filter(|_| !fresh) {
            return Lent::Idle(self.idle.remove(place).1);
        }
        let full = self.open.iter().sum::<usize>() >= shared.limits.most;
        let replaced = (full && !self.idle.is_empty()).then(|| self.replace());
        self.change(server, 1);
        let seat = Seat {
            server,
            taken: Instant::now(),
            shared: Arc::downgrade(shared),
        };
        Lent::Fresh(seat, replaced)
    }

    /// Takes the connection that was idle longest out, and its seat from it.
    fn replace(&mut self) -> Connection {
        let (
            _,
            Line {
                connection,
                mut seat,
            },
        ) = self.idle.remove(0);
        self.change(seat.server, -1);
        seat.shared = Weak::new();
        connection
    }

    fn change(&mut self, server: usize, by: isize) {
        if let Some(open) = self.open.get_mut(server) {
            *open = open.saturating_add_signed(by);
        }
    }

    fn call_next(&self) {
        if let Some(first) = self.waiting.front() {
            first.notify_one();
        }
    }
}

impl Seat {
    fn is_old(&self, age: Duration) -> bool {
        self.taken.elapsed() > age
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        if let Some(shared) = self.shared.upgrade() {
            let mut seats = shared.seats.lock();
            seats.change(self.server, -1);
            seats.call_next();
        }
    }
}
