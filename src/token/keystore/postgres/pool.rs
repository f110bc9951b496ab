//! The connections to a Postgres server: a few, made when they are needed, each with one call at a time.

use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex};
use tokio_postgres::SimpleQueryMessage;

use super::super::store::StoreError;
use super::failure::Fault;
use super::link::Link;
use super::server::Server;
use crate::error::TokenErrorKind;

/// At most so many at once; who comes later waits for one.
const MOST: usize = 8;
/// One that was not used for so long is closed by the next call.
const IDLE: Duration = Duration::from_secs(60);
/// server_version_num of the oldest server that will do.
const OLDEST: u32 = 120_000;

/// A bounded number of connections.
pub struct Pool {
    /// Where they lead to.
    pub server: Server,
    state: Mutex<State>,
    returned: Condvar,
}

#[derive(Default)]
struct State {
    /// The one that was used last is at the end.
    idle: Vec<Link>,
    open: usize,
}

/// A connection out of the pool. It goes back only if it is [`kept`](Taken::keep).
pub struct Taken<'a> {
    pool: &'a Pool,
    /// There until it is kept.
    link: Option<Link>,
    /// Whether it has served before: then it may have ended meanwhile.
    pub served: bool,
}

impl Pool {
    /// Connects to nobody.
    pub fn new(server: Server) -> Self {
        Self {
            server,
            state: Mutex::default(),
            returned: Condvar::new(),
        }
    }

    /// A connection: an idle one if there is one, else a new one, or the first that is given back.
    pub fn take(&self, deadline: Instant) -> Result<Taken<'_>, Fault> {
        let mut state = self.state.lock();
        loop {
            state.close_old();
            if let Some(link) = state.idle.pop() {
                return Ok(self.taken(Some(link), true));
            }
            if state.open < MOST {
                state.open += 1;
                break;
            }
            if self.returned.wait_until(&mut state, deadline).timed_out() {
                return Err(Fault::TimedOut);
            }
        }
        drop(state);
        let mut taken = self.taken(None, false);
        taken.link = Some(self.open(deadline)?);
        Ok(taken)
    }

    /// A new connection instead of one that turned out to have ended.
    pub fn renew(&self, taken: &mut Taken<'_>, deadline: Instant) -> Result<(), Fault> {
        taken.link = None;
        taken.link = Some(self.open(deadline)?);
        taken.served = false;
        Ok(())
    }

    fn taken(&self, link: Option<Link>, served: bool) -> Taken<'_> {
        Taken {
            pool: self,
            link,
            served,
        }
    }

    /// A new connection, on which no statement and no transaction outlives its call for long.
    fn open(&self, deadline: Instant) -> Result<Link, Fault> {
        let mut link = Link::open(&self.server, deadline)?;
        let time = self.server.patience().as_millis();
        let sql = format!(
            "SET statement_timeout = {time}; SET lock_timeout = {time}; \
             SET idle_in_transaction_session_timeout = {time}; SET client_min_messages = warning; \
             SELECT set_config('synchronous_commit', 'on', false) \
               WHERE current_setting('synchronous_commit') = 'off'; \
             SELECT current_setting('server_version_num')"
        );
        let said = link.run(deadline, async |client: &tokio_postgres::Client| {
            Ok(client.simple_query(&sql).await?)
        })?;
        let rows = said.iter().filter_map(|message| match message {
            SimpleQueryMessage::Row(row) => row.get(0),
            _ => None,
        });
        let version = rows.last().and_then(|text| text.parse().ok());
        match version.unwrap_or(0) {
            OLDEST.. => Ok(link),
            old => Err(Fault::Own(self.too_old(old))),
        }
    }

    fn too_old(&self, version: u32) -> StoreError {
        let reason = format!(
            "keystore postgres {} is PostgreSQL {}, which is too old; use {} or later",
            self.server.place(),
            version / 10_000,
            OLDEST / 10_000
        );
        StoreError::new(TokenErrorKind::Impossible, reason)
    }
}

impl State {
    /// Closes those that nobody has used for long, or that the server has ended.
    fn close_old(&mut self) {
        let before = self.idle.len();
        self.idle
            .retain(|link| link.used.elapsed() < IDLE && link.is_quiet());
        self.open -= before - self.idle.len();
    }
}

impl Taken<'_> {
    /// The connection.
    ///
    /// # Errors
    /// If it could not be renewed.
    pub fn link(&mut self) -> Result<&mut Link, Fault> {
        let link = self.link.as_mut();
        link.ok_or_else(|| Fault::Lost("there is no connection".into()))
    }

    /// Gives it back: it is in no transaction and well.
    pub fn keep(mut self) {
        if let Some(link) = self.link.take() {
            self.pool.state.lock().idle.push(link);
            self.pool.returned.notify_one();
            // Its place in the pool goes on with it.
            std::mem::forget(self);
        }
    }
}

impl Drop for Taken<'_> {
    fn drop(&mut self) {
        self.pool.state.lock().open -= 1;
        self.pool.returned.notify_one();
    }
}
