//! Writes what fuzzing begins with into a folder for each target: messages as servers send them.
//!
//! `seeds DIRECTORY`; `tools/fuzz.sh` runs it before the targets, so that no large file of bytes has to be kept.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, UNIX_EPOCH};

use kmip_p11::fuzzing::{self, Kept, Reader};
use kmip_p11::kmip::ttlv::Writer;
use kmip_p11::kmip::{
    CryptographicAlgorithm, KeyFormatType, LinkType, NameType, ObjectType, Operation, ResultStatus,
    State, Tag, UsageMask, Version,
};
use kmip_p11::model::public_key::{Curve, PublicKey};
// What counts coverage: this program is instrumented as all the others.
use libfuzzer_sys as _;

fn main() {
    let directory = std::env::args_os().nth(1).map(PathBuf::from);
    let directory = directory.expect("usage: seeds DIRECTORY");
    let reader = Reader::default();
    for version in [Version::V1_4, Version::V2_1] {
        let every = reader.reply(version);
        assert!(
            reader
                .answers(every.clone())
                .is_some_and(|it| it.len() > 20)
        );
        let pairs = pairs(version);
        let (_, found) = fuzzing::objects(&reader, pairs.clone()).expect("a message");
        assert_eq!(found.keys.len(), keys().len(), "{:?}", found.hidden);
        let kept = Kept {
            listed_at: UNIX_EPOCH + Duration::from_secs(1_790_000_000),
            learnt: b"learnt".to_vec(),
            keys: found.keys,
        };
        let listing = fuzzing::written(&kept).expect("a listing");
        for target in ["ttlv", "message"] {
            put(
                &directory,
                target,
                &format!("every-answer-{version}"),
                &every,
            );
            put(&directory, target, &format!("pairs-{version}"), &pairs);
        }
        put(&directory, "objects", &format!("pairs-{version}"), &pairs);
        for (name, message) in [("every-answer", &every), ("pairs", &pairs)] {
            let json = Reader::in_json(message);
            put(&directory, "json", &format!("{name}-{version}"), &json);
        }
        put(&directory, "listing", &format!("pairs-{version}"), &listing);
    }
    let examples = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/config.toml");
    let example = fs::read(examples).expect("the example");
    put(&directory, "configuration", "example", &example);
}

fn put(directory: &Path, target: &str, name: &str, content: &[u8]) {
    let folder = directory.join(target);
    fs::create_dir_all(&folder).expect("a folder that can be written");
    fs::write(folder.join(name), content).expect("a file that can be written");
}

/// One of each kind. Nobody has a private key to them.
fn keys() -> Vec<(PublicKey, CryptographicAlgorithm)> {
    let mut point = [7; 65];
    point[0] = 4;
    vec![
        (
            PublicKey::from_rsa(&[0x81; 256], &[1, 0, 1]).expect("numbers of a key"),
            CryptographicAlgorithm::RSA,
        ),
        (
            PublicKey::from_point(Curve::P256, &point).expect("a point's length"),
            CryptographicAlgorithm::ECDSA,
        ),
        (
            PublicKey::from_ed25519(&[9; 32]).expect("a key's length"),
            CryptographicAlgorithm::ED25519,
        ),
    ]
}

/// The answers of a listing: for each key the attributes of its halves and the value of the public one.
fn pairs(version: Version) -> Vec<u8> {
    let mut place = 0;
    let mut writer = Writer::new();
    writer.structure(Tag::RESPONSE_MESSAGE, |writer| {
        writer.structure(Tag::RESPONSE_HEADER, |writer| {
            writer.structure(Tag::PROTOCOL_VERSION, |writer| {
                writer.integer(Tag::PROTOCOL_VERSION_MAJOR, version.major.cast_signed());
                writer.integer(Tag::PROTOCOL_VERSION_MINOR, version.minor.cast_signed());
            });
            writer.date_time(Tag::TIME_STAMP, 1_790_000_000);
            writer.integer(Tag::BATCH_COUNT, 9);
        });
        let mut item = |writer: &mut Writer, operation, payload: &dyn Fn(&mut Writer)| {
            let id = (2_u64 << 32 | place).to_be_bytes();
            place += 1;
            writer.structure(Tag::BATCH_ITEM, |writer| {
                writer.enumeration(Tag::OPERATION, operation);
                writer.bytes(Tag::UNIQUE_BATCH_ITEM_ID, &id);
                writer.enumeration(Tag::RESULT_STATUS, ResultStatus::SUCCESS);
                writer.structure(Tag::RESPONSE_PAYLOAD, payload);
            });
        };
        for (number, (public, algorithm)) in keys().into_iter().enumerate() {
            for half in [Half::Private, Half::Public] {
                item(writer, Operation::GET_ATTRIBUTES, &|writer| {
                    half.write(writer, version, number, algorithm);
                });
            }
            item(writer, Operation::GET, &|writer| {
                value(writer, number, &public)
            });
        }
    });
    writer.finish().to_vec()
}

/// Writes an attribute as a version has it, whose value is written under the tag that it gives.
type Member<'a> = &'a mut dyn FnMut(Tag, &dyn Fn(&mut Writer, Tag));

#[derive(Clone, Copy, PartialEq, Eq)]
enum Half {
    Private,
    Public,
}

impl Half {
    fn id(self, number: usize) -> String {
        match self {
            Half::Private => format!("private-{number}"),
            Half::Public => format!("public-{number}"),
        }
    }

    fn write(
        self,
        writer: &mut Writer,
        version: Version,
        number: usize,
        algorithm: CryptographicAlgorithm,
    ) {
        writer.text(Tag::UNIQUE_IDENTIFIER, &self.id(number));
        match version.has_attributes_structure() {
            true => writer.structure(Tag::ATTRIBUTES, |writer| {
                self.attributes(number, algorithm, &mut |tag, write| write(writer, tag));
            }),
            false => self.attributes(number, algorithm, &mut |tag, write| {
                writer.structure(Tag::ATTRIBUTE, |writer| {
                    writer.text(Tag::ATTRIBUTE_NAME, &tag.to_string());
                    write(writer, Tag::ATTRIBUTE_VALUE);
                });
            }),
        }
    }

    fn attributes(self, number: usize, algorithm: CryptographicAlgorithm, member: Member<'_>) {
        let (object_type, usage, link, other) = match self {
            Half::Private => (
                ObjectType::PRIVATE_KEY,
                UsageMask::SIGN,
                LinkType::PUBLIC_KEY_LINK,
                Half::Public,
            ),
            Half::Public => (
                ObjectType::PUBLIC_KEY,
                UsageMask::VERIFY,
                LinkType::PRIVATE_KEY_LINK,
                Half::Private,
            ),
        };
        member(Tag::NAME, &|writer, tag| {
            writer.structure(tag, |writer| {
                writer.text(Tag::NAME_VALUE, &format!("key-{number}"));
                writer.enumeration(Tag::NAME_TYPE, NameType::UNINTERPRETED_TEXT_STRING);
            });
        });
        member(Tag::LINK, &|writer, tag| {
            writer.structure(tag, |writer| {
                writer.enumeration(Tag::LINK_TYPE, link);
                writer.text(Tag::LINKED_OBJECT_IDENTIFIER, &other.id(number));
            });
        });
        member(Tag::OBJECT_GROUP, &|it, tag| it.text(tag, "ssh"));
        member(Tag::OBJECT_TYPE, &|it, tag| {
            it.enumeration(tag, object_type)
        });
        member(Tag::CRYPTOGRAPHIC_ALGORITHM, &|it, tag| {
            it.enumeration(tag, algorithm)
        });
        member(Tag::CRYPTOGRAPHIC_USAGE_MASK, &|it, tag| {
            it.integer(tag, usage.0.cast_signed())
        });
        member(Tag::STATE, &|it, tag| it.enumeration(tag, State::ACTIVE));
        member(Tag::INITIAL_DATE, &|it, tag| {
            it.date_time(tag, 1_780_000_000)
        });
    }
}

fn value(writer: &mut Writer, number: usize, public: &PublicKey) {
    writer.enumeration(Tag::OBJECT_TYPE, ObjectType::PUBLIC_KEY);
    writer.text(Tag::UNIQUE_IDENTIFIER, &Half::Public.id(number));
    writer.structure(Tag::PUBLIC_KEY, |writer| {
        writer.structure(Tag::KEY_BLOCK, |writer| {
            writer.enumeration(Tag::KEY_FORMAT_TYPE, KeyFormatType::X_509);
            writer.structure(Tag::KEY_VALUE, |writer| {
                writer.bytes(Tag::KEY_MATERIAL, &public.to_spki().expect("a key"));
            });
        });
    });
}
