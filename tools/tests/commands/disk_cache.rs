//! Changes, beside listings that are kept on disk: the next OpenSSH program sees them.

use ffi_tests::configuration::Configuration;
use ffi_tests::on_each_server;
use ffi_tests::scene::Scene;
use ffi_tests::scratch::Scratch;

use crate::person::{Person, word};

/// The slot keeps PyKMIP's keys usable by local use; both servers have a login key of this type.
const TYPE: &str = "p256";

on_each_server! {
    fn a_change_is_seen_by_the_next_program_whatever_was_kept(case) {
        let mut scene = Scene::on(case.server);
        let place = Scratch::new();
        let kept = place.file("listings");
        let slot = scene.slot().disk(&kept);
        scene.configuration = Configuration::new(&[slot]);
        let person = Person::of(&scene);
        let key = person.generate("first", TYPE);
        let line = word(&key, "openssh").to_owned();
        assert_eq!(person.user.list(), [&*line]);
        assert_eq!(std::fs::read_dir(&kept).unwrap().count(), 1);
        assert!(person.can_log_in(&line), "from what was kept");
        person.generate("second", TYPE);
        assert_eq!(person.user.list().len(), 2);
        person.text(&["key", "rename", word(&key, "name"), &person.name("new")]);
        assert!(person.user.list().iter().any(|line| line.ends_with(&person.name("new"))));
        person.text(&["key", "revoke", &person.name("new")]);
        assert_eq!(person.user.list().len(), 1);
    }
}
