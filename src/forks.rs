//! A fork waits for those calls of other threads in which libraries hold locks of the whole process: what aws-lc or
//! SQLite has locked then stays locked in the child for ever.

use std::cell::Cell;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::time::{Duration, Instant};

/// Calls that no fork may fall into.
static STAYING: AtomicUsize = AtomicUsize::new(0);
/// Threads that are about to fork: whoever begins such a call waits for all of them.
static FORKING: AtomicUsize = AtomicUsize::new(0);

/// The longest that a fork waits, and that a call waits for a fork: all but making a long RSA key is shorter.
const PATIENCE: Duration = Duration::from_secs(5);

/// Between two looks.
const PAUSE: Duration = Duration::from_micros(50);

thread_local! {
    /// Such calls that this thread is in.
    static DEPTH: Cell<usize> = const { Cell::new(0) };
}

/// As long as it lives, no fork of this process begins.
#[must_use]
pub struct Stay(());

impl Stay {
    /// Waits for a fork that is about to be made.
    pub fn begin() -> Self {
        // A thread that is in such a call already must not wait for a fork that waits for it.
        if depth() == 0 {
            patiently(|| {
                STAYING.fetch_add(1, SeqCst);
                let may = FORKING.load(SeqCst) == 0;
                if !may {
                    STAYING.fetch_sub(1, SeqCst);
                }
                may
            })
            .unwrap_or_else(|| {
                STAYING.fetch_add(1, SeqCst);
            });
        } else {
            STAYING.fetch_add(1, SeqCst);
        }
        deeper(1);
        Self(())
    }
}

impl Drop for Stay {
    fn drop(&mut self) {
        deeper(-1);
        STAYING.fetch_sub(1, SeqCst);
    }
}

/// Does something between two forks: signs, makes keys, draws random numbers.
pub fn between<T>(work: impl FnOnce() -> T) -> T {
    let _stay = Stay::begin();
    work()
}

/// Before a fork, in the thread that makes it.
pub fn prepare() {
    FORKING.fetch_add(1, SeqCst);
    let own = depth();
    // Longer than that, a child that may hang is better than a program that does.
    let _ = patiently(|| STAYING.load(SeqCst) <= own);
}

/// After a fork, in the parent, whatever came of it.
pub fn parent() {
    FORKING.fetch_sub(1, SeqCst);
}

/// After a fork, in the child: the other threads are not there any more.
pub fn child() {
    STAYING.store(depth(), SeqCst);
    FORKING.store(0, SeqCst);
}

/// A thread that is ending has none.
fn depth() -> usize {
    DEPTH.try_with(Cell::get).unwrap_or(0)
}

fn deeper(by: isize) {
    let _ = DEPTH.try_with(|depth| depth.set(depth.get().saturating_add_signed(by)));
}

/// Looks until it is so; `None` if it takes too long.
fn patiently(mut is_so: impl FnMut() -> bool) -> Option<()> {
    if is_so() {
        return Some(());
    }
    let begun = Instant::now();
    while begun.elapsed() < PATIENCE {
        std::thread::sleep(PAUSE);
        if is_so() {
            return Some(());
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicBool;

    use super::*;

    /// In one test: the counts are the process's.
    #[test]
    fn a_fork_waits_for_calls_and_calls_for_a_fork() {
        let (begun, done) = (AtomicBool::new(false), AtomicBool::new(false));
        std::thread::scope(|scope| {
            scope.spawn(|| {
                between(|| {
                    begun.store(true, SeqCst);
                    // What begins inside does not wait.
                    std::thread::sleep(Duration::from_millis(50));
                    between(|| done.store(true, SeqCst));
                });
            });
            while !begun.load(SeqCst) {
                std::thread::yield_now();
            }
            // Two threads fork at once: the end of one fork is not the end of the other.
            prepare();
            prepare();
            assert!(done.load(SeqCst));
            let waiting = scope.spawn(|| between(|| ()));
            for _ in 0..2 {
                std::thread::sleep(Duration::from_millis(20));
                assert!(!waiting.is_finished());
                parent();
            }
            waiting.join().unwrap();
        });
        between(|| {
            prepare();
            parent();
        });
    }
}
