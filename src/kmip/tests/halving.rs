//! Halving: one object that a server chokes on, and all the others.

use super::fake_server::*;
use super::samples::{failure, get, response, success};
use crate::kmip::ttlv::Writer;
use crate::kmip::*;

const V: &[Version] = &[Version::V1_4];

/// A server that fails whole messages in its own way when they ask for "bad"; the rest it does well.
fn squeamish(fail: impl Fn(&mut Writer) + Send + Sync + 'static) -> FakeServer {
    FakeServer::start(move |_, mut stream| {
        while let Some(request) = receive(&mut stream) {
            let asked = |item: ttlv::Item<'_>| {
                item.find(Tag::REQUEST_PAYLOAD)
                    .and_then(|payload| payload.find(Tag::UNIQUE_IDENTIFIER)?.text())
                    == Some("bad")
            };
            let bad = request.root().find_all(Tag::BATCH_ITEM).any(asked);
            send(
                &mut stream,
                &if bad {
                    response(Version::V1_4, &fail)
                } else {
                    answer(&request, V)
                },
            );
        }
    })
}

fn assert_only_the_bad_one_fails(
    server: &FakeServer,
    change: impl FnOnce(&mut Settings),
) -> Refusal {
    let client = acquainted(server, change);
    let ids = ["1", "2", "bad", "4", "5", "6", "7"];
    let requests: Vec<Request> = ids.iter().map(|id| get(id)).collect();
    let answers = client.call(&requests).unwrap();
    assert_eq!(answers.len(), ids.len());
    for (id, answer) in ids.iter().zip(&answers) {
        match answer {
            Ok(Response::Get { id: answered, .. }) => assert_eq!(answered, id),
            Ok(other) => panic!("{other:?}"),
            Err(_) => assert_eq!(*id, "bad"),
        }
    }
    answers[2].clone().unwrap_err()
}

#[test]
fn one_bad_object_does_not_hide_the_others() {
    let refusing =
        squeamish(|writer| failure(writer, None, None, ResultReason::GENERAL_FAILURE, "oh"));
    let refusal = assert_only_the_bad_one_fails(&refusing, |_| {});
    assert_eq!(refusal.to_string(), "Get was refused: General Failure (oh)");
    let large = squeamish(|writer| writer.bytes(Tag::SIGNATURE_DATA, &[0; 8192]));
    let refusal =
        assert_only_the_bad_one_fails(&large, |settings| settings.maximum_response_size = 4096);
    assert_eq!(refusal.reason, ResultReason::RESPONSE_TOO_LARGE);
    let odd = squeamish(|_| {});
    let refusal = assert_only_the_bad_one_fails(&odd, |_| {});
    assert_eq!(
        refusal.message,
        "the server sent a malformed answer: no batch item"
    );
}

/// The versions, and nothing of what came with the question.
fn discovered(request: &ttlv::Frame) -> wiped::Wiped {
    response(Version::V1_4, |writer| {
        let item = request.root().find(Tag::BATCH_ITEM).unwrap();
        let id = item.find(Tag::UNIQUE_BATCH_ITEM_ID).unwrap().raw();
        success(writer, Operation::DISCOVER_VERSIONS, id, |writer| {
            writer.structure(Tag::PROTOCOL_VERSION, |writer| {
                writer.integer(Tag::PROTOCOL_VERSION_MAJOR, 1);
                writer.integer(Tag::PROTOCOL_VERSION_MINOR, 4);
            });
        });
    })
}

#[test]
fn a_server_that_answers_only_the_first_of_a_batch_answers_all_in_the_end() {
    let server = FakeServer::start(|_, mut stream| {
        while let Some(request) = receive(&mut stream) {
            let first = operations_of(&request)[0];
            let only_first = response(Version::V1_4, |writer| {
                let item = request.root().find(Tag::BATCH_ITEM).unwrap();
                let id = item.find(Tag::UNIQUE_BATCH_ITEM_ID).unwrap().raw();
                let object = item
                    .find(Tag::REQUEST_PAYLOAD)
                    .unwrap()
                    .find(Tag::UNIQUE_IDENTIFIER);
                success(writer, first, id, |writer| {
                    writer.text(
                        Tag::UNIQUE_IDENTIFIER,
                        object.and_then(|id| id.text()).unwrap_or_default(),
                    );
                });
            });
            let discovers = first == Operation::DISCOVER_VERSIONS;
            send(
                &mut stream,
                &if discovers {
                    discovered(&request)
                } else {
                    only_first
                },
            );
        }
    });
    let client = acquainted(&server, |_| {});
    let answers = client.call(&[get("1"), get("2"), get("3")]).unwrap();
    assert!(answers.iter().all(Result::is_ok), "{answers:?}");
}

#[test]
fn a_batch_that_changes_things_is_never_halved() {
    let server =
        squeamish(|writer| failure(writer, None, None, ResultReason::GENERAL_FAILURE, "oh"));
    let client = acquainted(&server, |_| {});
    let before = client.traffic().requests;
    let error = client
        .call(&[Request::Destroy { id: "bad".into() }, get("1")])
        .unwrap_err();
    assert!(matches!(error.kind, ErrorKind::Refused(_)), "{error}");
    assert_eq!(client.traffic().requests, before + 1);
}

#[test]
fn a_call_ends_after_so_many_messages_however_badly_they_are_answered() {
    let server = FakeServer::start(|_, mut stream| {
        while let Some(request) = receive(&mut stream) {
            let whole = request.root().find_all(Tag::BATCH_ITEM).count() > 1;
            let bytes = match whole {
                true => response(Version::V1_4, |writer| {
                    failure(writer, None, None, ResultReason::GENERAL_FAILURE, "no")
                }),
                false => answer(&request, V),
            };
            send(&mut stream, &bytes);
        }
    });
    let client = acquainted(&server, |settings| settings.version = Some(Version::V1_4));
    let before = client.traffic().requests;
    let requests: Vec<Request> = (0..1000).map(|n| get(&n.to_string())).collect();
    let answers = client.call(&requests).unwrap();
    assert!(answers.first().unwrap().is_ok());
    let last = answers.last().unwrap().as_ref().unwrap_err();
    assert!(
        last.message.contains("no usable answer to 256 messages"),
        "{last}"
    );
    assert_eq!(client.traffic().requests - before, 256);
}
