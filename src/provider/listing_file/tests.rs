//! The file under damage, strangers, age and competition.

use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::sync::{Arc, OnceLock};

use super::*;
use crate::error::Result as TokenResult;
use crate::model::certificate::Certificate;
use crate::model::key::{Custody, Found, ObjectId, State};
use crate::model::ml_dsa::ParameterSet;
use crate::model::public_key::{Curve, KeyType};
use crate::model::signature::{SignInput, SignScheme};
use crate::token::memory::MemoryToken;
use crate::token::{NewKey, Token, TokenInfo};

/// A token that is known by one byte.
struct Known(MemoryToken, u8);

impl Token for Known {
    fn info(&self) -> TokenInfo {
        self.0.info()
    }
    fn find(&self) -> TokenResult<Found> {
        self.0.find()
    }
    fn sign(&self, key: &Key, scheme: SignScheme, input: SignInput<'_>) -> TokenResult<Vec<u8>> {
        self.0.sign(key, scheme, input)
    }
    fn identity(&self) -> Option<[u8; 32]> {
        Some([self.1; 32])
    }
}

const HOUR: Duration = Duration::from_secs(3600);

struct Place(tempfile::TempDir);

impl Place {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn directory(&self) -> PathBuf {
        self.0.path().join("listings")
    }

    fn file(&self, identity: u8) -> ListingFile {
        let disk = Disk {
            directory: self.directory(),
            age: HOUR,
        };
        ListingFile::new(disk, Arc::new(Known(MemoryToken::new("t"), identity)))
    }

    fn path(&self, identity: u8) -> PathBuf {
        let (name, _) = self.file(identity).name().unwrap();
        self.directory().join(format!("{name}.keys"))
    }
}

/// Some of them, made once.
fn keys() -> Vec<Key> {
    static KEYS: OnceLock<Vec<Key>> = OnceLock::new();
    KEYS.get_or_init(make_keys).clone()
}

fn make_keys() -> Vec<Key> {
    let token = MemoryToken::new("t");
    let types = [
        KeyType::Rsa(2048),
        KeyType::Ec(Curve::P521),
        KeyType::Ed25519,
        KeyType::MlDsa(ParameterSet::MlDsa44),
    ];
    let make = |key_type: &KeyType| {
        let wanted = NewKey {
            groups: vec!["ssh".into(), String::new()],
            ..NewKey::new(format!("web \u{fc} {key_type}"), *key_type)
        };
        token.generate(&wanted).unwrap()
    };
    let mut keys: Vec<_> = types.iter().map(make).collect();
    let made = rcgen::generate_simple_self_signed(["host".to_owned()]).unwrap();
    let certificate = Certificate::from_der(ObjectId("c".into()), made.cert.der()).unwrap();
    keys[1].certificates = vec![certificate];
    keys[1].public_id = Some(ObjectId("half".into()));
    keys[2].state = State::Compromised;
    keys[2].created = Some(-1);
    keys[2].own_label = Some("another".into());
    keys[2].validity.deactivation = Some(1_790_000_000);
    keys[2].custody = Custody {
        sensitive: Some(true),
        never_extractable: Some(false),
        ..Custody::default()
    };
    keys
}

/// To the millisecond, as it is written.
fn now() -> SystemTime {
    let since = SystemTime::UNIX_EPOCH.elapsed().unwrap().as_millis() as u64;
    SystemTime::UNIX_EPOCH + Duration::from_millis(since)
}

fn kept(file: &ListingFile) -> Option<Kept> {
    match file.look(Stamp::default()) {
        Look::Other(kept, _) => Some(kept),
        _ => None,
    }
}

fn write(file: &ListingFile, listed_at: SystemTime) -> Option<Stamp> {
    file.keep(listed_at, b"learnt", keys().iter(), file.stamp())
}

#[test]
fn everything_public_comes_back() {
    let (place, keys, listed_at) = (Place::new(), keys(), now());
    let file = place.file(1);
    assert!(kept(&file).is_none());
    let stamp = file.keep(listed_at, b"learnt", keys.iter(), file.stamp());
    let expected = Kept {
        listed_at,
        learnt: b"learnt".to_vec(),
        keys,
    };
    assert_eq!(kept(&file), Some(expected));
    assert!(matches!(file.look(stamp.unwrap()), Look::Same));
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o7777;
    assert_eq!(mode(&place.directory()), 0o700);
    assert_eq!(mode(&place.path(1)), 0o600);
}

#[test]
fn a_file_is_of_one_slot_alone() {
    let place = Place::new();
    write(&place.file(1), now());
    assert!(kept(&place.file(2)).is_none());
    fs::copy(place.path(1), place.path(2)).unwrap();
    assert!(kept(&place.file(2)).is_none());
}

#[test]
fn what_is_too_old_or_from_the_future_does_not_serve() {
    let place = Place::new();
    let file = place.file(1);
    for listed_at in [now() - HOUR, now() + HOUR] {
        write(&file, listed_at).unwrap();
        assert!(kept(&file).is_none());
    }
    write(&file, now() - HOUR + Duration::from_secs(60)).unwrap();
    assert!(kept(&file).is_some());
}

#[test]
fn no_damage_goes_unseen() {
    let place = Place::new();
    let file = place.file(1);
    write(&file, now());
    let whole = fs::read(place.path(1)).unwrap();
    for place_of_damage in (0..whole.len()).step_by(7) {
        let mut damaged = whole.clone();
        damaged[place_of_damage] ^= 1;
        assert!(content::decode(&damaged, &[1; 32]).is_err());
        assert!(content::decode(&whole[..place_of_damage], &[1; 32]).is_err());
    }
    assert!(content::decode(&[&whole[..], &[0]].concat(), &[1; 32]).is_err());
    fs::write(place.path(1), &whole[..whole.len() - 1]).unwrap();
    assert!(kept(&file).is_none());
    assert!(file.told.lock().contains("it is damaged"));
}

#[test]
fn a_file_that_others_may_use_is_not_used_and_that_is_said_once() {
    let place = Place::new();
    let file = place.file(1);
    write(&file, now());
    for (path, mode, good) in [
        (place.path(1), 0o640, 0o600),
        (place.directory(), 0o750, 0o700),
    ] {
        fs::set_permissions(&path, Permissions::from_mode(mode)).unwrap();
        assert!(kept(&file).is_none());
        assert!(file.told.lock().contains(&format!("mode {mode:04o}")));
        fs::set_permissions(&path, Permissions::from_mode(good)).unwrap();
        assert!(kept(&file).is_some());
    }
}

#[test]
fn links_pipes_and_directories_are_not_followed() {
    let place = Place::new();
    let file = place.file(1);
    write(&file, now());
    let elsewhere = place.0.path().join("elsewhere");
    fs::rename(place.path(1), &elsewhere).unwrap();
    symlink(&elsewhere, place.path(1)).unwrap();
    assert!(kept(&file).is_none());
    fs::remove_file(place.path(1)).unwrap();
    let mode = rustix::fs::Mode::from_raw_mode(0o600);
    let fifo = rustix::fs::FileType::Fifo;
    rustix::fs::mknodat(rustix::fs::CWD, place.path(1), fifo, mode, 0).unwrap();
    assert!(kept(&file).is_none());
    let moved = place.0.path().join("moved");
    fs::rename(place.directory(), &moved).unwrap();
    symlink(&moved, place.directory()).unwrap();
    assert!(kept(&file).is_none());
    assert!(!file.told.lock().is_empty());
}

#[test]
fn a_strangers_directory_is_not_used() {
    if !rustix::process::geteuid().is_root() {
        return; // only root can give a directory away
    }
    let place = Place::new();
    let file = place.file(1);
    write(&file, now());
    std::os::unix::fs::chown(place.directory(), Some(12345), None).unwrap();
    assert!(kept(&file).is_none());
    assert!(file.told.lock().contains("belongs to uid 12345"));
}

#[test]
fn whoever_was_overtaken_does_not_write() {
    let place = Place::new();
    let (slow, fast) = (place.file(1), place.file(1));
    let before = slow.stamp();
    fast.expire();
    assert!(slow.keep(now(), b"", keys().iter(), before).is_none());
    assert!(kept(&slow).is_none());
    let before = slow.stamp();
    write(&fast, now());
    assert!(slow.keep(now(), b"", keys().iter(), before).is_none());
    assert_eq!(kept(&slow).map(|it| it.learnt), Some(b"learnt".to_vec()));
}

#[test]
fn a_change_empties_the_files_of_all_slots() {
    let place = Place::new();
    for identity in [1, 2] {
        write(&place.file(identity), now());
    }
    place.file(3).expire_all();
    for identity in [1, 2, 3] {
        assert_eq!(fs::metadata(place.path(identity)).unwrap().len(), 0);
    }
}

#[test]
fn what_nobody_writes_to_any_more_is_removed() {
    let place = Place::new();
    for identity in [1, 2] {
        write(&place.file(identity), now());
    }
    let file = fs::File::open(place.path(1)).unwrap();
    file.set_modified(now() - 32 * 24 * HOUR).unwrap();
    write(&place.file(3), now());
    let there = [1, 2, 3].map(|identity| place.path(identity).exists());
    assert_eq!(there, [false, true, true]);
}

#[test]
fn a_disk_that_takes_nothing_is_no_error() {
    let place = Place::new();
    fs::write(place.directory(), b"not a directory").unwrap();
    let file = place.file(1);
    assert!(write(&file, now()).is_none());
    file.expire();
    file.expire_all();
    assert!(kept(&file).is_none());
    assert!(!file.told.lock().is_empty());
}

#[test]
fn many_writers_leave_a_whole_file_and_nothing_beside_it() {
    let place = Place::new();
    std::thread::scope(|scope| {
        for number in 0..8 {
            let file = place.file(1);
            scope.spawn(move || {
                for _ in 0..20 {
                    match number {
                        0 => file.expire(),
                        _ => drop(write(&file, now())),
                    }
                    assert!(file.told.lock().is_empty(), "{}", file.told.lock());
                    kept(&file);
                }
            });
        }
    });
    write(&place.file(1), now()).unwrap();
    assert!(kept(&place.file(1)).is_some());
    assert_eq!(fs::read_dir(place.directory()).unwrap().count(), 1);
}
