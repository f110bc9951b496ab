//! Tests of the JSON form: what we write, all forms that are read, and text that is hostile.

use super::{read, write};
use crate::kmip::tests::samples::{create_key_pair, frame, get, private_key, show, sign};
use crate::kmip::ttlv::{Limits, Writer};
use crate::kmip::wiped::Wiped;
use crate::kmip::*;

fn ttlv(json: &str) -> Result<Wiped, String> {
    read(json.as_bytes(), &Limits::default()).map_err(|unreadable| unreadable.to_string())
}

/// An item inside a message, as [`show`] shows it.
fn shown(item: &str) -> String {
    let message = ttlv(&format!(r#"{{"tag":"ResponseMessage","value":[{item}]}}"#)).unwrap();
    let message = show(frame(&message).root());
    let inside = message.strip_prefix("Response Message{").unwrap();
    inside.strip_suffix('}').unwrap().to_owned()
}

fn typed(tag: &str, kind: &str, value: &str) -> String {
    shown(&format!(
        r#"{{"tag":"{tag}","type":"{kind}","value":{value}}}"#
    ))
}

fn written(write_items: impl FnOnce(&mut Writer)) -> String {
    let mut writer = Writer::new();
    writer.structure(Tag::REQUEST_MESSAGE, write_items);
    String::from_utf8(write(&writer.finish()).to_vec()).unwrap()
}

#[test]
fn what_is_written_is_what_the_specification_says() {
    let json = written(|writer| {
        writer.integer(Tag::BATCH_COUNT, -1);
        writer.enumeration(Tag::OPERATION, Operation::CREATE_KEY_PAIR);
        writer.enumeration(Tag::RECOMMENDED_CURVE, RecommendedCurve::P_256);
        writer.enumeration(Tag::OPERATION, 0x8000_0001_u32);
        writer.boolean(Tag::SENSITIVE, true);
        writer.text(Tag::UNIQUE_IDENTIFIER, "a\"b\n");
        writer.bytes(Tag::UNIQUE_BATCH_ITEM_ID, &[0xAB, 1]);
        writer.date_time(Tag::ACTIVATION_DATE, 1_700_000_000);
        writer.date_time(Tag::ACTIVATION_DATE, -1);
        writer.interval(Tag::LEASE_TIME, 7);
        writer.long_integer(Tag(0x54_0001), 1);
        writer.bytes(Tag::IV_COUNTER_NONCE, &[]);
        writer.bytes(Tag::X_509_CERTIFICATE_IDENTIFIER, &[]);
    });
    let items = [
        r#"{"tag":"BatchCount","type":"Integer","value":-1}"#,
        r#"{"tag":"Operation","type":"Enumeration","value":"CreateKeyPair"}"#,
        r#"{"tag":"RecommendedCurve","type":"Enumeration","value":"0x00000007"}"#,
        r#"{"tag":"Operation","type":"Enumeration","value":"0x80000001"}"#,
        r#"{"tag":"Sensitive","type":"Boolean","value":true}"#,
        r#"{"tag":"UniqueIdentifier","type":"TextString","value":"a\"b\n"}"#,
        r#"{"tag":"UniqueBatchItemID","type":"ByteString","value":"AB01"}"#,
        r#"{"tag":"ActivationDate","type":"DateTime","value":"2023-11-14T22:13:20Z"}"#,
        r#"{"tag":"ActivationDate","type":"DateTime","value":"0xFFFFFFFFFFFFFFFF"}"#,
        r#"{"tag":"LeaseTime","type":"Interval","value":7}"#,
        r#"{"tag":"0x540001","type":"LongInteger","value":"0x0000000000000001"}"#,
        r#"{"tag":"IVCounterNonce","type":"ByteString","value":""}"#,
        r#"{"tag":"X_509CertificateIdentifier","type":"ByteString","value":""}"#,
    ];
    assert_eq!(
        json,
        format!(
            r#"{{"tag":"RequestMessage","value":[{}]}}"#,
            items.join(",")
        )
    );
}

#[test]
fn every_message_of_ours_survives_the_way_to_json_and_back() {
    let register = Request::Register {
        object: private_key(),
        attributes: vec![Attribute::ActivationDate(5), Attribute::Name("n".into())],
    };
    let requests = [
        Request::DiscoverVersions,
        get("1"),
        sign(SignInput::Data(vec![7; 300])),
        create_key_pair(),
        register,
    ];
    for version in [Version::V1_4, Version::V2_1] {
        for request in &requests {
            let ttlv =
                message::encode(version, message::MessageId(3), &[request, request]).unwrap();
            let back = read(&write(&ttlv), &Limits::default()).unwrap();
            assert_eq!(show(frame(&back).root()), show(frame(&ttlv).root()));
            assert_eq!(*back, *ttlv);
        }
    }
}

#[test]
fn values_are_read_in_all_their_forms() {
    for value in ["14", r#""0x0000000e""#, r#""0x0E""#] {
        assert_eq!(typed("BatchCount", "Integer", value), "Batch Count=14");
    }
    assert_eq!(
        typed("0x42000D", "0x02", r#""0xFFFFFFFF""#),
        "Batch Count=-1"
    );
    let mask = |value: &str| typed("CryptographicUsageMask", "Integer", value);
    assert_eq!(mask(r#""Sign|Verify""#), "Cryptographic Usage Mask=3");
    assert_eq!(
        mask(r#""Sign | CRLSign|0x10""#),
        "Cryptographic Usage Mask=8209"
    );
    for value in ["33", r#""0x00000021""#, r#""Sign""#, r#""sign""#] {
        assert_eq!(typed("Operation", "Enumeration", value), "Operation=#21");
    }
    for value in [r#""P_256""#, r#""P256""#, r#""P-256""#] {
        assert_eq!(
            typed("RecommendedCurve", "Enumeration", value),
            "Recommended Curve=#7"
        );
    }
    for value in [r#""Item_Not_Found""#, r#""ItemNotFound""#] {
        assert_eq!(
            typed("ResultReason", "Enumeration", value),
            "Result Reason=#1"
        );
    }
    for value in [r#""3DES""#, r#""DES3""#] {
        let algorithm = typed("CryptographicAlgorithm", "Enumeration", value);
        assert_eq!(algorithm, "Cryptographic Algorithm=#2");
    }
}

#[test]
fn times_and_bytes_are_read_in_all_their_forms() {
    for value in [
        r#""2023-11-14T22:13:20Z""#,
        r#""2023-11-14T22:13:20.25Z""#,
        r#""2023-11-15T00:13:20+02:00""#,
        r#""2023-11-14T16:43:20-05:30""#,
        r#""0x000000006553F100""#,
        "1700000000",
    ] {
        assert_eq!(
            typed("TimeStamp", "DateTime", value),
            "Time Stamp=@1700000000"
        );
    }
    assert_eq!(typed("Sensitive", "Boolean", "true"), "Sensitive=true");
    assert_eq!(typed("Sensitive", "Boolean", r#""0x01""#), "Sensitive=true");
    assert_eq!(
        typed("LeaseTime", "Interval", r#""0x0A""#),
        "Lease Time=[0, 0, 0, a]"
    );
    assert_eq!(
        typed("QString", "ByteString", r#""aBcD""#),
        "Q String=[ab, cd]"
    );
    assert_eq!(
        typed("Modulus", "BigInteger", r#""0xFF01""#),
        "Modulus=[ff, ff, ff, ff, ff, ff, ff, 1]"
    );
    assert_eq!(
        typed("Modulus", "BigInteger", "-2"),
        "Modulus=[ff, ff, ff, ff, ff, ff, ff, fe]"
    );
    assert_eq!(
        typed("UsageLimitsTotal", "LongInteger", r#""0xFFFFFFFFFFFFFFFF""#),
        "Usage Limits Total=[ff, ff, ff, ff, ff, ff, ff, ff]"
    );
    assert_eq!(
        typed(
            "TimeStamp",
            "DateTimeExtended",
            r#""1970-01-01T00:00:00.000007Z""#
        ),
        "Time Stamp=[0, 0, 0, 0, 0, 0, 0, 7]"
    );
}

#[test]
fn members_come_in_any_order_and_a_structure_needs_no_type() {
    let unordered = r#"{"value":[],"tag":"BatchItem","remark":{"a":[1.5]}}"#;
    assert_eq!(shown(unordered), "Batch Item{}");
    assert_eq!(typed("BatchItem", "Structure", "[]"), "Batch Item{}");
    assert_eq!(shown(r#"{"tag":"BatchItem"}"#), "Batch Item{}");
    assert_eq!(
        shown(r#"{"tag":"Name\u0056alue","type":"TextString","value":"\u00fc"}"#),
        "Name Value=\"ü\""
    );
}

#[test]
fn the_name_beside_a_value_says_which_enumeration_it_is_of() {
    let attribute = |name: &str, value: &str| {
        shown(&format!(
            r#"{{"tag":"Attribute","value":[{{"tag":"AttributeName","type":"TextString","value":"{name}"}},
               {{"tag":"AttributeIndex","type":"Integer","value":0}},
               {{"tag":"AttributeValue","type":"Enumeration","value":"{value}"}}]}}"#
        ))
    };
    assert!(attribute("Object Type", "PrivateKey").ends_with("Attribute Value=#4}"));
    assert!(attribute("State", "Active").ends_with("Attribute Value=#2}"));
    assert!(attribute("x-own", "Active").ends_with("Attribute Value=\"Active\"}"));
}

#[test]
fn unknown_names_are_kept_or_left_out_and_hide_nothing_else() {
    assert_eq!(
        typed("CryptographicAlgorithm", "Enumeration", r#""CoverCrypt""#),
        "Cryptographic Algorithm=\"CoverCrypt\""
    );
    let known = r#"{"tag":"BatchCount","type":"Integer","value":1}"#;
    for unknown in [
        r#"{"tag":"TheirOwn","type":"Integer","value":7}"#,
        r#"{"tag":"BatchCount","type":"Quaternion","value":7}"#,
        r#"{"tag":"TheirOwn","value":[{"tag":"TheirOther"}]}"#,
    ] {
        assert_eq!(shown(&format!("{unknown},{known}")), "Batch Count=1");
    }
    assert_eq!(typed("0x42FFFF", "Integer", "1"), "0x42ffff=1");
}

#[test]
fn values_that_do_not_fit_their_type_are_refused() {
    for (kind, value) in [
        ("Integer", "4294967296"),
        ("Integer", "-2147483649"),
        ("Integer", r#""many""#),
        ("Integer", "true"),
        ("Integer", r#""0x123456789""#),
        ("Integer", r#""0x+1""#),
        ("LongInteger", "9223372036854775808"),
        ("LongInteger", r#""0x00000000000000001""#),
        ("BigInteger", r#""0xF""#),
        ("BigInteger", r#""12""#),
        ("Enumeration", "-1"),
        ("Enumeration", "null"),
        ("Boolean", "1"),
        ("ByteString", r#""ABC""#),
        ("ByteString", r#""zz""#),
        ("ByteString", "[]"),
        ("TextString", "1"),
        ("DateTime", r#""yesterday""#),
        ("DateTime", r#""2023-11-14T22:13:20+99999:00""#),
        ("Interval", "-1"),
        ("Structure", "1"),
    ] {
        let json = format!(
            r#"{{"tag":"ResponseMessage","value":[{{"tag":"BatchCount","type":"{kind}","value":{value}}}]}}"#
        );
        let error = ttlv(&json).unwrap_err();
        assert!(error.contains("Batch Count"), "{kind} {value}: {error}");
    }
}

#[test]
fn text_that_is_no_message_is_refused_without_repeating_it() {
    for json in [
        "",
        "{",
        "[]",
        "null",
        "{}",
        r#"{"tag":"Message"}"#,
        r#"{"tag":"BatchCount","type":"Integer","value":1}"#,
        r#"{"tag":"secret","tag":"secret"}"#,
        r#"{"tag":1}"#,
        r#"{"tag":"BatchItem","value":1.5,"secret":"secret"}"#,
        r#"{"tag":"BatchItem","value":{"secret":"secret"}}"#,
        r#"{"tag":"BatchItem","value":["secret"]}"#,
        r#"{"tag":"BatchItem"} secret"#,
        "{\"tag\":\"secret\u{0}\"}",
    ] {
        let error = ttlv(json).unwrap_err();
        assert!(error.starts_with("no KMIP message in JSON: "), "{error}");
        assert!(!error.contains("secret"), "{error}");
    }
    assert!(read(b"{\"tag\":\"\xff\"}", &Limits::default()).is_err());
}

#[test]
fn each_limit_holds() {
    let limits = Limits {
        bytes: 4096,
        depth: 4,
        items: 20,
    };
    let refused = |json: &str| match read(json.as_bytes(), &limits) {
        Err(unreadable) => unreadable.0,
        Ok(_) => "nothing".to_owned(),
    };
    let nested = |depth: usize| {
        let open = r#"{"tag":"BatchItem","value":["#.repeat(depth);
        format!("{open}{}", "]}".repeat(depth))
    };
    assert_eq!(refused(&nested(4)), "nothing");
    assert_eq!(refused(&nested(5)), "it is nested too deeply");
    assert_eq!(refused(&nested(100)), "it is nested too deeply");
    let many = vec![r#"{"tag":"BatchItem"}"#; 20].join(",");
    let many = format!(r#"{{"tag":"BatchItem","value":[{many}]}}"#);
    assert_eq!(refused(&many), "it has too many items");
    assert_eq!(refused(&" ".repeat(4097)), "it is too large");
    let brackets = "[".repeat(4000);
    assert!(refused(&format!(r#"{{"x":{brackets}"#)).starts_with("it ends too early"));
    assert!(refused(&brackets).starts_with("it is not KMIP's JSON"));
}

#[test]
fn damaged_text_never_panics() {
    let request = create_key_pair();
    let ttlv = message::encode(Version::V2_1, message::MessageId(3), &[&request]).unwrap();
    let whole = write(&ttlv);
    let mut dice = 0x9E37_79B9_7F4A_7C15_u64;
    let mut below = |bound: usize| {
        dice ^= dice << 13;
        dice ^= dice >> 7;
        dice ^= dice << 17;
        (dice % bound as u64) as usize
    };
    let (mut good, mut bad) = (0, 0);
    for _ in 0..20_000 {
        let mut text = whole.to_vec();
        for _ in 0..=below(3) {
            let place = below(text.len());
            text[place] = b"\"0x[]{},:-+9zT\\\xff\0"[below(17)];
        }
        match read(&text, &Limits::default()) {
            Ok(ttlv) => {
                good += 1;
                drop(frame(&ttlv)); // what is read is always a valid frame
            }
            Err(_) => bad += 1,
        }
    }
    assert!(good > 100 && bad > 100, "{good} {bad}");
}
