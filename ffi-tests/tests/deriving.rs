//! Keys that two keys agree on, in the slot of a keystore: by a key of the token, by keys of a session, by openssl.

use cryptoki_sys::*;
use ffi_tests::ciphers::plain;
use ffi_tests::here;
use ffi_tests::scratch::Scratch;
use ffi_tests::secret_keys::{digits, in_session, openssl, secret, with};
use ffi_tests::session::{Session, Template, class};
use ffi_tests::session_objects::{Objects, number};
use kmip_p11::crypto::private_key::PrivateKey;
use kmip_p11::model::public_key::{Curve, KeyType};

const P256: &[u8] = b"\x06\x08\x2a\x86\x48\xce\x3d\x03\x01\x07";

const OPEN: [(CK_ATTRIBUTE_TYPE, CK_BBOOL); 2] = [(CKA_SENSITIVE, 0), (CKA_EXTRACTABLE, 1)];

/// The private key of the token that agrees.
fn of_token(session: &Session<'_>) -> CK_OBJECT_HANDLE {
    let mut template = class(CKO_PRIVATE_KEY);
    template.push((CKA_LABEL, b"p256".to_vec()));
    session.find(&template).expect("a search")[0]
}

/// The point of a key of the token or the session, as an OCTET STRING.
fn point(session: &Session<'_>, key: CK_OBJECT_HANDLE) -> Vec<u8> {
    session.attribute(key, CKA_EC_POINT).expect("a point")
}

/// A pair of the session that agrees, or does not.
fn pair(objects: &Objects<'_>, derives: CK_BBOOL) -> [CK_OBJECT_HANDLE; 2] {
    let public = vec![(CKA_EC_PARAMS, P256.to_vec())];
    let private = with(vec![], &[(CKA_DERIVE, derives)]);
    objects
        .pair(CKM_EC_KEY_PAIR_GEN, &public, &private)
        .expect("a pair")
}

/// A template for an open generic secret of so many bytes.
fn open(length: CK_ULONG) -> Template {
    with(vec![(CKA_VALUE_LEN, number(length))], &OPEN)
}

fn value(session: &Session<'_>, key: CK_OBJECT_HANDLE) -> Vec<u8> {
    session.attribute(key, CKA_VALUE).expect("it is open")
}

#[test]
fn a_key_of_the_token_and_one_of_the_session_agree() {
    in_session(here!(), |session, objects| {
        let own = of_token(session);
        let [public, private] = pair(objects, 1);
        for (kdf, shared) in [(CKD_NULL, &b""[..]), (CKD_SHA256_KDF, b"info")] {
            for length in [1, 16, 32] {
                let one = objects.agree(own, (kdf, shared, &point(session, public)), &open(length));
                let other =
                    objects.agree(private, (kdf, shared, &point(session, own)), &open(length));
                let [one, other] = [one, other].map(|key| value(session, key.expect("a key")));
                assert_eq!((one.len() as CK_ULONG, &one), (length, &other));
            }
        }
    });
}

#[test]
fn openssl_agrees_on_the_same() {
    in_session(here!(), |session, objects| {
        let files = Scratch::new();
        let path = |name: &str| files.path().join(name).display().to_string();
        let theirs = PrivateKey::generate(KeyType::Ec(Curve::P256)).expect("a key");
        let own = of_token(session);
        let info = session.attribute(own, CKA_PUBLIC_KEY_INFO);
        std::fs::write(path("own"), info.expect("a public key")).expect("a file");
        let pkcs8 = theirs.to_pkcs8().expect("PKCS#8");
        std::fs::write(path("theirs"), &*pkcs8).expect("a file");
        let (key, peer) = (path("theirs"), path("own"));
        let line = ["pkeyutl", "-derive", "-inkey", &key, "-peerkey", &peer];
        let forms = ["-keyform", "DER", "-peerform", "DER"];
        let wanted = openssl(&[line.as_slice(), &forms].concat(), b"");
        let spki = theirs.public().to_spki().expect("a public key");
        let bare = &spki[spki.len() - 65..];
        let whole = objects.agree(own, (CKD_NULL, b"", bare), &with(vec![], &OPEN));
        let whole = whole.expect("a key");
        assert_eq!(value(session, whole), wanted);
        let end = objects.agree(own, (CKD_NULL, b"", bare), &open(16));
        assert_eq!(value(session, end.expect("a key")), wanted[16..]);
        for (kdf, name) in [
            (CKD_SHA1_KDF, "SHA1"),
            (CKD_SHA256_KDF, "SHA256"),
            (CKD_SHA512_KDF, "SHA512"),
            (CKD_SHA3_256_KDF, "SHA3-256"),
        ] {
            let made = objects.agree(own, (kdf, b"info", bare), &open(100));
            let made = value(session, made.expect("a key"));
            assert_eq!(made, x963(name, &wanted), "{name}");
        }
    });
}

/// 100 bytes of openssl's own ANSI X9.63.
fn x963(digest: &str, secret: &[u8]) -> Vec<u8> {
    let options = [
        format!("digest:{digest}"),
        format!("hexsecret:{}", digits(secret)),
        format!("hexinfo:{}", digits(b"info")),
    ];
    let mut line = vec!["kdf", "-binary", "-keylen", "100"];
    for option in &options {
        line.extend(["-kdfopt", option]);
    }
    line.push("X963KDF");
    openssl(&line, b"")
}

#[test]
fn the_key_tells_of_its_past_and_works() {
    in_session(here!(), |session, objects| {
        let [public, private] = pair(objects, 1);
        let peer = point(session, public);
        let aes = with(
            vec![
                (CKA_CLASS, number(CKO_SECRET_KEY)),
                (CKA_KEY_TYPE, number(CKK_AES)),
                (CKA_VALUE_LEN, number(32)),
            ],
            &[],
        );
        let shut = objects.agree(private, (CKD_NULL, b"", &peer), &aes);
        let shut = shut.expect("a key");
        for (kind, wanted) in [
            (CKA_KEY_TYPE, number(CKK_AES)),
            (CKA_VALUE_LEN, number(32)),
            (CKA_LOCAL, vec![0]),
            (CKA_KEY_GEN_MECHANISM, number(CK_UNAVAILABLE_INFORMATION)),
            (CKA_TOKEN, vec![0]),
            (CKA_ALWAYS_SENSITIVE, vec![1]),
            (CKA_NEVER_EXTRACTABLE, vec![1]),
        ] {
            assert_eq!(session.attribute(shut, kind), Ok(wanted), "{kind:#x}");
        }
        assert_eq!(
            session.attribute(shut, CKA_VALUE),
            Err(CKR_ATTRIBUTE_SENSITIVE)
        );
        let open = objects.agree(private, (CKD_NULL, b"", &peer), &with(aes, &OPEN));
        let open = open.expect("a key");
        for kind in [CKA_ALWAYS_SENSITIVE, CKA_NEVER_EXTRACTABLE] {
            assert_eq!(session.attribute(open, kind), Ok(vec![0]), "{kind:#x}");
        }
        let check = |key| session.attribute(key, CKA_CHECK_VALUE).expect("a value");
        assert_eq!(check(shut), check(open));
        let twice = objects.agree(private, (CKD_NULL, b"", &peer), &with(vec![], &OPEN));
        assert_eq!(
            value(session, twice.expect("a key")),
            value(session, open),
            "a pair agrees with itself, too"
        );
    });
}

/// A mechanism with its parameters, of which some are wrong.
fn refused(session: &Session<'_>, objects: &Objects<'_>) -> Vec<(&'static str, CK_RV)> {
    let own = of_token(session);
    let [public, _] = pair(objects, 1);
    let good = point(session, public);
    let mut off = good.clone();
    off[66] ^= 1;
    let p384 = PrivateKey::generate(KeyType::Ec(Curve::P384)).expect("a key");
    let other = p384.public().to_spki().expect("a public key");
    let other = &other[other.len() - 97..];
    let asked = |asked, template| objects.agree(own, asked, template).map(drop);
    let code = |answer: Result<(), CK_RV>| answer.err().unwrap_or(CKR_OK);
    let aes = vec![(CKA_KEY_TYPE, number(CKK_AES))];
    let pairs = vec![(CKA_CLASS, number(CKO_PRIVATE_KEY))];
    let rsa = vec![(CKA_KEY_TYPE, number(CKK_RSA))];
    let [none, long] = [vec![], open(33)];
    [
        ("good", asked((CKD_NULL, b"", &good), &none)),
        ("off the curve", asked((CKD_NULL, b"", &off), &none)),
        ("another curve", asked((CKD_NULL, b"", other), &none)),
        ("no point", asked((CKD_NULL, b"", b""), &none)),
        ("shared data", asked((CKD_NULL, b"info", &good), &none)),
        ("no such function", asked((99, b"", &good), &none)),
        ("AES without length", asked((CKD_NULL, b"", &good), &aes)),
        ("too long", asked((CKD_NULL, b"", &good), &long)),
        ("no length", asked((CKD_SHA256_KDF, b"", &good), &none)),
        ("a pair", asked((CKD_NULL, b"", &good), &pairs)),
        ("an RSA key", asked((CKD_NULL, b"", &good), &rsa)),
    ]
    .map(|(what, answer)| (what, code(answer)))
    .to_vec()
}

#[test]
fn what_is_wrong_gets_the_code_of_the_specification() {
    in_session(here!(), |session, objects| {
        let wanted = [
            ("good", CKR_OK),
            ("off the curve", CKR_MECHANISM_PARAM_INVALID),
            ("another curve", CKR_MECHANISM_PARAM_INVALID),
            ("no point", CKR_MECHANISM_PARAM_INVALID),
            ("shared data", CKR_MECHANISM_PARAM_INVALID),
            ("no such function", CKR_MECHANISM_PARAM_INVALID),
            ("AES without length", CKR_TEMPLATE_INCOMPLETE),
            ("too long", CKR_ATTRIBUTE_VALUE_INVALID),
            ("no length", CKR_TEMPLATE_INCOMPLETE),
            ("a pair", CKR_TEMPLATE_INCONSISTENT),
            ("an RSA key", CKR_ATTRIBUTE_VALUE_INVALID),
        ];
        assert_eq!(refused(session, objects), wanted);
    });
}

#[test]
fn keys_that_may_not_or_cannot_agree_do_not() {
    in_session(here!(), |session, objects| {
        let [public, private] = pair(objects, 0);
        let peer = point(session, public);
        let generic = with(secret(CKK_GENERIC_SECRET, &[7; 32]), &[(CKA_DERIVE, 1)]);
        let generic = objects.create(&generic).expect("a key");
        let rsa = session.find(&class(CKO_PRIVATE_KEY)).expect("a search");
        let is_rsa =
            |key: &CK_OBJECT_HANDLE| session.attribute(*key, CKA_KEY_TYPE) == Ok(number(CKK_RSA));
        let rsa = rsa.into_iter().find(is_rsa).expect("an RSA key");
        for (base, wanted) in [
            (private, CKR_KEY_FUNCTION_NOT_PERMITTED),
            (public, CKR_KEY_FUNCTION_NOT_PERMITTED),
            (rsa, CKR_KEY_FUNCTION_NOT_PERMITTED),
            (generic, CKR_KEY_TYPE_INCONSISTENT),
            (0x7fff_0001, CKR_KEY_HANDLE_INVALID),
        ] {
            let made = objects.agree(base, (CKD_NULL, b"", &peer), &vec![]);
            assert_eq!(made, Err(wanted), "{base:#x}");
        }
        for mechanism in [CKM_ECDH1_DERIVE, CKM_ECDH1_COFACTOR_DERIVE] {
            let bare = objects.derive(plain(mechanism), of_token(session), &vec![]);
            assert_eq!(bare, Err(CKR_MECHANISM_PARAM_INVALID));
        }
        let other = objects.derive(plain(CKM_ECDSA), of_token(session), &vec![]);
        assert_eq!(other, Err(CKR_MECHANISM_INVALID));
    });
}
