//! More keys than fit into one batch: all are listed, in order, and the last one signs.

use cryptoki_sys::*;
use ffi_tests::configuration::own_log;
use ffi_tests::module::Module;
use ffi_tests::oddities::Vandal;
use ffi_tests::on_each_server;
use ffi_tests::openssh::comment;
use ffi_tests::own_process::alone;
use ffi_tests::scene::{LABEL, Scene};
use ffi_tests::session::{Session, class};

const HOW_MANY: usize = 100;

on_each_server! {
    fn a_hundred_keys_are_listed_in_order_and_the_last_one_signs(case) {
        let setup = || {
            let scene = Scene::on(case.server);
            let name = |number| format!("key{number:03}@{}", scene.group);
            let names: Vec<_> = (0..HOW_MANY).map(name).collect();
            Vandal::on(case.server, &scene.group).register_many(&names);
            let lines = scene.user().list();
            let listed: Vec<_> = lines.iter().map(|line| comment(line)).collect();
            assert_eq!(listed, names);
            scene
        };
        alone(case.test, setup, || {
            let module = Module::initialized();
            let session = Session::open(&module, module.slot(LABEL)).expect("a session");
            let keys = session.find(&class(CKO_PRIVATE_KEY)).expect("a search");
            assert_eq!(keys.len(), HOW_MANY);
            let signature = session.sign(CKM_ECDSA, keys[HOW_MANY - 1], &[7; 32]);
            assert_eq!(signature.map(|signature| signature.len()), Ok(64), "{}", own_log());
        });
    }
}
