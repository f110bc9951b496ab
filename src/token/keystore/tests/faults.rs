//! Files and disks that are not as they should be: an error that names the file and says what helps, and
//! nothing lost.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::Command;

use super::*;

/// A keystore with keys, at rest.
fn with_keys(count: usize) -> (Scene, Vec<Key>) {
    let scene = by_file();
    let keys = (0..count).map(|it| scene.token().generate(&new(&it.to_string())).unwrap());
    let keys = keys.collect();
    (scene, keys)
}

/// What listing and signing say; nothing that is wrong is taken for right.
fn outcome(scene: &Scene, keys: &[Key]) -> std::result::Result<(), String> {
    let token = scene.token();
    let found = token.find().map_err(|error| error.to_string())?;
    for key in &found.keys {
        assert!(keys.contains(key), "a key that never was: {key:?}");
    }
    for key in keys {
        signs(&token, key).map_err(|error| error.to_string())?;
    }
    match found.keys.len() == keys.len() {
        true => Ok(()),
        false => Err(format!("{} keys are left", found.keys.len())),
    }
}

#[test]
fn a_file_that_is_cut_off_at_any_page_is_called_damaged() {
    let (scene, keys) = with_keys(20);
    let whole = fs::read(scene.path()).unwrap();
    assert_eq!(whole.len() % 4096, 0);
    let mut cuts: Vec<_> = (1..whole.len() / 4096).map(|page| page * 4096).collect();
    cuts.extend([1, 50, 99, 100, 4095, whole.len() - 1]);
    for cut in cuts {
        fs::write(scene.path(), &whole[..cut]).unwrap();
        let reason = outcome(&scene, &keys).unwrap_err();
        let words = ["is damaged", "is no keystore", "altered"];
        assert!(
            words.iter().any(|it| reason.contains(it)),
            "{cut}: {reason}"
        );
        assert!(reason.contains("keys.db"), "{cut}: {reason}");
    }
    fs::write(scene.path(), &whole).unwrap();
    outcome(&scene, &keys).unwrap();
}

#[test]
fn a_file_that_is_damaged_at_any_page_gives_an_error_or_the_right_keys() {
    let (scene, keys) = with_keys(20);
    let whole = fs::read(scene.path()).unwrap();
    let mut noticed = 0;
    for place in (0..whole.len()).step_by(1024) {
        for damage in [0x00, 0xff, 0x5a] {
            let mut damaged = whole.clone();
            damaged[place..place + 64].fill(damage);
            if damaged == whole {
                continue;
            }
            fs::write(scene.path(), &damaged).unwrap();
            if let Err(reason) = outcome(&scene, &keys) {
                noticed += 1;
                let words = [
                    "damaged",
                    "altered",
                    "no keystore",
                    "keys are left",
                    "later version",
                    "is no key",
                    "does not do",
                ];
                assert!(
                    words.iter().any(|it| reason.contains(it)),
                    "{place}: {reason}"
                );
            }
        }
    }
    assert!(noticed > whole.len() / 4096, "only {noticed} were noticed");
    fs::write(scene.path(), &whole).unwrap();
    outcome(&scene, &keys).unwrap();
}

#[test]
fn files_of_others_and_of_later_versions_are_left_alone() {
    let (scene, keys) = with_keys(1);
    let whole = fs::read(scene.path()).unwrap();
    for (sql, expected) in [
        (
            "PRAGMA user_version = 99",
            "tables have version 99, and this program knows those up to 1",
        ),
        (
            "PRAGMA application_id = 7",
            "is no keystore: it is a database of another program",
        ),
        (
            "PRAGMA application_id = 0",
            "is no keystore: it is a database of another program",
        ),
    ] {
        let connection = rusqlite::Connection::open(scene.path()).unwrap();
        connection.execute_batch(sql).unwrap();
        drop(connection);
        let changed = fs::read(scene.path()).unwrap();
        let reason = outcome(&scene, &keys).unwrap_err();
        assert!(reason.contains(expected), "{reason}");
        assert!(reason.contains("keys.db"), "{reason}");
        assert_eq!(fs::read(scene.path()).unwrap(), changed);
        fs::write(scene.path(), &whole).unwrap();
    }
    for (content, expected) in [
        (&b""[..], "it is empty"),
        (
            b"-----BEGIN OPENSSH PRIVATE KEY-----",
            "it is no SQLite file",
        ),
        (&[0; 8192], "it is no SQLite file"),
    ] {
        fs::write(scene.path(), content).unwrap();
        let reason = outcome(&scene, &keys).unwrap_err();
        assert!(reason.contains(expected), "{reason}");
        assert_eq!(fs::read(scene.path()).unwrap(), content);
    }
}

#[test]
fn a_keystore_that_is_not_there_is_not_made_by_accident() {
    let scene = by_file();
    fs::remove_file(scene.path()).unwrap();
    let (kind, reason) = kind(scene.token().find());
    assert_eq!(kind, TokenErrorKind::Failed);
    assert!(
        reason.contains("make it with \"kmip-ssh init\""),
        "{reason}"
    );
    assert!(!scene.path().exists());
}

#[test]
fn a_file_or_directory_that_others_may_touch_is_not_trusted() {
    let (scene, keys) = with_keys(1);
    let set =
        |path: &Path, mode| fs::set_permissions(path, PermissionsExt::from_mode(mode)).unwrap();
    let directory = scene.path().parent().unwrap().to_owned();
    for (path, wrong, right) in [
        (scene.path(), 0o644, 0o600),
        (scene.path(), 0o620, 0o600),
        (directory, 0o777, 0o700),
    ] {
        set(&path, wrong);
        let reason = outcome(&scene, &keys).unwrap_err();
        assert!(reason.contains("run \"chmod "), "{reason}");
        set(&path, right);
        outcome(&scene, &keys).unwrap();
    }
}

#[test]
fn another_credential_file_opens_nothing() {
    let (scene, keys) = with_keys(1);
    let credential = scene.directory.path().join("credential");
    let right = fs::read(&credential).unwrap();
    for (wrong, expected) in [
        ("00".repeat(32), "it has another key"),
        ("00".repeat(31), "no 64 hexadecimal digits"),
        ("x".repeat(64), "no 64 hexadecimal digits"),
        (String::new(), "no 64 hexadecimal digits"),
    ] {
        fs::write(&credential, wrong).unwrap();
        let reason = outcome(&scene, &keys).unwrap_err();
        assert!(
            reason.contains(expected) && reason.contains("put back the file"),
            "{reason}"
        );
    }
    fs::write(&credential, &right).unwrap();
    fs::set_permissions(&credential, PermissionsExt::from_mode(0o640)).unwrap();
    // A file of root's may be for a group that he has chosen.
    match (outcome(&scene, &keys), rustix::process::geteuid().is_root()) {
        (Ok(()), is_root) => assert!(is_root),
        (Err(reason), _) => assert!(reason.contains("chmod go-r"), "{reason}"),
    }
}

#[test]
fn a_file_that_is_locked_is_read_and_waited_for_not_for_ever() {
    let (scene, keys) = with_keys(1);
    let other = rusqlite::Connection::open(scene.path()).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    outcome(&scene, &keys).unwrap();
    let (kind, reason) = kind(scene.token().generate(&new("b")));
    assert_eq!(kind, TokenErrorKind::Failed);
    assert!(
        reason.contains("was locked by another program for more than 5s"),
        "{reason}"
    );
    assert!(reason.contains("fuser"), "{reason}");
    other.execute_batch("COMMIT").unwrap();
    scene.token().generate(&new("b")).unwrap();
}

/// A file system of its own, until this is dropped.
struct Mount(PathBuf);

impl Mount {
    fn new(arguments: &[&str], place: &Path) -> Self {
        fs::create_dir_all(place).unwrap();
        let mounted = Command::new("mount")
            .args(arguments)
            .arg(place)
            .output()
            .unwrap();
        let why = String::from_utf8_lossy(&mounted.stderr).into_owned();
        assert!(
            mounted.status.success(),
            "this test mounts, for which it has to be root: {why}"
        );
        Self(place.to_owned())
    }

    fn tmpfs(size: &str, place: &Path) -> Self {
        let options = format!("size={size},mode=700");
        Self::new(&["-t", "tmpfs", "-o", &options, "tmpfs"], place)
    }

    fn remount(&self, how: &str) {
        let options = format!("remount,{how}");
        let mounted = Command::new("mount")
            .args(["-o", &options])
            .arg(&self.0)
            .output()
            .unwrap();
        assert!(mounted.status.success(), "{mounted:?}");
    }
}

impl Drop for Mount {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(&self.0).status();
    }
}

/// The scene with its keystore on a file system of that size.
fn on_disk(size: &str) -> (Scene, Mount) {
    let directory = tempfile::tempdir().unwrap();
    let mount = Mount::tmpfs(size, &directory.path().join("disk"));
    let config = Keystore {
        database: Database::Sqlite(directory.path().join("disk/keys.db")),
        seal: Seal::File(directory.path().join("credential")),
    };
    (Scene { directory, config }, mount)
}

#[test]
fn a_full_disk_loses_nothing() {
    let (scene, mount) = on_disk("300k");
    create("keys", &scene.config, None).unwrap();
    let mut keys = vec![];
    let full =
        (0..2000).find_map(
            |number| match scene.token().generate(&new(&number.to_string())) {
                Ok(key) => {
                    keys.push(key);
                    None
                }
                Err(error) => Some(error),
            },
        );
    let (kind, reason) = kind::<()>(Err(full.expect("it is full at last")));
    assert_eq!(kind, TokenErrorKind::Full, "{reason}");
    assert!(
        reason.contains("keys.db") && reason.contains("make room"),
        "{reason}"
    );
    assert!(keys.len() > 10);
    outcome(&scene, &keys).unwrap();
    mount.remount("size=2m");
    keys.push(scene.token().generate(&new("more")).unwrap());
    outcome(&scene, &keys).unwrap();
}

#[test]
fn on_a_disk_without_room_nothing_is_left_of_the_try() {
    let (scene, _mount) = on_disk("20k");
    let (kind, reason) = kind(create("keys", &scene.config, None));
    assert_eq!(kind, TokenErrorKind::Full, "{reason}");
    let left: Vec<_> = fs::read_dir(scene.path().parent().unwrap())
        .unwrap()
        .collect();
    assert!(left.is_empty(), "{left:?}");
}

#[test]
fn a_read_only_disk_is_read_and_not_written() {
    let (scene, mount) = on_disk("2m");
    create("keys", &scene.config, None).unwrap();
    let keys = [scene.token().generate(&new("a")).unwrap()];
    mount.remount("ro");
    outcome(&scene, &keys).unwrap();
    for refused in [
        scene.token().generate(&new("b")).map(drop),
        scene.token().revoke(
            &keys[0],
            &Revocation {
                compromised: false,
                message: None,
            },
        ),
        scene.token().rename(&keys[0], "b"),
    ] {
        let (kind, reason) = kind(refused);
        assert_eq!(kind, TokenErrorKind::ReadOnly, "{reason}");
        assert!(
            reason.contains("keys.db") && reason.contains("mount the disk for writing"),
            "{reason}"
        );
    }
    let elsewhere = Keystore {
        database: Database::Sqlite(scene.path().with_file_name("other.db")),
        ..scene.config.clone()
    };
    assert_eq!(
        kind(create("keys", &elsewhere, None)).0,
        TokenErrorKind::ReadOnly
    );
    mount.remount("rw");
    scene.token().generate(&new("b")).unwrap();
}

#[test]
fn a_pin_opens_on_a_read_only_disk_too() {
    let (mut scene, mount) = on_disk("2m");
    scene.config.seal = Seal::Pin;
    create("keys", &scene.config, Some("1234")).unwrap();
    mount.remount("ro");
    assert_eq!(
        kind(scene.token().login("1235")).0,
        TokenErrorKind::WrongPin
    );
    scene.token().login("1234").unwrap();
}

/// What was committed and is only in the log must not be missed: nor may it be read without it.
#[test]
fn a_read_only_disk_with_a_log_that_was_not_written_back_is_refused() {
    let (scene, mount) = on_disk("2m");
    create("keys", &scene.config, None).unwrap();
    let key = scene.token().generate(&new("a")).unwrap();
    let other = rusqlite::Connection::open(scene.path()).unwrap();
    other.execute_batch("BEGIN").unwrap();
    other
        .query_row("SELECT count(*) FROM keys", [], |row| row.get::<_, i64>(0))
        .unwrap();
    let later = scene.token().generate(&new("b")).unwrap();
    let log = fs::read(scene.path().with_file_name("keys.db-wal")).unwrap();
    let whole = fs::read(scene.path()).unwrap();
    drop(other);
    fs::write(scene.path(), whole).unwrap();
    fs::write(scene.path().with_file_name("keys.db-wal"), log).unwrap();
    mount.remount("ro");
    let (kind, reason) = kind(scene.token().find());
    assert_eq!(kind, TokenErrorKind::ReadOnly);
    assert!(reason.contains("was not closed"), "{reason}");
    mount.remount("rw");
    outcome(&scene, &[key, later]).unwrap();
}
