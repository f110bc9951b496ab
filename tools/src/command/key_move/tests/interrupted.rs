//! Moves that did not come to their end, and the runs that bring them there.

use super::*;

#[test]
fn an_interrupted_move_loses_nothing_and_is_finished_by_a_second_run() {
    for is_after in [false, true] {
        for (at_home, at_target) in (0..10).flat_map(|it| [(it, NEVER), (NEVER, it)]) {
            let scene = Scene::with(true);
            let whole = scene.keys().0.remove(0);
            let public = &whole.public;
            let wanted = moving(arguments(Some("web")));
            let places = scene.places(at_home, at_target, is_after);
            let interrupted = try_move(&places, &wanted);
            let (home, target) = scene.keys();
            let mut all = home.iter().chain(&target);
            let works = all.any(|key| key.public == *public && key.unusable().is_none());
            let mut all = home.iter().chain(&target);
            let is_whole = all.any(|key| certificates(key) == certificates(&whole));
            let step = (at_home, at_target, is_after);
            assert!(works && is_whole, "{step:?}: {interrupted:?}");
            if interrupted.is_err() && !home.is_empty() {
                let finished = try_move(&scene.sound(), &wanted);
                finished.unwrap_or_else(|error| panic!("{step:?}: {error}"));
            }
            let (home, target) = scene.keys();
            assert_eq!((home.len(), target.len()), (0, 1), "{step:?}");
            assert_eq!(target[0].unusable(), None, "{step:?}");
            assert_eq!(certificates(&target[0]), certificates(&whole), "{step:?}");
        }
    }
}

#[test]
fn a_key_that_was_left_pre_active_is_activated() {
    let scene = Scene::with(true);
    let private = scene.home.export(&scene.keys().0[0]).unwrap();
    let wanted = NewKey {
        activate: false,
        ..NewKey::new("web", KeyType::Ec(Curve::P256))
    };
    scene.target.import(&private, &wanted).unwrap();
    try_move(&scene.sound(), &moving(arguments(Some("web")))).unwrap();
    assert_eq!(scene.keys().1[0].unusable(), None);
}
