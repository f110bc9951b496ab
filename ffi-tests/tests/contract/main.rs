//! The contract of KMIP servers: one set of checks for all of them, in every version and over every transport that they speak.
//!
//! What each check came to is pinned in `outcomes/*.tsv` and told in docs/servers.md: a server, or a client of ours, that
//! changes fails this test. With `KMIP_P11_WRITE_DOCS=1` both are written anew instead.

mod checks;
mod column;
mod document;
mod matrix;
mod outcome;
mod scene;

use ffi_tests::ServerKind;
use ffi_tests::fake_server::FakeServer;
use ffi_tests::here;
use kmip_p11::kmip::Version;

use column::Way;

#[test]
fn of_the_fake_server() {
    let server = FakeServer::with(|_| ()).speaking(&Version::KNOWN).start();
    matrix::holds("fake", || {
        matrix::run(&server.endpoint(), &[Way::Ttlv], &Version::KNOWN)
    });
}

#[test]
fn of_pykmip() {
    let server = ServerKind::PyKmip.shared();
    let versions = Version::KNOWN.get(1..).expect("2.1 is unknown to it");
    matrix::holds("pykmip", || {
        matrix::run(&server.endpoint("alice"), &[Way::Ttlv], versions)
    });
}

#[test]
fn of_cosmian() {
    if !ServerKind::Cosmian.is_wanted(here!()) {
        return;
    }
    let server = ServerKind::Cosmian.shared();
    let ways = [Way::Ttlv, Way::Https(server.url()), Way::Json(server.url())];
    matrix::holds("cosmian", || {
        matrix::run(&server.endpoint("alice"), &ways, &Version::KNOWN)
    });
}
