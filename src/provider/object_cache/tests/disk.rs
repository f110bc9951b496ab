//! Processes of one user, and the file by which they share what one of them has listed.

use super::*;

/// Processes of one user: each with a cache of its own, all with one directory.
struct Processes {
    token: Arc<Slow>,
    directory: tempfile::TempDir,
}

impl Processes {
    fn new() -> Self {
        Self {
            token: slow(),
            directory: tempfile::tempdir().unwrap(),
        }
    }

    fn start(&self) -> ObjectCache {
        let disk = Disk {
            directory: self.directory.path().join("listings"),
            age: Duration::from_secs(60),
        };
        let rules = CacheRules {
            disk: Some(disk),
            ..rules(60_000, 0)
        };
        ObjectCache::new(self.token.clone(), rules)
    }

    fn asked(&self) -> usize {
        self.token.finds.swap(0, SeqCst)
    }
}

#[test]
fn the_next_process_asks_nobody_and_finds_the_same() {
    let processes = Processes::new();
    processes.token.recall(b"learnt");
    let first = processes.start().search(&vec![], false).unwrap();
    assert_eq!(processes.asked(), 1);
    processes.token.recall(b"");
    let second = processes.start();
    assert_eq!(second.search(&vec![], false).unwrap(), first);
    assert_eq!(second.search(&labelled("first"), true).unwrap(), first);
    assert_eq!(processes.asked(), 0);
    assert_eq!(processes.token.learnt(), b"learnt");
}

#[test]
fn a_key_that_was_made_a_minute_ago_is_asked_for() {
    let processes = Processes::new();
    processes.start().search(&vec![], false).unwrap();
    add(&processes.token.inner, "second");
    let next = processes.start();
    assert_eq!(next.search(&labelled("second"), false).unwrap().len(), 2);
    assert_eq!(processes.asked(), 2);
    let third = processes.start();
    assert_eq!(third.search(&labelled("second"), false).unwrap().len(), 2);
    assert_eq!(processes.asked(), 0, "the second process has written it");
}

#[test]
fn a_change_in_one_process_is_seen_by_the_next_and_in_time_by_a_running_one() {
    let processes = Processes::new();
    let running = ObjectCache::new(
        processes.token.clone(),
        CacheRules {
            time_to_live: Duration::ZERO,
            ..processes.start().rules
        },
    );
    running.search(&vec![], false).unwrap();
    running.search(&vec![], false).unwrap();
    assert_eq!(processes.asked(), 1, "the file says that it is still so");
    add(&processes.token.inner, "second");
    processes.start().expire();
    assert_eq!(processes.start().search(&vec![], false).unwrap().len(), 4);
    assert_eq!(processes.asked(), 1);
    assert_eq!(running.search(&vec![], false).unwrap().len(), 4);
    assert_eq!(processes.asked(), 0);
}

#[test]
fn what_was_expired_is_not_taken_from_a_file_that_could_not_be_emptied() {
    let processes = Processes::new();
    let cache = processes.start();
    cache.search(&vec![], false).unwrap();
    let directory = processes.directory.path().join("listings");
    let file = std::fs::read_dir(&directory).unwrap().next().unwrap();
    let file = file.unwrap().path();
    let listing = std::fs::read(&file).unwrap();
    cache.expire();
    std::fs::write(&file, listing).unwrap();
    cache.search(&vec![], false).unwrap();
    assert_eq!(processes.asked(), 2);
}

#[test]
fn a_listing_that_a_change_overtook_is_not_written() {
    let processes = Processes::new();
    std::thread::scope(|scope| {
        let early = processes.start();
        let early = scope.spawn(move || early.search(&vec![], false).map(|found| found.len()));
        std::thread::sleep(Duration::from_millis(20));
        processes.start().expire();
        assert_eq!(early.join().unwrap(), Ok(2));
    });
    processes.start().search(&vec![], false).unwrap();
    assert_eq!(processes.asked(), 2);
}

#[test]
fn what_a_signature_taught_is_written_once() {
    let processes = Processes::new();
    let cache = processes.start();
    cache.search(&vec![], false).unwrap();
    processes.token.recall(b"new");
    cache.keep_learnt();
    processes.token.recall(b"");
    processes.start().search(&vec![], false).unwrap();
    assert_eq!(processes.token.learnt(), b"new");
    assert_eq!(processes.asked(), 1);
}

#[test]
fn a_token_without_identity_has_no_file() {
    let processes = Processes::new();
    *processes.token.identity.lock() = None;
    processes.start().search(&vec![], false).unwrap();
    processes.start().search(&vec![], false).unwrap();
    assert_eq!(processes.asked(), 2);
}
