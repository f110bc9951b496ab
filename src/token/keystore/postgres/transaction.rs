//! Reading and writing a Postgres database: each call on one connection, within one deadline, as a whole or not at all.

use std::time::Instant;

use tokio_postgres::Client;

use super::super::store::{SCHEMA, Stored};
use super::failure::{Failures, Fault};
use super::link::Trouble;
use super::pool::{Pool, Taken};
use super::schema;

/// How often a transaction is begun that others get in the way of.
const TRIES: usize = 3;

/// A database, with what is said of it when something fails.
pub struct Database {
    pool: Pool,
    /// Makes the errors.
    pub failures: Failures,
    /// The tables were seen to be of this version.
    judged: std::sync::atomic::AtomicBool,
}

impl Database {
    /// Asks nobody.
    pub fn new(pool: Pool) -> Self {
        let server = &pool.server;
        let failures = Failures {
            place: server.place(),
            database: server.database(),
            user: server.user(),
            patience: server.patience(),
        };
        Self {
            pool,
            failures,
            judged: false.into(),
        }
    }

    fn deadline(&self) -> Instant {
        Instant::now() + self.failures.patience
    }

    fn told<T>(&self, done: Result<T, Fault>) -> Stored<T> {
        done.map_err(|fault| self.failures.failure_of(fault))
    }

    /// Brings the tables to this version if they are older, once.
    pub fn judge(&self) -> Stored {
        use std::sync::atomic::Ordering::{Acquire, Release};
        if self.judged.load(Acquire) {
            return Ok(());
        }
        match self.read_unjudged(schema::version)? {
            0 => return Err(self.failures.no_keystore()),
            SCHEMA => {}
            older if older < SCHEMA => self.write_unjudged(schema::migrate)?,
            later => schema::judge(later, &self.failures)?,
        }
        self.judged.store(true, Release);
        Ok(())
    }

    /// One or more questions, none of which changes anything: asked once more on a new connection if
    /// the old one had ended.
    pub fn read<T>(&self, work: impl AsyncFn(&Client) -> Result<T, Trouble>) -> Stored<T> {
        self.judge()?;
        self.read_unjudged(work)
    }

    fn read_unjudged<T>(&self, work: impl AsyncFn(&Client) -> Result<T, Trouble>) -> Stored<T> {
        let deadline = self.deadline();
        let ask = || {
            let mut taken = self.pool.take(deadline)?;
            let mut done = taken.link()?.run(deadline, &work);
            if taken.served && done.as_ref().is_err_and(Fault::is_of_connection) {
                self.pool.renew(&mut taken, deadline)?;
                done = taken.link()?.run(deadline, &work);
            }
            if !done.as_ref().is_err_and(Fault::ends_connection) {
                taken.keep();
            }
            done
        };
        self.told(ask())
    }

    /// `work` in a transaction. What others get in the way of is run again, nothing else is.
    pub fn write<T>(&self, work: impl AsyncFnMut(&Client) -> Result<T, Trouble>) -> Stored<T> {
        self.judge()?;
        self.write_unjudged(work)
    }

    /// The same, where there may be no tables yet.
    pub fn write_unjudged<T>(
        &self,
        mut work: impl AsyncFnMut(&Client) -> Result<T, Trouble>,
    ) -> Stored<T> {
        let deadline = self.deadline();
        for _ in 1..TRIES {
            match self.attempt(deadline, &mut work) {
                Attempt::Done(done) => return done,
                Attempt::Conflict(_) => {}
            }
        }
        match self.attempt(deadline, &mut work) {
            Attempt::Done(done) => done,
            Attempt::Conflict(fault) => self.told(Err(fault)),
        }
    }

    fn attempt<T>(
        &self,
        deadline: Instant,
        work: &mut impl AsyncFnMut(&Client) -> Result<T, Trouble>,
    ) -> Attempt<T> {
        let mut taken = match self.begun(deadline, "BEGIN ISOLATION LEVEL READ COMMITTED") {
            Ok(taken) => taken,
            Err(fault) => return Attempt::Done(self.told(Err(fault))),
        };
        let done = taken.link().and_then(|link| link.run(deadline, &mut *work));
        let value = match done {
            Ok(value) => value,
            Err(fault) => {
                roll_back(taken, deadline, &fault);
                return Attempt::of(fault, |fault| self.failures.failure_of(fault));
            }
        };
        match taken
            .link()
            .and_then(|link| link.execute(deadline, "COMMIT"))
        {
            Ok(()) => {
                taken.keep();
                Attempt::Done(Ok(value))
            }
            Err(fault) => Attempt::of(fault, |fault| match fault.ends_connection() {
                true => self.failures.uncertain(fault),
                false => self.failures.failure_of(fault),
            }),
        }
    }

    /// A connection in a new transaction. Nothing has happened yet, so that one that turns out to have
    /// ended is replaced.
    fn begun(&self, deadline: Instant, begin: &str) -> Result<Taken<'_>, Fault> {
        let mut taken = self.pool.take(deadline)?;
        match taken.link()?.execute(deadline, begin) {
            Err(fault) if taken.served && fault.is_of_connection() => {
                self.pool.renew(&mut taken, deadline)?;
                taken.link()?.execute(deadline, begin)?;
            }
            done => done?,
        }
        Ok(taken)
    }

    /// Pages of one state of the database: `work` is called until it says that there is no more, each
    /// time with a deadline of its own.
    pub fn stream(&self, mut work: impl AsyncFnMut(&Client) -> Result<bool, Trouble>) -> Stored {
        self.judge()?;
        let begin = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY";
        let mut taken = self.told(self.begun(self.deadline(), begin))?;
        loop {
            let deadline = self.deadline();
            match taken.link().and_then(|link| link.run(deadline, &mut work)) {
                Ok(true) => {}
                Ok(false) => break,
                Err(fault) => {
                    roll_back(taken, deadline, &fault);
                    return self.told(Err(fault));
                }
            }
        }
        let ended = taken
            .link()
            .and_then(|link| link.execute(self.deadline(), "COMMIT"));
        if ended.is_ok() {
            taken.keep();
        }
        Ok(())
    }
}

/// What became of a transaction.
enum Attempt<T> {
    Done(Stored<T>),
    /// It may succeed if it is run again.
    Conflict(Fault),
}

impl<T> Attempt<T> {
    fn of(fault: Fault, told: impl FnOnce(Fault) -> super::StoreError) -> Self {
        match fault.is_conflict() {
            true => Self::Conflict(fault),
            false => Self::Done(Err(told(fault))),
        }
    }
}

/// A connection that cannot be brought out of its transaction is closed, which ends it as well.
fn roll_back(mut taken: Taken<'_>, deadline: Instant, fault: &Fault) {
    if fault.ends_connection() {
        return;
    }
    let done = taken
        .link()
        .and_then(|link| link.execute(deadline, "ROLLBACK"));
    if done.is_ok() {
        taken.keep();
    }
}
