//! PINs: right and wrong ones, how they are counted, and how they are changed.

use super::*;

/// Lets so much time pass for the count.
fn age(scene: &Scene, seconds: i64) {
    let sql = format!(
        "UPDATE token SET last_failure = last_failure - {}",
        1000 * seconds
    );
    assert_eq!(scene.sql(&sql), 1);
}

#[test]
fn a_pin_opens_and_a_wrong_one_does_not() {
    let scene = sealed_by(|_| Seal::Pin);
    let token = scene.token();
    assert!(token.info().login_required && token.info().public_is_open);
    assert_eq!(
        kind(token.generate(&new("a"))).0,
        TokenErrorKind::LoginRequired
    );
    assert_eq!(kind(token.login("1235")).0, TokenErrorKind::WrongPin);
    assert_eq!(token.info().pin_tries, PinTries::Fewer);
    token.login("1234").unwrap();
    assert_eq!(token.info().pin_tries, PinTries::All);
    let key = token.generate(&new("a")).unwrap();
    signs(&token, &key).unwrap();
    token.logout();
    assert_eq!(token.find().unwrap().keys, std::slice::from_ref(&key));
    assert_eq!(kind(signs(&token, &key)).0, TokenErrorKind::LoginRequired);
}

#[test]
fn wrong_pins_are_counted_for_all_and_the_next_has_to_wait() {
    let scene = sealed_by(|_| Seal::Pin);
    for tries in [PinTries::Fewer, PinTries::Last, PinTries::None] {
        assert_eq!(
            kind(scene.token().login("1235")).0,
            TokenErrorKind::WrongPin
        );
        assert_eq!(scene.token().info().pin_tries, tries);
    }
    let (locked, reason) = kind(scene.token().login("1234"));
    assert_eq!(locked, TokenErrorKind::PinLocked);
    let start = "3 wrong PINs were given: no PIN is tried for another ";
    assert!(reason.starts_with(start), "{reason}");
    age(&scene, 6);
    assert_eq!(scene.token().info().pin_tries, PinTries::Last);
    assert_eq!(
        kind(scene.token().login("1235")).0,
        TokenErrorKind::WrongPin
    );
    age(&scene, 6);
    assert_eq!(
        kind(scene.token().login("1234")).0,
        TokenErrorKind::PinLocked
    );
    age(&scene, 6);
    scene.token().login("1234").unwrap();
    assert_eq!(scene.token().info().pin_tries, PinTries::All);
}

#[test]
fn many_tries_at_once_are_counted_each() {
    let scene = sealed_by(|_| Seal::Pin);
    std::thread::scope(|scope| {
        for _ in 0..6 {
            scope.spawn(|| scene.token().login("1235").unwrap_err());
        }
    });
    let token = scene.token().store().unwrap().token().unwrap();
    assert_eq!(token.failures, 3, "those after the third were refused");
}

#[test]
fn many_logins_at_once_do_not_get_into_each_others_way() {
    let scene = sealed_by(|_| Seal::Pin);
    std::thread::scope(|scope| {
        for _ in 0..6 {
            scope.spawn(|| scene.token().login("1234").unwrap());
        }
    });
}

#[test]
fn a_clock_that_was_put_back_keeps_nobody_out_for_longer() {
    let row = |failures, last_failure| TokenRow {
        failures,
        last_failure,
        ..scene_row()
    };
    let left = |row: &TokenRow, now| tries::left(row, now).map(|left| left.as_secs());
    assert_eq!(left(&row(2, 1000), 1000), None);
    assert_eq!(left(&row(3, 1000), 1000), Some(5));
    assert_eq!(left(&row(3, 1_000_000), 0), Some(5));
    assert_eq!(left(&row(5, 0), 1000), Some(19));
    assert_eq!(left(&row(i64::MAX, 0), 0), Some(900));
    assert_eq!(left(&row(i64::MIN, 0), 0), None);
    assert_eq!(left(&row(3, i64::MIN), i64::MAX), None);
}

fn scene_row() -> TokenRow {
    by_file().token().store().unwrap().token().unwrap()
}

#[test]
fn another_pin_opens_the_same_keys() {
    let scene = sealed_by(|_| Seal::Pin);
    let token = scene.token();
    token.login("1234").unwrap();
    let key = token.generate(&new("a")).unwrap();
    let before = token.store().unwrap().key(&key.id.0).unwrap();
    let change = |old, new| change_pin("keys", &scene.config, old, new);
    assert_eq!(kind(change("1235", "abcd")).0, TokenErrorKind::WrongPin);
    assert_eq!(kind(change("1234", "")).0, TokenErrorKind::BadInput);
    change("1234", "abcd").unwrap();
    assert_eq!(token.store().unwrap().key(&key.id.0).unwrap(), before);
    signs(&token, &key).unwrap();
    assert_eq!(
        kind(scene.token().login("1234")).0,
        TokenErrorKind::WrongPin
    );
    let token = scene.token();
    token.login("abcd").unwrap();
    signs(&token, &key).unwrap();
}

#[test]
fn another_seal_opens_the_same_keys() {
    let mut scene = sealed_by(|_| Seal::Pin);
    let token = scene.token();
    token.login("1234").unwrap();
    let key = token.generate(&new("a")).unwrap();
    let file = Seal::File(scene.directory.path().join("credential"));
    let wrong = reseal("keys", &scene.config, Some("1235"), &file, None);
    assert_eq!(kind(wrong).0, TokenErrorKind::WrongPin);
    reseal("keys", &scene.config, Some("1234"), &file, None).unwrap();
    let (_, reason) = kind(scene.token().login("1234"));
    assert!(
        reason.contains("write keystore.seal = \"file\""),
        "{reason}"
    );
    scene.config.seal = file;
    signs(&scene.token(), &key).unwrap();
    reseal("keys", &scene.config, None, &Seal::Pin, Some("abcd")).unwrap();
    scene.config.seal = Seal::Pin;
    let token = scene.token();
    token.login("abcd").unwrap();
    signs(&token, &key).unwrap();
}
