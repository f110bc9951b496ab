//! Programs of an administrator's day, unmodified, on a slot whose keys live on a real KMIP server: one honest round
//! trip each. docs/programs.md has the recipes.

mod git;
mod gnutls;
mod java;
mod nss;
mod openssl_engine;
mod openvpn;
mod pkcs11_tool;
mod python;

use std::any::Any;

use ffi_tests::ServerKind;
use ffi_tests::keystore_scene::KeystoreScene;
use ffi_tests::openssh::user::User;
use ffi_tests::process::{Finished, run};
use ffi_tests::scene::Scene;
use kmip_p11::model::key::Key;
use kmip_p11::model::public_key::{Curve, KeyType};

const RSA: (&str, KeyType) = ("rsa", KeyType::Rsa(2048));
const P256: (&str, KeyType) = ("p256", KeyType::Ec(Curve::P256));
const ED25519: (&str, KeyType) = ("ed25519", KeyType::Ed25519);

const MESSAGE: &str = "a message that is to be signed\n";

/// A user with a message to sign, and the keys of his slot.
struct Desk {
    user: User,
    keys: Vec<Key>,
    /// What is there as long as the desk: the configuration, a keystore.
    _place: Box<dyn Any>,
}

/// A slot on Cosmian with these keys, unless that server is not wanted.
fn on_cosmian(test: &str, keys: &[(&str, KeyType)]) -> Option<Desk> {
    let kind = ServerKind::Cosmian;
    kind.is_wanted(test)
        .then(|| Desk::at(Scene::on(kind).with(keys)))
}

/// A keystore that is opened by a file, with these keys.
fn keystore(keys: &[(&str, KeyType)]) -> Desk {
    let scene = KeystoreScene::by_file().with(keys);
    Desk::of(scene.user(""), scene.keys(), scene)
}

impl Desk {
    fn at(scene: Scene) -> Self {
        let found = scene.keyring.token().find().expect("a listing");
        Self::of(scene.user(), found.keys, scene)
    }

    fn of(user: User, keys: Vec<Key>, place: impl Any) -> Self {
        user.desk.write("message", MESSAGE);
        for key in &keys {
            let (name, spki) = (short(key), key.public.to_spki().expect("a key"));
            user.desk.write(&format!("{name}.der"), spki);
            let line = format!("pkey -pubin -inform DER -in {name}.der -out {name}.pem");
            openssl(&user, &line).text();
        }
        Self {
            user,
            keys,
            _place: Box::new(place),
        }
    }

    fn key(&self, name: &str) -> &Key {
        let key = self.keys.iter().find(|key| short(key) == name);
        key.unwrap_or_else(|| panic!("no key {name}"))
    }

    /// The CKA_ID of a key, in hexadecimal digits.
    fn id(&self, name: &str) -> String {
        let bytes = self.key(name).key_id.iter();
        bytes.map(|byte| format!("{byte:02x}")).collect()
    }

    /// The CKA_LABEL of a key.
    fn label(&self, name: &str) -> String {
        self.key(name).label()
    }

    /// The object of a key, as a PKCS#11 URI.
    fn uri(&self, name: &str, kind: &str) -> String {
        let label = self.label(name).replace('@', "%40");
        format!("pkcs11:token=ssh%20keys;object={label};type={kind}")
    }
}

/// What the test calls it.
fn short(key: &Key) -> &str {
    key.name.split('@').next().unwrap_or_default()
}

/// Runs openssl in a user's folder.
fn openssl(user: &User, line: &str) -> Finished {
    run(user.command("openssl").args(line.split(' ')))
}

/// That a signature in a file is right, by the public key in another.
#[track_caller]
fn verifies(user: &User, public: &str, signature: &str) {
    let line = format!("dgst -sha256 -verify {public}.pem -signature {signature} message");
    assert_eq!(openssl(user, &line).text(), "Verified OK\n");
}

/// The first line that begins so, or has that in it.
fn line_with<'text>(text: &'text str, words: &str) -> &'text str {
    let mut lines = text.lines();
    let found = lines.find(|line| line.contains(words));
    found.unwrap_or_else(|| panic!("no line has {words:?}:\n{text}"))
}

/// A certificate by openssl for the key whose public half is in that file of PEM, issued by itself.
fn issued(user: &User, public: &str, subject: &str) {
    let make = "req -x509 -newkey rsa:2048 -nodes -keyout ca.key -out ca.pem -days 9 -subj /CN=ca";
    openssl(user, make).text();
    openssl(user, "req -new -key ca.key -subj /CN=x -out request.pem").text();
    let sign = format!(
        "x509 -req -in request.pem -CA ca.pem -CAkey ca.key -days 9 -force_pubkey {public} \
         -subj /CN={subject} -set_serial 77 -out certificate.pem"
    );
    openssl(user, &sign).text();
    openssl(
        user,
        "x509 -in certificate.pem -outform DER -out certificate.der",
    )
    .text();
}

/// pkcs11-tool on the user's slot.
fn pkcs11_tool(user: &User, line: &str) -> Finished {
    let mut command = user.command("pkcs11-tool");
    command.arg("--module").arg(user.module());
    run(command.args(line.split_whitespace()))
}

/// A certificate of the key, written into the slot by pkcs11-tool.
fn certified(desk: &Desk, name: &str, subject: &str) {
    issued(&desk.user, &format!("{name}.pem"), subject);
    let label = desk.label(name);
    let line = format!("--write-object certificate.der --type cert --label {label}");
    pkcs11_tool(&desk.user, &line).text();
}
