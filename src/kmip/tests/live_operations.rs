//! What a real server does of every operation, in every version, by hand like [`super::live`]. docs/servers.md is its summary:
//! what a server lacks stands in a list, and what the list does not name has to work.

mod usage;
mod vault;

use super::live::{client, is_spoken, server_kind};
use super::samples::create_key_pair;
use crate::kmip::*;

/// A name, the version from which on it is tried, and the trial.
type Trial = (&'static str, Version, fn(&Scene<'_>) -> Result<(), String>);

/// What PyKMIP lacks: the trial, the version from which on, and what it says.
const PYKMIP_LACKS: [(&str, Version, &str); 12] = [
    ("wrapped with its tag", Version::V1_0, "Encoding option"),
    (
        "wrapped with padding",
        Version::V1_1,
        "AES_KEY_WRAP_PADDING",
    ),
    ("wrapped in RSA", Version::V1_1, "wrap"),
    ("RSA encryption", Version::V1_2, ""),
    ("a code verified", Version::V1_2, "Invalid Message"),
    ("a digest", Version::V1_2, "Invalid Message"),
    ("random bytes", Version::V1_2, "Invalid Message"),
    ("an attribute added", Version::V1_0, "Invalid Message"),
    (
        "an attribute deleted by name",
        Version::V2_0,
        "Invalid Message",
    ),
    ("a pair made anew", Version::V1_1, "Operation Not Supported"),
    ("an import", Version::V1_4, "Invalid Message"),
    ("a digest signed", Version::V1_4, "Invalid Message"),
];

/// The same of Cosmian KMS.
const COSMIAN_LACKS: [(&str, Version, &str); 1] =
    [("an attribute deleted by name", Version::V2_0, "still there")];

/// A server, a version, and two keys made in it.
struct Scene<'a> {
    client: &'a Client,
    version: Version,
    key: String,
    kek: String,
}

impl Scene<'_> {
    /// The answer to one request, or what the server said instead.
    fn ask(&self, request: Request) -> Result<Response, String> {
        ask(self.client, request)
    }

    /// The object as it comes, wrapped as wished.
    fn object(
        &self,
        id: &str,
        wrapping: Option<KeyWrappingSpecification>,
    ) -> Result<ManagedObject, String> {
        let request = Request::Get {
            id: id.into(),
            format: None,
            wrapping,
        };
        match self.ask(request)? {
            Response::Get { object, .. } => Ok(object),
            other => panic!("{other:?}"),
        }
    }

    /// The bytes of a symmetric key.
    fn plain(&self, id: &str) -> Result<Vec<u8>, String> {
        let object = self.object(id, None)?;
        match object.key_block().map(|block| &block.material) {
            Some(KeyMaterial::Bytes(bytes)) => Ok(bytes.to_vec()),
            other => panic!("{other:?}"),
        }
    }

    /// A pair of RSA keys, active: the private one's and the public one's identifiers.
    fn pair(&self) -> Result<(String, String), String> {
        let mut request = create_key_pair();
        if let Request::CreateKeyPair {
            private, public, ..
        } = &mut request
        {
            *private = vec![Attribute::CryptographicUsageMask(
                UsageMask::SIGN | UsageMask::DECRYPT | UsageMask::UNWRAP_KEY,
            )];
            *public = vec![Attribute::CryptographicUsageMask(
                UsageMask::VERIFY | UsageMask::ENCRYPT | UsageMask::WRAP_KEY,
            )];
        }
        match self.ask(request)? {
            Response::CreateKeyPair {
                private_id,
                public_id,
            } => {
                for id in [&private_id, &public_id] {
                    self.ask(Request::Activate { id: id.clone() })?;
                }
                Ok((private_id, public_id))
            }
            other => panic!("{other:?}"),
        }
    }
}

fn ask(client: &Client, request: Request) -> Result<Response, String> {
    let mut answers = client.call(&[request]).map_err(|error| error.to_string())?;
    answers.remove(0).map_err(|refusal| refusal.to_string())
}

/// An active AES key for all uses, with more attributes.
fn aes(client: &Client, more: &[Attribute]) -> Result<String, String> {
    let mac = UsageMask::MAC_GENERATE | UsageMask::MAC_VERIFY;
    let wrap = UsageMask::WRAP_KEY | UsageMask::UNWRAP_KEY;
    let request = Request::Create {
        object_type: ObjectType::SYMMETRIC_KEY,
        attributes: [
            &[
                Attribute::CryptographicAlgorithm(CryptographicAlgorithm::AES),
                Attribute::CryptographicLength(256),
                Attribute::CryptographicUsageMask(
                    UsageMask::ENCRYPT | UsageMask::DECRYPT | mac | wrap,
                ),
            ],
            more,
        ]
        .concat(),
    };
    match ask(client, request)? {
        Response::Create { id, .. } => {
            ask(client, Request::Activate { id: id.clone() })?;
            Ok(id)
        }
        other => panic!("{other:?}"),
    }
}

/// Whether the list says that the server lacks it, and the server says so too.
fn is_lacking(name: &str, version: Version, said: &str) -> bool {
    let lacks = match server_kind().as_str() {
        "pykmip" => &PYKMIP_LACKS[..],
        _ => &COSMIAN_LACKS[..],
    };
    lacks.iter().any(|(lacking, since, words)| {
        name == *lacking && version >= *since && said.contains(words)
    })
}

fn try_all(client: &Client, version: Version) -> Vec<String> {
    let scene = Scene {
        client,
        version,
        key: aes(client, &[]).unwrap(),
        kek: aes(client, &[]).unwrap(),
    };
    let trials = vault::TRIALS.iter().chain(&usage::TRIALS);
    let tried = trials.filter(|(_, since, _)| version >= *since);
    let failed = tried.filter_map(|(name, _, trial)| {
        let outcome = trial(&scene);
        println!("{version} {name}: {outcome:?}");
        let said = outcome.err()?;
        (!is_lacking(name, version, &said)).then(|| format!("{version} {name}: {said}"))
    });
    failed.collect()
}

/// PyKMIP does not speak 2.1.
#[test]
#[ignore = "needs a server"]
fn every_operation_does_what_is_written_of_it() {
    let newest = match server_kind().as_str() {
        "pykmip" => Version::V2_0,
        _ => Version::V2_1,
    };
    let spoken = Version::KNOWN.into_iter().filter(|known| *known <= newest);
    let failed: Vec<String> = spoken
        .filter(|version| is_spoken(*version))
        .flat_map(|version| try_all(&client(Some(version)), version))
        .collect();
    assert!(failed.is_empty(), "{failed:#?}");
}
