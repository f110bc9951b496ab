//! Keys that come from a file.

use std::path::Path;

use super::*;

fn of_file(path: &Path) -> CopyArguments {
    CopyArguments {
        from_file: Some(path.to_owned()),
        name: Some("web".parse().unwrap()),
        ..arguments(None)
    }
}

#[test]
fn a_file_is_removed_only_if_that_is_said_and_the_key_signs() {
    let private = PrivateKey::generate(KeyType::Ed25519).unwrap();
    let file = key_file::tests::written("PRIVATE KEY", &private.to_pkcs8().unwrap());
    let target = Arc::new(MemoryToken::new("prod"));
    let places = |fails_at| {
        [place(Faulty {
            token: Arc::clone(&target),
            calls: AtomicUsize::new(0),
            fails_at,
            is_after: false,
        })]
    };
    let wanted = moving(of_file(file.path()));
    let unsaid = MoveArguments {
        remove_file: false,
        ..moving(of_file(file.path()))
    };
    let refused = try_move(&places(NEVER), &unsaid).unwrap_err();
    assert!(refused.contains("--remove-file"), "{refused}");
    for fails_at in 0..4 {
        try_move(&places(fails_at), &wanted).unwrap_err();
        assert!(file.path().exists(), "{fails_at}");
    }
    let told = try_move(&places(NEVER), &wanted).unwrap();
    assert_eq!(told["from"]["removed"], true);
    assert!(!file.path().exists());
    assert_eq!(&target.find().unwrap().keys[0].public, private.public());
}

#[test]
fn a_file_gives_the_key_its_name() {
    let private = PrivateKey::generate(KeyType::Ed25519).unwrap();
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("id_ed25519");
    let pem = key_file::tests::written("PRIVATE KEY", &private.to_pkcs8().unwrap());
    std::fs::copy(pem.path(), &path).unwrap();
    let mut wanted = of_file(&path);
    wanted.name = None;
    let (told, _) = try_copy(&[empty("prod")], &wanted).unwrap();
    assert_eq!(told["key"]["name"], "id_ed25519");
    assert!(path.exists());
}
