//! PyKMIP's own codec, which knows KMIP 1.0 to 2.0: it reads every request that we write, and what it writes again of what it
//! has understood are the bytes that we wrote.

use super::requests::expressible;
use super::samples::credentials;
use crate::kmip::message::{Header, MessageId, encode};
use crate::kmip::*;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Reads a message in hexadecimal digits from each line, and prints what it would write itself, or why it cannot read it.
const PROGRAM: &str = r#"
import sys
from kmip.core import utils
from kmip.core.messages import contents, messages
for line in sys.stdin:
    try:
        message = messages.RequestMessage()
        message.read(utils.BytearrayStream(bytes.fromhex(line.strip())))
        version = contents.protocol_version_to_kmip_version(message.request_header.protocol_version)
        again = utils.BytearrayStream()
        message.write(again, kmip_version=version)
        print(again.buffer.hex())
    except Exception as error:
        print("error", type(error).__name__, str(error).replace("\n", " "))
"#;

fn python() -> PathBuf {
    let installer = Path::new(env!("CARGO_MANIFEST_DIR")).join("tools/servers/install-pykmip.sh");
    let output = Command::new(installer).arg("--where").output().unwrap();
    let place = String::from_utf8(output.stdout).unwrap();
    Path::new(place.trim()).join("bin/python")
}

/// What PyKMIP makes of each message.
fn reread(messages: &[Vec<u8>]) -> Vec<String> {
    let mut child = Command::new(python())
        .args(["-c", PROGRAM])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("PyKMIP is installed by tools/servers/install-pykmip.sh");
    let lines: String = messages.iter().map(|bytes| hex(bytes) + "\n").collect();
    let mut input = child.stdin.take().unwrap();
    let writer = std::thread::spawn(move || input.write_all(lines.as_bytes()));
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    text.lines().map(str::to_owned).collect()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// What PyKMIP's codec lacks: from which version on, in which operation, in what kind of request (a part of its Debug form), and
/// what it says. Whatever else it does not read is an error of ours.
const LACKS: [(Version, Operation, &str, &str); 10] = [
    (
        Version::V1_0,
        Operation::ADD_ATTRIBUTE,
        "",
        "NotImplementedError",
    ),
    (
        Version::V1_2,
        Operation::MAC_VERIFY,
        "",
        "NotImplementedError",
    ),
    (Version::V1_2, Operation::HASH, "", "NotImplementedError"),
    (
        Version::V1_2,
        Operation::RNG_RETRIEVE,
        "",
        "NotImplementedError",
    ),
    (
        Version::V1_4,
        Operation::IMPORT,
        "",
        "unsupported operation: Operation.IMPORT",
    ),
    // A Key Value that was wrapped with its tag is bytes, and it wants a structure.
    (
        Version::V1_0,
        Operation::REGISTER,
        "encoding: None",
        "expected 1, received 8",
    ),
    (
        Version::V1_4,
        Operation::SIGN,
        "DigestedData",
        "missing the data attribute",
    ),
    (
        Version::V2_0,
        Operation::REKEY_KEY_PAIR,
        "",
        "bytes remaining",
    ),
    (
        Version::V2_0,
        Operation::GET_ATTRIBUTES,
        "Vendor",
        "Unrecognized attribute name",
    ),
    (
        Version::V2_0,
        Operation::DELETE_ATTRIBUTE,
        "reference: Standard",
        "expected 1, received 5",
    ),
];

/// The items with their values. Where an item should begin PyKMIP may have left eight zeros: it pads texts that need no padding.
fn outline(mut bytes: &[u8]) -> String {
    let mut text = String::new();
    while !bytes.is_empty() {
        if bytes[..8] == [0; 8] {
            bytes = &bytes[8..];
            continue;
        }
        let length = u32::from_be_bytes(bytes[4..8].try_into().unwrap()) as usize;
        let value = &bytes[8..8 + length];
        text += &match bytes[3] {
            1 => format!("{}{{{}}}", hex(&bytes[..3]), outline(value)),
            kind => format!("{}:{kind}={};", hex(&bytes[..3]), hex(value)),
        };
        bytes = &bytes[8 + length.next_multiple_of(8)..];
    }
    text
}

fn unhex(text: &str) -> Vec<u8> {
    let digits = text.as_bytes().chunks(2);
    digits
        .map(|two| u8::from_str_radix(std::str::from_utf8(two).unwrap(), 16).unwrap())
        .collect()
}

/// Whether PyKMIP is known not to read the request, and says so.
fn is_lacking(version: Version, request: &Request, said: &str) -> bool {
    let shown = format!("{request:?}");
    LACKS.iter().any(|(since, operation, kind, words)| {
        version >= *since
            && request.operation() == *operation
            && shown.contains(kind)
            && said.contains(words)
    })
}

fn assert_reread(version: Version, messages: &[(Request, Vec<u8>)]) {
    let bytes: Vec<Vec<u8>> = messages.iter().map(|(_, bytes)| bytes.clone()).collect();
    let read = reread(&bytes);
    assert_eq!(read.len(), messages.len());
    for ((request, bytes), again) in messages.iter().zip(read) {
        if again.starts_with("error") {
            assert!(
                is_lacking(version, request, &again),
                "{version} {request:?}: {again}"
            );
        } else {
            assert_eq!(
                outline(&unhex(&again)),
                outline(bytes),
                "{version} {request:?}"
            );
        }
    }
}

#[test]
#[ignore = "needs PyKMIP: tools/servers/install-pykmip.sh"]
fn pykmip_reads_what_we_write() {
    for version in Version::KNOWN
        .into_iter()
        .filter(|known| *known < Version::V2_1)
    {
        let requests = expressible(version).into_iter();
        let messages: Vec<_> = requests
            .map(|request| {
                let bytes = encode(version, MessageId(1), &[&request]).unwrap().to_vec();
                (request, bytes)
            })
            .collect();
        assert_reread(version, &messages);
    }
}

#[test]
#[ignore = "needs PyKMIP: tools/servers/install-pykmip.sh"]
fn pykmip_reads_the_header_that_we_write() {
    let credentials = credentials(Some("4"));
    for version in Version::KNOWN
        .into_iter()
        .filter(|known| *known < Version::V2_1)
    {
        let several = if version < Version::V1_2 { 1 } else { 2 };
        let header = Header {
            version,
            credentials: &credentials[..several],
            maximum_response_size: Some(1 << 20),
        };
        let request = Request::Query {
            functions: vec![QueryFunction::QUERY_OPERATIONS],
        };
        let bytes = encode(header, MessageId(1), &[&request, &request])
            .unwrap()
            .to_vec();
        assert_reread(version, &[(request, bytes)]);
    }
}
