//! Several servers, of which some do not serve: the others do, within the deadline.

use super::fake_server::*;
use super::samples::{create_key_pair, failure, get, response};
use crate::kmip::*;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::time::{Duration, Instant};

const V: &[Version] = &[Version::V1_4];

/// A client of a server that fails in some way and, after it, of one that does not.
fn client_of(bad: &FakeServer, good: &FakeServer) -> Client {
    let mut settings = good.settings();
    settings.servers.insert(0, bad.address.clone());
    settings.deadline = Duration::from_secs(2);
    Client::new(settings)
}

fn good(authority: &Arc<Authority>) -> FakeServer {
    FakeServer::start_with(Arc::clone(authority), BOTH, |_, stream| {
        serve_well(stream, V)
    })
}

#[test]
fn one_that_takes_requests_and_never_answers_leaves_time_for_the_next() {
    let authority = Arc::new(Authority::new());
    let hanging = FakeServer::start_with(Arc::clone(&authority), BOTH, |_, mut stream| {
        while receive(&mut stream).is_some() {}
    });
    let client = client_of(&hanging, &good(&authority));
    assert!(client.call(&[get("1")]).unwrap()[0].is_ok());
    let start = Instant::now();
    assert!(client.call(&[get("2")]).unwrap()[0].is_ok());
    assert!(start.elapsed() < Duration::from_millis(500));
}

#[test]
fn one_that_takes_connections_and_is_silent_costs_a_second_of_a_long_deadline() {
    let authority = Arc::new(Authority::new());
    let working = good(&authority);
    let port = listen(|_, socket| {
        std::thread::sleep(Duration::from_secs(20));
        drop(socket);
    });
    let mut settings = working.settings();
    let silent = ServerAddress {
        port,
        ..working.address.clone()
    };
    settings.servers.insert(0, silent);
    settings.deadline = Duration::from_secs(30);
    let start = Instant::now();
    assert!(Client::new(settings).call(&[get("1")]).unwrap()[0].is_ok());
    assert!(start.elapsed() < Duration::from_secs(10));
}

#[test]
fn what_must_not_be_repeated_goes_to_the_next_only_with_the_next_call() {
    let authority = Arc::new(Authority::new());
    let closing = FakeServer::start_with(Arc::clone(&authority), BOTH, |_, mut stream| {
        // Answers the questions of who it is, and no other.
        if let Some(request) = receive(&mut stream) {
            send(&mut stream, &answer(&request, V));
        }
        receive(&mut stream);
    });
    let client = client_of(&closing, &good(&authority));
    assert!(client.call(&[create_key_pair()]).is_err());
    assert!(client.call(&[create_key_pair()]).unwrap()[0].is_ok());
}

#[test]
fn one_that_does_not_know_our_authority_is_passed_over_in_every_version_of_tls() {
    for version in BOTH {
        let authority = Arc::new(Authority::new());
        // It trusts another authority than ours; its own certificate is not what is tested.
        let stranger = Arc::new(Authority::new());
        let picky = FakeServer::start_for_clients_of(&authority, &stranger, &[version]);
        let client = client_of(&picky, &good(&authority));
        assert!(client.call(&[get("1")]).unwrap()[0].is_ok(), "{version:?}");
    }
}

/// A server that can be switched off and on, and counts what it answers.
struct Switched {
    server: FakeServer,
    off: Arc<AtomicBool>,
    connections: Arc<AtomicUsize>,
    answers: Arc<AtomicUsize>,
}

impl Switched {
    fn new(authority: &Arc<Authority>) -> Switched {
        let (off, connections, answers) =
            <(Arc<AtomicBool>, Arc<AtomicUsize>, Arc<AtomicUsize>)>::default();
        let (is_off, opened, given) = (
            Arc::clone(&off),
            Arc::clone(&connections),
            Arc::clone(&answers),
        );
        let server = FakeServer::start_with(Arc::clone(authority), BOTH, move |_, mut stream| {
            opened.fetch_add(1, SeqCst);
            while !is_off.load(SeqCst) {
                let Some(request) = receive(&mut stream) else {
                    return;
                };
                if is_off.load(SeqCst) {
                    return;
                }
                // Before the answer: who has it looks at the count at once.
                given.fetch_add(1, SeqCst);
                send(&mut stream, &answer(&request, V));
            }
        });
        Switched {
            server,
            off,
            connections,
            answers,
        }
    }

    fn switch(&self, on: bool) {
        self.off.store(!on, SeqCst);
    }

    fn answers(&self) -> usize {
        self.answers.swap(0, SeqCst)
    }
}

fn group(order: Order, servers: &[&Switched]) -> Client {
    let mut settings = servers[0].server.settings();
    settings.servers = servers
        .iter()
        .map(|one| one.server.address.clone())
        .collect();
    settings.order = order;
    settings.deadline = Duration::from_secs(10);
    Client::new(settings)
}

fn serves(client: &Client) {
    assert!(client.call(&[get("1")]).unwrap()[0].is_ok());
}

#[test]
fn the_first_is_returned_to_when_it_is_healthy_again() {
    let authority = Arc::new(Authority::new());
    let (first, second) = (Switched::new(&authority), Switched::new(&authority));
    let client = group(Order::Ordered, &[&first, &second]);
    serves(&client);
    assert_eq!((first.answers(), second.answers()), (1, 0));
    first.switch(false);
    (0..3).for_each(|_| serves(&client));
    assert_eq!((first.answers(), second.answers()), (0, 3));
    let status = client.status()[0].to_string();
    assert!(
        status.contains("skipped for another") && status.contains("closed the connection"),
        "{status}"
    );
    first.switch(true);
    let start = Instant::now();
    while first.answers() == 0 && start.elapsed() < Duration::from_secs(5) {
        serves(&client);
        std::thread::sleep(Duration::from_millis(10));
    }
    second.answers();
    (0..3).for_each(|_| serves(&client));
    assert_eq!((first.answers(), second.answers()), (3, 0));
    assert_eq!(client.status()[0].condition, Condition::Usable);
}

#[test]
fn each_server_can_be_asked_whether_it_serves() {
    let authority = Arc::new(Authority::new());
    let (first, second) = (Switched::new(&authority), Switched::new(&authority));
    let client = group(Order::Ordered, &[&first, &second]);
    second.switch(false);
    let soon = || Instant::now() + Duration::from_secs(5);
    let asked = [0, 1].map(|server| client.call_server(server, soon(), &[get("1")]));
    assert!(asked[0].is_ok() && asked[1].as_ref().is_err_and(Error::is_connection_failure));
    let [one, other] = client.status().try_into().unwrap();
    assert_eq!(
        (one.condition, one.open, one.idle),
        (Condition::Usable, 1, 1)
    );
    assert!(matches!(
        other.condition,
        Condition::Skipped { failures: 1, .. }
    ));
    assert_eq!((other.open, first.answers()), (0, 1));
    second.switch(true);
    assert!(client.call_server(1, soon(), &[get("1")]).is_ok());
    assert_eq!(client.status()[1].condition, Condition::Usable);
}

#[test]
fn a_server_that_is_away_is_tried_less_and_less_often() {
    let authority = Arc::new(Authority::new());
    let (first, second) = (Switched::new(&authority), Switched::new(&authority));
    first.switch(false);
    let client = group(Order::Ordered, &[&first, &second]);
    let start = Instant::now();
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                while start.elapsed() < Duration::from_millis(1500) {
                    serves(&client);
                    std::thread::sleep(Duration::from_millis(5));
                }
            });
        }
    });
    // At most all that began together, and then one call after a quarter, three quarters, and seven quarters of a second; each of
    // them asks for the version in four ways. At least the first, and one more when its pause is over: a server may fail each of
    // them at once.
    let tried = first.connections.load(SeqCst);
    assert!((2..=8 * 4 + 4 * 4).contains(&tried), "{tried}");
}

#[test]
fn balanced_calls_are_shared_by_those_that_serve() {
    let authority = Arc::new(Authority::new());
    let servers: Vec<Switched> = (0..3).map(|_| Switched::new(&authority)).collect();
    let client = group(Order::Balanced, &servers.iter().collect::<Vec<_>>());
    let answers = || servers.iter().map(Switched::answers).collect::<Vec<_>>();
    (0..9).for_each(|_| serves(&client));
    assert_eq!(answers(), [3, 3, 3]);
    servers[1].switch(false);
    serves(&client);
    serves(&client);
    serves(&client);
    answers();
    (0..6).for_each(|_| serves(&client));
    let shared = answers();
    assert!(
        shared[0] >= 2 && shared[2] >= 2 && shared[1] == 0,
        "{shared:?}"
    );
}

#[test]
fn if_all_are_away_the_next_call_tries_at_once() {
    let authority = Arc::new(Authority::new());
    let (first, second) = (Switched::new(&authority), Switched::new(&authority));
    let client = group(Order::Ordered, &[&first, &second]);
    first.switch(false);
    second.switch(false);
    for _ in 0..3 {
        let error = client.call(&[get("1")]).unwrap_err();
        assert!(error.is_connection_failure(), "{error}");
    }
    second.switch(true);
    serves(&client);
}

#[test]
fn what_must_not_be_repeated_goes_on_to_the_next_if_nothing_can_have_happened() {
    for version in BOTH {
        let authority = Arc::new(Authority::new());
        let picky = FakeServer::start_for_clients_of(
            &authority,
            &Authority::named("a stranger"),
            &[version],
        );
        let client = client_of(&picky, &good(&authority));
        assert!(
            client.call(&[create_key_pair()]).unwrap()[0].is_ok(),
            "{version:?}"
        );
    }
}

/// A server that has reached its limit: in one item, or in the whole message.
fn overloaded(authority: &Arc<Authority>, whole: bool) -> FakeServer {
    FakeServer::start_with(Arc::clone(authority), BOTH, move |_, mut stream| {
        while let Some(request) = receive(&mut stream) {
            let operations = operations_of(&request);
            let item = request.root().find(Tag::BATCH_ITEM).unwrap();
            let id = item.find(Tag::UNIQUE_BATCH_ITEM_ID).unwrap().raw();
            let reason = ResultReason::SERVER_LIMIT_EXCEEDED;
            let refusal = response(version_of(&request), |writer| match whole {
                true => failure(writer, None, None, reason, "enough"),
                false => failure(writer, Some(operations[0]), Some(id), reason, "enough"),
            });
            let is_question = operations.contains(&Operation::DISCOVER_VERSIONS);
            let reply = if is_question {
                answer(&request, V)
            } else {
                refusal
            };
            send(&mut stream, &reply);
        }
    })
}

#[test]
fn what_one_refuses_because_it_has_enough_to_do_is_asked_of_another() {
    for whole in [true, false] {
        let authority = Arc::new(Authority::new());
        let client = client_of(&overloaded(&authority, whole), &good(&authority));
        assert!(
            client.call(&[create_key_pair()]).unwrap()[0].is_ok(),
            "{whole}"
        );
        let status = client.status()[0].to_string();
        assert!(
            status.contains("is overloaded") && status.contains("Server Limit Exceeded"),
            "{status}"
        );
        serves(&client);
    }
}

#[test]
fn if_no_other_can_be_reached_the_refusal_is_told() {
    for whole in [true, false] {
        let authority = Arc::new(Authority::new());
        let alone = Client::new(overloaded(&authority, whole).settings());
        let away = Switched::new(&authority);
        away.switch(false);
        let with_another = client_of(&overloaded(&authority, whole), &away.server);
        for client in [alone, with_another] {
            let refusal = client
                .call(&[create_key_pair()])
                .unwrap()
                .remove(0)
                .unwrap_err();
            assert_eq!(refusal.reason, ResultReason::SERVER_LIMIT_EXCEEDED);
        }
    }
}
