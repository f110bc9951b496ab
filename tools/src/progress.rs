//! A sign of life on the terminal while something takes longer than a second.

use std::io::{self, IsTerminal};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};

/// What is quicker needs no sign.
const PATIENCE: Duration = Duration::from_secs(1);

const BEAT: Duration = Duration::from_millis(200);

/// Does `work`; if it takes longer than a second and a person looks on, says `doing` until it ends.
pub fn shown_if_slow<T>(doing: &str, work: impl FnOnce() -> T) -> T {
    if !io::stderr().is_terminal() {
        return work();
    }
    thread::scope(|scope| {
        let (ended, end) = mpsc::channel::<()>();
        scope.spawn(move || watch(doing, &end));
        let result = work();
        drop(ended);
        result
    })
}

/// Until the other end of `end` is dropped.
fn watch(doing: &str, end: &mpsc::Receiver<()>) {
    let since = Instant::now();
    if end.recv_timeout(PATIENCE) != Err(RecvTimeoutError::Timeout) {
        return;
    }
    let bar = ProgressBar::new_spinner().with_message(format!("{doing} ..."));
    bar.set_style(style());
    while end.recv_timeout(BEAT) == Err(RecvTimeoutError::Timeout) {
        bar.set_prefix(format!("{} s", since.elapsed().as_secs()));
        bar.tick();
    }
    bar.finish_and_clear();
}

fn style() -> ProgressStyle {
    let style = ProgressStyle::with_template("{spinner} {msg} {prefix}");
    style.unwrap_or_else(|_| ProgressStyle::default_spinner())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn work_is_done_and_its_result_returned() {
        assert_eq!(shown_if_slow("asking", || 7), 7);
    }

    #[test]
    fn the_watch_ends_with_the_work() {
        let (ended, end) = mpsc::channel();
        drop(ended);
        watch("asking", &end);
    }
}
