//! A server that is stopped, stands still, or cuts connections, at the worst moments.

use std::time::{Duration, Instant};

use kmip_p11::error::TokenErrorKind;

use super::place::{Place, ed25519, failure, names, says};

#[test]
fn a_server_that_was_started_again_is_used_again() {
    let place = Place::with_keystore();
    let token = place.token();
    let key = token.generate(&ed25519("web")).expect("a key");
    place.server.stop();
    says(
        token.find(),
        TokenErrorKind::Unreachable,
        &["cannot be reached"],
    );
    place.server.start();
    assert_eq!(names(&token), ["web"]);
    place.cut();
    token.rename(&key, "mail").expect("another name");
    place.cut();
    assert_eq!(names(&token), ["mail"]);
}

#[test]
fn a_server_that_stands_still_is_waited_for_until_the_deadline() {
    let place = Place::with_keystore();
    let (idle, new) = (place.hasty_token(), place.hasty_token());
    let key = idle.generate(&ed25519("web")).expect("a key");
    let frozen = place.server.freeze();
    for token in [&idle, &new] {
        let begun = Instant::now();
        says(
            token.find(),
            TokenErrorKind::Unreachable,
            &["within 1s", "connect_timeout"],
        );
        assert!(begun.elapsed() >= Duration::from_millis(900));
    }
    says(
        idle.rename(&key, "mail"),
        TokenErrorKind::Unreachable,
        &["within 1s"],
    );
    drop(frozen);
    assert_eq!(names(&idle), ["web"]);
    assert_eq!(names(&new), ["web"]);
}

/// A lock that somebody holds costs a deadline and not more.
#[test]
fn a_row_that_somebody_holds_is_waited_for_until_the_deadline() {
    let place = Place::with_keystore();
    let token = place.hasty_token();
    let key = token.generate(&ed25519("web")).expect("a key");
    std::thread::scope(|scope| {
        let hold = "BEGIN; SELECT 1 FROM kmip_p11.keys FOR UPDATE; SELECT pg_sleep(4); ROLLBACK";
        let holder = scope.spawn(|| place.server.sql("keys", hold));
        let sleeping = "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'PgSleep'";
        while place.server.sql("postgres", sleeping) != "1" {}
        let (kind, text) = failure(token.rename(&key, "mail"));
        assert_eq!(kind, TokenErrorKind::Unreachable, "{text}");
        assert_eq!(names(&token), ["web"]);
        holder.join().expect("it ends");
    });
    token.rename(&key, "mail").expect("another name");
}

/// A trigger cuts the connection while the change is under way, and again while it is made final.
#[test]
fn a_connection_that_is_cut_in_a_transaction_leaves_nothing_half() {
    let place = Place::with_keystore();
    let token = place.token();
    let key = token.generate(&ed25519("web")).expect("a key");
    let function = "CREATE FUNCTION cut() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS \
                    $$BEGIN PERFORM pg_terminate_backend(pg_backend_pid()); RETURN NULL; END$$;";
    place.server.sql("keys", function);
    let trigger = |constraint: &str, timing: &str| {
        let sql = format!(
            "DROP TRIGGER IF EXISTS cut ON kmip_p11.keys; CREATE {constraint} TRIGGER cut \
             AFTER UPDATE ON kmip_p11.keys {timing} FOR EACH ROW EXECUTE FUNCTION cut()"
        );
        place.server.sql("keys", &sql);
    };
    trigger("", "");
    let cut = token.rename(&key, "mail");
    says(
        cut,
        TokenErrorKind::Unreachable,
        &["terminating connection", "nothing was changed"],
    );
    assert_eq!(names(&token), ["web"]);
    trigger("CONSTRAINT", "DEFERRABLE INITIALLY DEFERRED");
    let cut = token.rename(&key, "mail");
    says(
        cut,
        TokenErrorKind::Unreachable,
        &["as a whole or not at all"],
    );
    assert_eq!(names(&token), ["web"]);
    place
        .server
        .sql("keys", "DROP TRIGGER cut ON kmip_p11.keys");
    token.rename(&key, "mail").expect("another name");
}

/// Whoever changes what is in the way is waited for, and not asked to go away.
#[test]
fn a_transaction_that_others_get_in_the_way_of_is_run_again() {
    let place = Place::with_keystore();
    let token = place.token();
    let key = token.generate(&ed25519("web")).expect("a key");
    let function = "CREATE SEQUENCE tries; GRANT USAGE ON tries TO alice; \
                    CREATE FUNCTION conflict() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN \
                    IF nextval('tries') < 3 THEN RAISE EXCEPTION 'others' USING ERRCODE = '40001'; \
                    END IF; RETURN NULL; END$$; \
                    CREATE TRIGGER conflict AFTER UPDATE ON kmip_p11.keys FOR EACH ROW \
                    EXECUTE FUNCTION conflict()";
    place.server.sql("keys", function);
    token.rename(&key, "mail").expect("the third try");
    let always = "CREATE OR REPLACE FUNCTION conflict() RETURNS trigger LANGUAGE plpgsql AS \
                  $$BEGIN RAISE EXCEPTION 'others' USING ERRCODE = '40001'; END$$";
    place.server.sql("keys", always);
    says(token.rename(&key, "x"), TokenErrorKind::Failed, &["40001"]);
    assert_eq!(names(&token), ["mail"]);
}
