//! How often a client has to wait for its server: counted by a proxy between the two, never timed.

use cryptoki_sys::*;
use ffi_tests::counting_proxy::Passed;
use ffi_tests::fake_server::FakeServer;
use ffi_tests::here;
use ffi_tests::late_configuration::{LateConfiguration, configure};
use ffi_tests::module::Module;
use ffi_tests::own_process::alone;
use ffi_tests::passage::{Passage, warm};
use ffi_tests::session::{Session, class};
use kmip_p11::kmip::Version;

const LABEL: &str = "counted";

/// The messages of TLS 1.3 leave with the first request: hello, Locate, attributes, signature.
const COLD_LOGIN: usize = 4;
const COLD_LISTING: usize = 3;

fn server(keys: usize, versions: &[Version]) -> FakeServer {
    let fill = FakeServer::with(|vault| {
        vault.pairs(keys);
    });
    fill.speaking(versions).start()
}

fn passage(server: &FakeServer) -> Passage {
    Passage::new(LABEL, server.endpoint(), |slot| slot)
}

#[track_caller]
fn assert_flights(passed: Passed, flights: usize, connections: usize) {
    assert_eq!(
        (passed.flights, passed.connections),
        (flights, connections),
        "{passed:?}"
    );
}

#[test]
fn a_cold_login_with_one_key_takes_four_flights() {
    let server = server(1, &[Version::V2_1, Version::V1_4]);
    assert_flights(passage(&server).login(), COLD_LOGIN, 1);
}

#[test]
fn a_cold_login_with_64_keys_takes_four_flights() {
    let server = server(64, &[Version::V2_1, Version::V1_4]);
    assert_flights(passage(&server).login(), COLD_LOGIN, 1);
}

#[test]
fn a_cold_login_takes_four_flights_with_kmip_1_4() {
    let server = server(3, &[Version::V1_4]);
    assert_flights(passage(&server).login(), COLD_LOGIN, 1);
}

/// TLS 1.2 takes a flight more.
#[test]
fn a_cold_login_takes_five_flights_with_tls_1_2() {
    let plan = FakeServer::with(|vault| {
        vault.pairs(3);
    });
    let server = plan.tls12().start();
    assert_flights(passage(&server).login(), COLD_LOGIN + 1, 1);
}

/// A client that sends no share for the server's key exchange is asked for one, a flight more.
#[test]
fn servers_old_and_new_find_their_key_exchange_in_the_first_flight() {
    use rustls::crypto::aws_lc_rs::kx_group::{X25519, X25519MLKEM768};
    for group in [X25519MLKEM768, X25519] {
        let plan = FakeServer::with(|vault| {
            vault.pairs(1);
        });
        let server = plan.exchanging(group).start();
        assert_flights(passage(&server).login(), COLD_LOGIN, 1);
    }
}

/// A server with so many pairs, of which these halves are in the group that a slot shows.
fn with_shown(pairs: usize, shown: impl IntoIterator<Item = String>) -> (FakeServer, Passage) {
    let plan = FakeServer::with(|vault| {
        vault.pairs(pairs);
        for half in shown {
            vault.at(&half).groups = vec!["shown".into()];
        }
    });
    let server = plan.start();
    let passage = Passage::new(LABEL, server.endpoint(), |slot| slot.group("shown"));
    (server, passage)
}

#[track_caller]
fn assert_listed_at_once(passage: &Passage) {
    let (passed, keys) = passage.listing();
    assert_eq!(keys, 64);
    assert_flights(passed, COLD_LISTING, 1);
}

#[test]
fn keys_that_are_not_shown_cost_no_flight() {
    let shown = (1..=64).map(|number| format!("private-{number}"));
    let (_server, passage) = with_shown(164, shown);
    assert_listed_at_once(&passage);
}

/// Both halves of what the slot shows are in its group: however many others there are.
#[test]
fn a_group_is_listed_in_three_flights_beside_any_number_of_others() {
    let halves = |number| ["private", "public"].map(|half| format!("{half}-{number}"));
    let (_server, passage) = with_shown(900, (1..=64).flat_map(halves));
    assert_listed_at_once(&passage);
}

/// Halves in no group of the slot's are found all the same, in as many flights as they need.
#[test]
fn a_half_outside_the_group_is_found_among_any_number_of_others() {
    let (_server, passage) = with_shown(900, ["private-900".to_owned()]);
    assert_eq!(passage.listing().1, 1);
}

#[test]
fn a_cold_listing_takes_three_flights() {
    let server = server(64, &[Version::V2_1, Version::V1_4]);
    assert_listed_at_once(&passage(&server));
}

#[test]
fn calls_take_the_flights_that_they_have_to() {
    alone(here!(), LateConfiguration::default, || {
        let server = server(5, &[Version::V2_1, Version::V1_4]);
        let passage = Passage::new(LABEL, server.endpoint(), |slot| {
            slot.line("cache.min_refresh = \"1h\"")
        });
        let _configuration = configure(&[passage.slot()]);
        let (start, module) = passage.cost(Module::initialized);
        assert_eq!(start, Passed::default(), "C_Initialize");
        let (opened, session) =
            passage.cost(|| Session::open(&module, module.slot(LABEL)).expect("a session"));
        assert_eq!(opened, Passed::default(), "C_GetTokenInfo, C_OpenSession");
        let (listing, _) = passage.cost(|| warm(&session));
        assert_flights(listing, COLD_LISTING, 1);
        from_memory(&passage, &session);
        a_signature(&passage, &session);
    });
}

fn from_memory(passage: &Passage, session: &Session<'_>) {
    let (searched, found) = passage.cost(|| {
        assert_eq!(warm(session), 5);
        let certificates = session.find(&class(CKO_CERTIFICATE));
        assert_eq!(certificates.map(|found| found.len()), Ok(0));
        session.private_key("key-003")
    });
    assert_flights(searched, 0, 0);
    let (read, _) = passage.cost(|| {
        for kind in [CKA_ID, CKA_LABEL, CKA_EC_PARAMS, CKA_ALWAYS_AUTHENTICATE] {
            session.attribute(found, kind).expect("an attribute");
        }
    });
    assert_flights(read, 0, 0);
}

fn a_signature(passage: &Passage, session: &Session<'_>) {
    let key = session.private_key("key-002");
    for _ in 0..3 {
        let (begun, _) = passage.cost(|| {
            session.sign_init(CKM_ECDSA, key).expect("C_SignInit");
            assert_eq!(session.sign_size(&[1; 32]), Ok(64), "a size query");
            let too_small = session.sign_into(&[1; 32], 63);
            assert_eq!(too_small, Err(CKR_BUFFER_TOO_SMALL));
        });
        assert_flights(begun, 0, 0);
        let (signed, signature) = passage.cost(|| session.sign_into(&[1; 32], 64));
        assert_eq!(signature.map(|bytes| bytes.len()), Ok(64));
        assert_flights(signed, 1, 0);
    }
}
