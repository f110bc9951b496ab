//! Format 1, byte for byte: what another program (Python's cryptography, by the words of
//! `docs/keystore-format.md`) has sealed and authenticated is opened and believed here.

use super::*;
use crate::token::keystore::sealing::DataKey;
use crate::token::keystore::wrapping::{Pin, Wrapping};

const SERIAL: &str = "0123456789abcdef";
const SPKI: &str =
    "302a300506032b6570032100ea4a6c63e29c520abef5507b132ec5f9954776aebebe7b92421eea691446d22c";
const PKCS8: &str = "302e020100300506032b6570042204200707070707070707070707070707070707070707070707070707070707070707";
const SEALED: &str = "09090909090909090909090905d9cd9ece25d23b59db6660cf200e825fe08c5b32f2673ac55b411ff996a7fc\
                      eda66d90e332fc5c6570c49b4e678ce8fd9679743d954917f66f88500e80ec6f";
const CODE: &str = "4bb84b5bc68ba291bc36208c3a6bda21502f3be86c1040cc8c8181c532ea0508";
const PARAMETERS: &str = "05050505050505050505050505050505000004000000000200000001";
const WRAPPED: &str = "0303030303030303030303030945a7518be30796279926bfe2c84b50d5d69f251b3735b5fc828950fac704ca\
                       02152db98379e6adde6ee0af4197511f";
const CHECK: &str = "2e47e71f5e5bed7eecea71d5d8b6797c9926a9f6843507d9ec9586556bbc8665";

fn bytes(hex: &str) -> Vec<u8> {
    let mut bytes = vec![0; hex.len() / 2];
    base16ct::lower::decode(hex, &mut bytes).unwrap();
    bytes
}

fn data_key() -> DataKey {
    DataKey::from_bytes(&(0..32).collect::<Vec<u8>>()).unwrap()
}

#[test]
fn a_row_that_another_program_has_written_opens() {
    let public = PublicKey::from_spki(&bytes(SPKI)).unwrap();
    let row = KeyRow {
        number: 7,
        id: "00112233445566778899aabbccddeeff".into(),
        name: "web".into(),
        own_label: None,
        label: "web".into(),
        cka_id: public.key_id(),
        public_key: bytes(SPKI),
        key_type: "ed25519".into(),
        state: 2,
        activated: Some(1_700_000_000),
        revoked: None,
        revocation: None,
        object_groups: "[\"a\"]".into(),
        extractable: false,
        never_extractable: true,
        created: 1_600_000_000,
        sealed: bytes(SEALED),
        code: bytes(CODE),
    };
    let keys = data_key().keys(SERIAL).unwrap();
    assert_eq!(keys.code(&row), row.code);
    assert!(keys.is_authentic(&row));
    assert_eq!(*keys.unseal(&row).unwrap(), bytes(PKCS8));
    let key = key_row::key(&row, vec![]).unwrap();
    assert_eq!(
        (key.public, &key.groups[..]),
        (public, &["a".to_owned()][..])
    );
}

#[test]
fn a_data_key_that_another_program_has_wrapped_unwraps() {
    let token = TokenRow {
        format: 1,
        serial: SERIAL.into(),
        created: 0,
        seal: "pin".into(),
        seal_parameters: bytes(PARAMETERS),
        data_key: bytes(WRAPPED),
        check_value: bytes(CHECK),
        failures: 0,
        last_failure: 0,
    };
    let unwrapped = Pin::new("1234").unwrap(&token).unwrap();
    assert_eq!(*unwrapped, data_key().bytes());
    assert!(data_key().keys(SERIAL).unwrap().are_of(&token));
}
