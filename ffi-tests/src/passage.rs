//! A slot whose server is behind a counting proxy, and what OpenSSH's programs cost through it.

use cryptoki_sys::CKO_PUBLIC_KEY;

use crate::configuration::{Configuration, SlotEntry};
use crate::counting_proxy::{CountingProxy, Passed};
use crate::kmip_server::Endpoint;
use crate::openssh::sshd::Setup;
use crate::openssh::user::User;
use crate::process::run;
use crate::session::{Session, class};

/// The way from a slot to its server.
pub struct Passage {
    /// What is on the way.
    pub proxy: CountingProxy,
    slot: SlotEntry,
}

impl Passage {
    /// To the server at that endpoint; `adapt` may say more of the slot, which has that label.
    pub fn new(
        label: &str,
        endpoint: Endpoint,
        adapt: impl FnOnce(SlotEntry) -> SlotEntry,
    ) -> Self {
        let proxy = CountingProxy::to(&endpoint.address);
        let address = format!("127.0.0.1:{}", proxy.port());
        let slot = SlotEntry::new(
            label,
            Endpoint {
                address,
                ..endpoint
            },
        );
        Self {
            proxy,
            slot: adapt(slot),
        }
    }

    /// The slot, for a configuration.
    pub fn slot(&self) -> SlotEntry {
        self.slot.clone()
    }

    /// What `ssh -I` costs from its start to its end, to an sshd that knows the first key.
    #[track_caller]
    pub fn login(&self) -> Passed {
        let configuration = Configuration::new(&[self.slot()]);
        let user = User::of(&configuration);
        let lines = user.list();
        let first = lines.first().expect("a key to log in with");
        let sshd = Setup::authorizing(std::slice::from_ref(first)).start();
        user.knows(&sshd.known_hosts());
        self.begin();
        let login = user.login(&sshd, &["-o", "BatchMode=yes"], "echo here");
        assert_eq!(login.text(), "here\n");
        self.proxy.in_the_end()
    }

    /// What `ssh-keygen -D` costs from its start to its end, and how many keys it prints.
    #[track_caller]
    pub fn listing(&self) -> (Passed, usize) {
        let configuration = Configuration::new(&[self.slot()]);
        let user = User::of(&configuration);
        self.begin();
        let mut keygen = user.command("ssh-keygen");
        let listed = run(keygen.arg("-D").arg(crate::module::library())).text();
        (self.proxy.in_the_end(), listed.lines().count())
    }

    /// What a call costs on the connections that are open.
    pub fn cost<T>(&self, call: impl FnOnce() -> T) -> (Passed, T) {
        self.proxy.count_anew();
        let result = call();
        (self.proxy.passed(), result)
    }

    fn begin(&self) {
        self.proxy.in_the_end();
        self.proxy.count_anew();
    }
}

/// Makes the module list what the slot has, so that what follows is served from memory.
#[track_caller]
pub fn warm(session: &Session<'_>) -> usize {
    let found = session.find(&class(CKO_PUBLIC_KEY));
    found.expect("a listing").len()
}
