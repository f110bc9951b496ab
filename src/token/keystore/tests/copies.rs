//! Backups, and their return.

use super::*;

fn path(scene: &Scene, name: &str) -> PathBuf {
    scene.directory.path().join(name)
}

#[test]
fn a_backup_has_what_there_was_and_comes_back() {
    let scene = by_file();
    let token = scene.token();
    let kept = token.generate(&new("kept")).unwrap();
    let copy = path(&scene, "copy.db");
    backup("keys", &scene.config, &copy).unwrap();
    let lost = token.generate(&new("lost")).unwrap();
    let (kind, reason) = kind(backup("keys", &scene.config, &copy));
    assert_eq!(kind, TokenErrorKind::Denied, "{reason}");
    let old = restore("keys", &scene.config, &copy).unwrap().unwrap();
    let token = scene.token();
    assert_eq!(token.find().unwrap().keys, std::slice::from_ref(&kept));
    signs(&token, &kept).unwrap();
    assert_eq!(super::kind(signs(&token, &lost)).0, TokenErrorKind::Gone);
    let config = Keystore {
        database: Database::Sqlite(old),
        ..scene.config.clone()
    };
    let old = KeystoreToken::new("old", &config, KeyFilter::default());
    signs(&old, &lost).unwrap();
    signs(&old, &kept).unwrap();
}

#[test]
fn a_backup_comes_back_where_nothing_is_or_only_wreckage() {
    let scene = by_file();
    let key = scene.token().generate(&new("a")).unwrap();
    let copy = path(&scene, "copy.db");
    backup("keys", &scene.config, &copy).unwrap();
    std::fs::remove_file(scene.path()).unwrap();
    assert_eq!(restore("keys", &scene.config, &copy), Ok(None));
    signs(&scene.token(), &key).unwrap();
    std::fs::write(scene.path(), "wreckage").unwrap();
    let old = restore("keys", &scene.config, &copy).unwrap().unwrap();
    assert_eq!(std::fs::read(old).unwrap(), b"wreckage");
    signs(&scene.token(), &key).unwrap();
}

#[test]
fn what_is_no_whole_backup_replaces_nothing() {
    let scene = by_file();
    let key = scene.token().generate(&new("a")).unwrap();
    let copy = path(&scene, "copy.db");
    backup("keys", &scene.config, &copy).unwrap();
    let whole = std::fs::read(&copy).unwrap();
    let refused = |content: &[u8]| {
        std::fs::write(&copy, content).unwrap();
        let (kind, reason) = kind(restore("keys", &scene.config, &copy));
        assert_eq!(kind, TokenErrorKind::Failed);
        assert!(reason.contains("copy.db"), "{reason}");
        signs(&scene.token(), &key).unwrap();
        let left = std::fs::read_dir(scene.path().parent().unwrap()).unwrap();
        assert_eq!(left.count(), 1, "no draft is left");
    };
    refused(b"");
    refused(b"no database");
    for part in 1..8 {
        refused(&whole[..whole.len() * part / 8]);
    }
    let mut damaged = whole.clone();
    let middle = damaged.len() / 2;
    damaged[middle..].fill(0xa5);
    refused(&damaged);
}

#[test]
fn a_backup_is_made_while_others_write() {
    let scene = by_file();
    let done = std::sync::atomic::AtomicBool::new(false);
    let order = std::sync::atomic::Ordering::SeqCst;
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for number in 0..40 {
                scene.token().generate(&new(&number.to_string())).unwrap();
            }
            done.store(true, order);
        });
        for number in 0.. {
            let copy = path(&scene, &format!("copy {number}.db"));
            backup("keys", &scene.config, &copy).unwrap();
            let config = Keystore {
                database: Database::Sqlite(copy),
                ..scene.config.clone()
            };
            let token = KeystoreToken::new("copy", &config, KeyFilter::default());
            let found = token.find().unwrap();
            assert!(found.hidden.is_empty());
            found
                .keys
                .iter()
                .for_each(|key| signs(&token, key).unwrap());
            if done.load(order) {
                break;
            }
        }
    });
}
