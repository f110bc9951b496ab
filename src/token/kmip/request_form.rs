//! The forms in which a server can be asked for a signature, and what is known of who takes which.
//!
//! Servers differ silently: one hashes a digest once more, one answers a PKCS#1 request with PSS.
//! So every form is named here, tried in turn, believed only after verification, and remembered.

use std::collections::HashMap;

use parking_lot::Mutex;
use serde::{Deserialize, Serialize};

use crate::crypto::digest_of;
use crate::kmip::{
    CryptographicAlgorithm, CryptographicParameters, DigitalSignatureAlgorithm, HashingAlgorithm,
    MaskGenerator, PaddingMethod, SignInput as KmipInput,
};
use crate::model::cipher::OaepHash;
use crate::model::key::ObjectId;
use crate::model::signature::{Hash, SignInput, SignScheme};

/// What the request carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Form {
    /// Digested Data (KMIP 1.4): the digest, to be signed as it is.
    DigestedData,
    /// Data: the message, to be hashed by the server.
    Data,
}

/// Which forms each server was seen to take, for each family of schemes apart, and which a key cannot be
/// asked in: neither an odd key nor an odd server of a group must spoil the others of a process that may
/// live for months. A server is known by what [`Client::identity`](crate::kmip::Client::identity) says.
#[derive(Debug, Default)]
pub struct FormMemory {
    known: Mutex<HashMap<(String, Family, Form), Experience>>,
    /// What another process found out, which counts until more is known.
    recalled: Mutex<HashMap<(String, Family, Form), Experience>>,
    unfit: Mutex<HashMap<(String, ObjectId, Form), String>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
enum Family {
    Rsa,
    RsaPss,
    Ecdsa,
    Ed25519,
    MlDsa,
}

/// A server, a form for a family of keys, and what came of it: for another process.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FormExperience(String, Family, Form, Experience);

/// What came of a form.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Experience {
    /// A signature that verified.
    Works,
    /// It never will, for this reason.
    Fails(String),
}

impl FormMemory {
    /// The forms to try with a server for an input, the best first, and why others are not tried.
    pub fn forms(
        &self,
        server: &str,
        key: &ObjectId,
        scheme: SignScheme,
        input: SignInput<'_>,
    ) -> (Vec<Form>, Vec<String>) {
        let possible: &[Form] = match (scheme, input) {
            (SignScheme::Ed25519 | SignScheme::MlDsa, _) => &[Form::Data],
            (_, SignInput::Message(_)) => &[Form::DigestedData, Form::Data],
            (_, SignInput::Digest(_)) => &[Form::DigestedData],
        };
        let (known, unfit) = (self.known.lock(), self.unfit.lock());
        let recalled = self.recalled.lock();
        let (mut forms, mut reasons) = (vec![], vec![]);
        for &form in possible {
            let of_key = unfit.get(&(server.to_owned(), key.clone(), form));
            let place = (server.to_owned(), family(scheme), form);
            match (known.get(&place).or_else(|| recalled.get(&place)), of_key) {
                (Some(Experience::Fails(reason)), _) | (_, Some(reason)) => {
                    if !reasons.contains(reason) {
                        reasons.push(reason.clone());
                    }
                }
                (Some(Experience::Works), None) => forms.insert(0, form),
                (None, None) => forms.push(form),
            }
        }
        (forms, reasons)
    }

    /// Keeps that a server cannot be asked for a key in a form.
    pub fn remember_unfit(&self, server: &str, key: &ObjectId, form: Form, reason: String) {
        let place = (server.to_owned(), key.clone(), form);
        self.unfit.lock().insert(place, reason);
    }

    /// All that is known, in an order that stays.
    pub fn experiences(&self) -> Vec<FormExperience> {
        let mut all = self.recalled.lock().clone();
        all.extend(self.known.lock().clone());
        let all = all.into_iter();
        let mut all: Vec<_> = all
            .map(|((server, family, form), it)| FormExperience(server, family, form, it))
            .collect();
        all.sort_by(|a, b| (&a.0, a.1, a.2).cmp(&(&b.0, b.1, b.2)));
        all
    }

    /// Takes over what another process found out.
    pub fn recall(&self, experiences: Vec<FormExperience>) {
        let experiences = experiences.into_iter();
        *self.recalled.lock() = experiences.map(|it| ((it.0, it.1, it.2), it.3)).collect();
    }

    /// Forgets what was taken over: the server may be another by now.
    pub fn forget_recalled(&self) {
        self.recalled.lock().clear();
    }

    /// Keeps what came of a form; what has worked can work again.
    pub fn remember(&self, server: &str, scheme: SignScheme, form: Form, experience: Experience) {
        let mut known = self.known.lock();
        let place = (server.to_owned(), family(scheme), form);
        let old = known.get(&place);
        if old != Some(&Experience::Works) && old != Some(&experience) {
            log::debug!("server {server}: signing {scheme} by {form:?}: {experience:?}");
            known.insert(place, experience);
        }
    }
}

fn family(scheme: SignScheme) -> Family {
    match scheme {
        SignScheme::RsaPkcs1(_) | SignScheme::RsaPkcs1Bare => Family::Rsa,
        SignScheme::RsaPss(_) => Family::RsaPss,
        SignScheme::Ecdsa(_) => Family::Ecdsa,
        SignScheme::Ed25519 => Family::Ed25519,
        SignScheme::MlDsa => Family::MlDsa,
    }
}

/// What a request of that form carries; `None` if the input does not serve for it.
pub fn kmip_input(form: Form, scheme: SignScheme, input: SignInput<'_>) -> Option<KmipInput> {
    match (form, scheme.hash(), input) {
        (Form::Data, _, SignInput::Message(message)) => Some(KmipInput::Data(message.to_vec())),
        (Form::DigestedData, Some(hash), _) => {
            Some(KmipInput::DigestedData(digest_of(input, hash)))
        }
        _ => None,
    }
}

/// The Cryptographic Parameters of a scheme. All that say the same are given: Cosmian makes PSS
/// without the Digital Signature Algorithm, PyKMIP makes nothing without the padding.
pub fn parameters(scheme: SignScheme) -> CryptographicParameters {
    match scheme {
        SignScheme::RsaPkcs1(hash) => CryptographicParameters {
            padding: Some(PaddingMethod::PKCS1_V15),
            hashing: Some(hashing(hash)),
            signature_algorithm: Some(match hash {
                Hash::Sha256 => DigitalSignatureAlgorithm::SHA256_WITH_RSA_ENCRYPTION,
                Hash::Sha384 => DigitalSignatureAlgorithm::SHA384_WITH_RSA_ENCRYPTION,
                Hash::Sha512 => DigitalSignatureAlgorithm::SHA512_WITH_RSA_ENCRYPTION,
            }),
            algorithm: Some(CryptographicAlgorithm::RSA),
            ..CryptographicParameters::default()
        },
        SignScheme::RsaPss(hash) => CryptographicParameters {
            padding: Some(PaddingMethod::PSS),
            hashing: Some(hashing(hash)),
            signature_algorithm: Some(DigitalSignatureAlgorithm::RSASSA_PSS),
            algorithm: Some(CryptographicAlgorithm::RSA),
            salt_length: u32::try_from(hash.digest_len()).ok(),
            mask_generator: Some(MaskGenerator::MGF1),
            mask_generator_hashing: Some(hashing(hash)),
            ..CryptographicParameters::default()
        },
        SignScheme::Ecdsa(hash) => CryptographicParameters {
            hashing: Some(hashing(hash)),
            signature_algorithm: Some(match hash {
                Hash::Sha256 => DigitalSignatureAlgorithm::ECDSA_WITH_SHA256,
                Hash::Sha384 => DigitalSignatureAlgorithm::ECDSA_WITH_SHA384,
                Hash::Sha512 => DigitalSignatureAlgorithm::ECDSA_WITH_SHA512,
            }),
            algorithm: Some(CryptographicAlgorithm::ECDSA),
            ..CryptographicParameters::default()
        },
        SignScheme::RsaPkcs1Bare | SignScheme::Ed25519 | SignScheme::MlDsa => {
            CryptographicParameters::default()
        }
    }
}

/// The hash of OAEP.
pub fn oaep_hashing(hash: OaepHash) -> HashingAlgorithm {
    match hash {
        OaepHash::Sha1 => HashingAlgorithm::SHA_1,
        OaepHash::Sha256 => HashingAlgorithm::SHA_256,
        OaepHash::Sha384 => HashingAlgorithm::SHA_384,
        OaepHash::Sha512 => HashingAlgorithm::SHA_512,
    }
}

fn hashing(hash: Hash) -> HashingAlgorithm {
    match hash {
        Hash::Sha256 => HashingAlgorithm::SHA_256,
        Hash::Sha384 => HashingAlgorithm::SHA_384,
        Hash::Sha512 => HashingAlgorithm::SHA_512,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RSA: SignScheme = SignScheme::RsaPkcs1(Hash::Sha256);
    const MESSAGE: SignInput<'_> = SignInput::Message(b"m");
    const DIGEST: SignInput<'_> = SignInput::Digest(&[0; 32]);

    const HERE: &str = "here:5696 a server";

    fn key() -> ObjectId {
        ObjectId("1".into())
    }

    #[test]
    fn one_odd_key_does_not_spoil_the_others() {
        let forms = FormMemory::default();
        forms.remember_unfit(HERE, &key(), Form::DigestedData, "no".into());
        assert_eq!(
            forms.forms(HERE, &key(), RSA, DIGEST),
            (vec![], vec!["no".into()])
        );
        let other = ObjectId("2".into());
        assert_eq!(
            forms.forms(HERE, &other, RSA, DIGEST).0,
            [Form::DigestedData]
        );
    }

    #[test]
    fn one_odd_server_does_not_spoil_the_others() {
        let forms = FormMemory::default();
        forms.remember(
            HERE,
            RSA,
            Form::DigestedData,
            Experience::Fails("no".into()),
        );
        assert_eq!(
            forms.forms(HERE, &key(), RSA, DIGEST),
            (vec![], vec!["no".into()])
        );
        for other in ["there:5696 a server", "here:5696 a newer server"] {
            let order = forms.forms(other, &key(), RSA, DIGEST);
            assert_eq!(order, (vec![Form::DigestedData], vec![]));
        }
    }

    #[test]
    fn what_has_worked_is_not_given_up() {
        let forms = FormMemory::default();
        forms.remember(HERE, RSA, Form::DigestedData, Experience::Works);
        forms.remember(
            HERE,
            RSA,
            Form::DigestedData,
            Experience::Fails("no".into()),
        );
        assert_eq!(
            forms.forms(HERE, &key(), RSA, DIGEST).0,
            [Form::DigestedData]
        );
    }

    #[test]
    fn what_another_process_found_out_counts_until_more_is_known() {
        let (first, second) = (FormMemory::default(), FormMemory::default());
        first.remember(
            HERE,
            RSA,
            Form::DigestedData,
            Experience::Fails("old".into()),
        );
        second.recall(first.experiences());
        assert_eq!(second.experiences(), first.experiences());
        let refused = (vec![], vec!["old".into()]);
        assert_eq!(second.forms(HERE, &key(), RSA, DIGEST), refused);
        second.forget_recalled();
        assert_eq!(
            second.forms(HERE, &key(), RSA, DIGEST).0,
            [Form::DigestedData]
        );
        second.recall(first.experiences());
        second.remember(HERE, RSA, Form::DigestedData, Experience::Works);
        assert_eq!(
            second.forms(HERE, &key(), RSA, DIGEST).0,
            [Form::DigestedData]
        );
    }

    #[test]
    fn a_digest_is_never_given_as_data() {
        let forms = FormMemory::default();
        assert_eq!(
            forms.forms(HERE, &key(), RSA, DIGEST),
            (vec![Form::DigestedData], vec![])
        );
        assert!(kmip_input(Form::Data, RSA, DIGEST).is_none());
        assert!(kmip_input(Form::DigestedData, SignScheme::Ed25519, MESSAGE).is_none());
    }

    #[test]
    fn what_works_comes_first_and_what_fails_is_not_tried_again() {
        let forms = FormMemory::default();
        forms.remember(HERE, RSA, Form::Data, Experience::Works);
        let (order, _) = forms.forms(HERE, &key(), RSA, MESSAGE);
        assert_eq!(order, [Form::Data, Form::DigestedData]);
        forms.remember(
            HERE,
            RSA,
            Form::DigestedData,
            Experience::Fails("no".into()),
        );
        assert_eq!(
            forms.forms(HERE, &key(), RSA, MESSAGE),
            (vec![Form::Data], vec!["no".into()])
        );
        assert_eq!(
            forms.forms(HERE, &key(), RSA, DIGEST),
            (vec![], vec!["no".into()])
        );
        let ecdsa = SignScheme::Ecdsa(Hash::Sha256);
        assert_eq!(
            forms.forms(HERE, &key(), ecdsa, DIGEST).0,
            [Form::DigestedData]
        );
    }
}
