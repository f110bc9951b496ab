//! Flights, connections and bytes: of OpenSSH's programs from start to end, and of single calls.

use cryptoki_sys::CKM_ECDSA;
use ffi_tests::configuration::SlotEntry;
use ffi_tests::counting_proxy::Passed;
use ffi_tests::fake_server::FakeServer;
use ffi_tests::kmip_server::{Endpoint, KmipServer, ServerKind};
use ffi_tests::late_configuration::configure;
use ffi_tests::module::Module;
use ffi_tests::passage::{Passage, warm};
use ffi_tests::scene::{LABEL, Scene};
use ffi_tests::scratch::Scratch;
use ffi_tests::session::Session;
use kmip_p11::model::public_key::{Curve, KeyType};

use crate::servers::{Found, Servers};
use crate::table::{Measured, WireRow};

const P256: KeyType = KeyType::Ec(Curve::P256);

/// A cold login and a cold listing, with TLS 1.3.
const LOGIN: Option<(usize, usize)> = Some((4, 1));
const LISTING: Option<(usize, usize)> = Some((3, 1));

/// All of them.
pub fn rows(servers: &Servers) -> Vec<WireRow> {
    let mut rows = vec![];
    for keys in [1, 64] {
        rows.extend(programs(
            &servers.cosmian,
            ServerKind::Cosmian,
            keys,
            LOGIN,
            LISTING,
        ));
    }
    rows.extend(warm_programs(&servers.cosmian));
    rows.extend(programs(&servers.pykmip, ServerKind::PyKmip, 1, None, None));
    rows.extend(calls("Cosmian", &servers.cosmian));
    rows.extend(calls_of_fake_server());
    rows
}

fn row(what: String, measured: Result<Passed, String>, target: Option<(usize, usize)>) -> WireRow {
    let measured = measured.map_or_else(Measured::Not, Measured::Here);
    WireRow {
        what,
        measured,
        target,
    }
}

/// A login and a listing with so many keys.
fn programs(
    found: &Found,
    kind: ServerKind,
    keys: usize,
    login: Option<(usize, usize)>,
    listing: Option<(usize, usize)>,
) -> [WireRow; 2] {
    let (name, tls) = match kind {
        ServerKind::Cosmian => ("Cosmian", "TLS 1.3"),
        ServerKind::PyKmip => ("PyKMIP", "TLS 1.2, local_use"),
    };
    let number = match keys {
        1 => "1 key".to_owned(),
        _ => format!("{keys} keys"),
    };
    let measured = found.as_ref().map(|server| {
        let passage = with_keys(server, kind, keys);
        let (listed, count) = passage.listing();
        assert_eq!(count, keys);
        (passage.login(), listed)
    });
    let measured = measured.map_err(String::clone);
    let what = |program| format!("{program}, {number}, {name}, {tls}");
    [
        row(
            what("cold ssh -I login"),
            measured.clone().map(|(login, _)| login),
            login,
        ),
        row(
            what("ssh-keygen -D"),
            measured.map(|(_, listing)| listing),
            listing,
        ),
    ]
}

/// A login and a listing of a user who did both before, with a cache on disk.
fn warm_programs(found: &Found) -> [WireRow; 2] {
    let place = Scratch::new();
    let measured = found.as_ref().map(|server| {
        let passage = passage(server, ServerKind::Cosmian, 1, |slot| {
            slot.disk(&place.file("listings"))
        });
        let login = passage.login();
        let (listed, count) = passage.listing();
        assert_eq!(count, 1);
        (login, listed)
    });
    let measured = measured.map_err(String::clone);
    let what = |program| format!("warm {program}, disk cache, Cosmian, TLS 1.3");
    [
        row(
            what("ssh -I login"),
            measured.clone().map(|(login, _)| login),
            Some((2, 1)),
        ),
        row(
            what("ssh-keygen -D"),
            measured.map(|(_, listing)| listing),
            Some((0, 0)),
        ),
    ]
}

fn with_keys(server: &KmipServer, kind: ServerKind, keys: usize) -> Passage {
    passage(server, kind, keys, |slot| slot)
}

fn passage(
    server: &KmipServer,
    kind: ServerKind,
    keys: usize,
    adapt: impl FnOnce(SlotEntry) -> SlotEntry,
) -> Passage {
    let scene = Scene::at(server, kind);
    for number in 0..keys {
        scene.make(&format!("{}-{number:02}", scene.group), P256);
    }
    Passage::new(LABEL, server.endpoint("alice"), |slot| {
        let slot = adapt(slot.group(&scene.group));
        match kind.signs_digests() {
            true => slot,
            false => slot.local_use(),
        }
    })
}

fn calls(name: &str, found: &Found) -> Vec<WireRow> {
    match found {
        Err(reason) => vec![row(
            format!("single calls, {name}"),
            Err(reason.clone()),
            None,
        )],
        Ok(server) => {
            let scene = Scene::at(server, ServerKind::Cosmian);
            let label = format!("{}-single", scene.group);
            scene.make(&label, P256);
            let group = scene.group.clone();
            of_calls(name, server.endpoint("alice"), &label, Some(&group))
        }
    }
}

fn calls_of_fake_server() -> Vec<WireRow> {
    let server = FakeServer::with(|vault| {
        vault.pairs(1);
    });
    let server = server.start();
    of_calls("fake server", server.endpoint(), "key-000", None)
}

fn of_calls(name: &str, endpoint: Endpoint, label: &str, group: Option<&str>) -> Vec<WireRow> {
    let passage = Passage::new(LABEL, endpoint, |slot| match group {
        Some(group) => slot.group(group),
        None => slot,
    });
    let _configuration = configure(&[passage.slot()]);
    let mut rows = vec![];
    let mut add = |what: &str, passed, target| {
        rows.push(row(format!("{what}, {name}"), Ok(passed), target));
    };
    let (passed, module) = passage.cost(Module::initialized);
    add("C_Initialize", passed, Some((0, 0)));
    let session = Session::open(&module, module.slot(LABEL)).expect("a session");
    warm(&session);
    let key = session.private_key(label);
    let (passed, _) = passage.cost(|| session.sign_init(CKM_ECDSA, key).expect("C_SignInit"));
    add("C_SignInit", passed, Some((0, 0)));
    let (passed, size) = passage.cost(|| session.sign_size(&[1; 32]));
    assert_eq!(size, Ok(64));
    add("C_Sign, size query", passed, Some((0, 0)));
    let (passed, signature) = passage.cost(|| session.sign_into(&[1; 32], 64));
    signature.expect("C_Sign");
    add("C_Sign, open session", passed, Some((1, 0)));
    drop(session);
    module.finalize().expect("C_Finalize");
    rows
}
