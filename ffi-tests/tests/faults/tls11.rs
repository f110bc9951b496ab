//! A server that speaks TLS 1.1 and nothing newer: OpenSSL's own, which is made to take what it refuses by default.

use std::process::Command;

use cryptoki_sys::CKR_DEVICE_ERROR;
use ffi_tests::configuration::SlotEntry;
use ffi_tests::fake_server::FakeServer;
use ffi_tests::here;
use ffi_tests::late_configuration::{LateConfiguration, configure};
use ffi_tests::module::Module;
use ffi_tests::openssh::sshd::free_port;
use ffi_tests::own_process::alone;
use ffi_tests::process::{Daemon, run};
use ffi_tests::session::{Session, class};
use ffi_tests::tool;

use crate::stage::{LABEL, timed, usual};

/// TLS 1.1 has no signatures but those with SHA-1, which OpenSSL 3 has at its lowest level alone.
const OLD: [&str; 3] = ["-tls1_1", "-cipher", "ALL:@SECLEVEL=0"];

fn openssl(arguments: &[&str]) -> Command {
    let mut command = tool::command("openssl");
    command.args(arguments).args(OLD);
    command
}

#[test]
fn a_server_of_tls_1_1_is_refused() {
    alone(here!(), LateConfiguration::default, || {
        // Its certificates are taken, which go with it.
        let fake = FakeServer::with(usual).start();
        let endpoint = fake.endpoint();
        let address = format!("127.0.0.1:{}", free_port());
        // With -www it does not wait for what it is to say.
        let mut server = openssl(&["s_server", "-www", "-accept", &address]);
        server.arg("-cert").arg(&endpoint.certificate);
        server.arg("-key").arg(&endpoint.key);
        let server = Daemon::start(&server);
        server.wait_until_it_says("ACCEPT");
        let old = run(&mut openssl(&["s_client", "-connect", &address]));
        assert!(old.text().contains("TLSv1.1"), "{}", old.report());

        let slot = SlotEntry::new(LABEL, endpoint).at(address.clone());
        let configuration = configure(&[slot.deadline("1s")]);
        let module = Module::initialized();
        let session = Session::open(&module, module.slot(LABEL)).expect("it asks nobody");
        let keys = class(cryptoki_sys::CKO_PRIVATE_KEY);
        timed(|| session.find(&keys)).failed(CKR_DEVICE_ERROR);
        let log = configuration.log();
        let tells = |line: &str| line.contains(&address) && line.contains("ProtocolVersion");
        assert!(log.lines().any(tells), "{log}");
    });
}
