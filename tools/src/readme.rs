//! The README's examples, compared with what is printed: the same fields, of the same types.

use std::collections::BTreeMap;

use clap::Parser;
use kmip_p11::model::public_key::KeyType;
use kmip_p11::token::NewKey;
use serde_json::Value;

use crate::arguments::Arguments;
use crate::command;
use crate::output::tests::printed;
use crate::person::Scripted;
use crate::place::Place;
use crate::place::tests::{add, down, empty};

const README: &str = include_str!("../README.md");

/// Fields and types; of a list, what its elements have.
#[derive(Debug, PartialEq)]
enum Shape {
    Plain(&'static str),
    List(Option<Box<Shape>>),
    Object(BTreeMap<String, Shape>),
}

fn shape(value: &Value) -> Shape {
    match value {
        Value::Object(fields) => {
            Shape::Object(fields.iter().map(|(k, v)| (k.clone(), shape(v))).collect())
        }
        Value::Array(items) => Shape::List(items.first().map(|item| Box::new(shape(item)))),
        Value::String(_) => Shape::Plain("string"),
        Value::Number(_) => Shape::Plain("number"),
        Value::Bool(_) => Shape::Plain("bool"),
        Value::Null => Shape::Plain("null"),
    }
}

/// True if both could be the same thing: a memory token leaves some of it out.
fn alike(documented: &Shape, real: &Shape) -> bool {
    match (documented, real) {
        (Shape::Plain("null"), _) | (_, Shape::Plain("null")) => true,
        (Shape::Object(a), Shape::Object(b)) => {
            a.keys().eq(b.keys()) && a.values().zip(b.values()).all(|(a, b)| alike(a, b))
        }
        (Shape::List(Some(a)), Shape::List(Some(b))) => alike(a, b),
        (Shape::List(_), Shape::List(_)) => true,
        (a, b) => a == b,
    }
}

/// The JSON example that begins like that.
fn example(beginning: &str) -> Value {
    let mut blocks = README.split("```json\n").skip(1);
    let block = blocks.find(|block| block.starts_with(&format!("{{\n  \"{beginning}\"")));
    let json = block.unwrap().split("```").next().unwrap();
    serde_json::from_str(json).unwrap()
}

fn assert_documented(beginning: &str, real: &str) {
    let real: Value = serde_json::from_str(real).unwrap();
    let (documented, real) = (shape(&example(beginning)), shape(&real));
    assert!(alike(&documented, &real), "{documented:#?}\n{real:#?}");
}

fn print(place: Place, words: &str) -> String {
    print_on(&[place], words)
}

fn print_on(places: &[Place], words: &str) -> String {
    let words = words.split_whitespace();
    let arguments = Arguments::try_parse_from(std::iter::once("kmip-ssh").chain(words)).unwrap();
    let person = Scripted::default();
    printed(true, |output| {
        if let Err(failure) = command::on(&arguments, places, output, &person) {
            failure.tell(output, &person);
        }
    })
}

fn with_key() -> Place {
    let place = empty("prod");
    add(&place, "web-1", KeyType::Ed25519);
    place
}

#[test]
fn keys_are_printed_as_documented() {
    for words in [
        "key show web-1",
        "key generate web-2 --type ed25519",
        "key revoke web-1",
    ] {
        assert_documented("key", &print(with_key(), words));
    }
}

#[test]
fn slots_errors_and_the_doctor_print_as_documented() {
    assert_documented("slots", &print(with_key(), "slot list"));
    assert_documented("error", &print(down("prod"), "key show web-1"));
    assert_documented("ok", &print(with_key(), "doctor"));
}

/// The example with that field, wherever it stands.
fn example_with(field: &str) -> Value {
    let blocks = README.split("```json\n").skip(1);
    let values = blocks.filter_map(|block| serde_json::from_str(block.split("```").next()?).ok());
    let mut values = values.filter(|value: &Value| value.get(field).is_some());
    values.next().unwrap()
}

#[test]
fn a_copy_and_its_plan_print_as_documented() {
    let make = NewKey {
        extractable: true,
        ..NewKey::new("web-1", KeyType::Ed25519)
    };
    for (field, more) in [("from", ""), ("steps", " --dry-run")] {
        let home = empty("keys");
        home.token().generate(&make).unwrap();
        let line = format!("key copy web-1 --to prod{more}");
        let real = print_on(&[home, empty("prod")], &line);
        let real: Value = serde_json::from_str(&real).unwrap();
        let (documented, real) = (shape(&example_with(field)), shape(&real));
        assert!(alike(&documented, &real), "{documented:#?}\n{real:#?}");
    }
}
