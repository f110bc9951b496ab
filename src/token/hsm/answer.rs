//! What a module in this process answers to each request.

use std::num::NonZeroUsize;

use cryptoki::error::{Error, RvError};
use cryptoki::object::{Attribute, AttributeType, ObjectClass, ObjectHandle};
use cryptoki::session::Session;

use super::device::*;
use super::seat::Seat;
use super::{certificates, foreign_mechanism, template};
use crate::model::mechanism_call::MechanismCall;

/// How many handles C_FindObjects gives at once.
const AT_ONCE: NonZeroUsize = match NonZeroUsize::new(256) {
    Some(count) => count,
    None => NonZeroUsize::MIN,
};

const MOST_RANDOM: u32 = 4096;

impl Seat {
    /// One request of that user.
    pub fn answer(&self, user: u64, request: &Request) -> Result<Reply, Fault> {
        match request {
            Request::Token => self.facts().map(Reply::Token),
            Request::Mechanisms => self.mechanisms().map(Reply::Mechanisms),
            Request::Login(pin) => self.login(user, pin).map(|()| Reply::Done),
            Request::Logout => self.logout(user).map(|()| Reply::Done),
            Request::SetPin(old, new) => self.set_pin(old, new).map(|()| Reply::Done),
            Request::Objects => self.objects().map(Reply::Objects),
            Request::Sign {
                key,
                mechanism,
                data,
            } => self.sign(*key, mechanism, data).map(Reply::Bytes),
            Request::Verify {
                key,
                mechanism,
                data,
                signature,
            } => self
                .verify(*key, mechanism, data, signature)
                .map(Reply::Verdict),
            Request::GeneratePair(pair) => self.generate(pair),
            Request::ImportPair(pkcs8, pair) => self.import(pkcs8, pair),
            Request::TakeCertificate {
                label,
                id,
                certificate,
            } => self.take_certificate(label, id, certificate),
            Request::GenerateWrappingKey {
                label,
                id,
                extractable,
            } => self.generate_wrapping_key(label, id, *extractable),
            Request::GenerateWrappingPair { label, id, bits } => {
                self.generate_wrapping_pair(label, id, *bits)
            }
            Request::TakePublicKey { modulus, exponent } => self.take_public_key(modulus, exponent),
            Request::Confine(key) => self.confine(*key),
            Request::Wrap {
                with,
                key,
                wrapping,
            } => self.wrap(*with, *key, *wrapping),
            Request::Unwrap {
                with,
                wrapping,
                wrapped,
                into,
            } => self.unwrap(*with, *wrapping, wrapped, *into),
            Request::GenerateCipherKey { label, id } => self.generate_cipher_key(label, id),
            Request::Encrypt { key, iv, data } => self.encrypt(*key, *iv, data),
            Request::Decrypt { key, iv, data } => self.decrypt(*key, *iv, data),
            Request::Open { key, padding, data } => self.open(*key, padding, data),
            Request::Name { objects, label, id } => {
                self.name(objects, label.as_deref(), id.as_deref())
            }
            Request::Destroy(objects) => self.destroy(objects),
            Request::Random(bytes) => self.random(*bytes),
        }
    }

    fn mechanisms(&self) -> Result<Vec<MechanismFacts>, Fault> {
        let functions = &self.module.functions;
        let mut all = vec![];
        for kind in functions.get_mechanism_list(self.slot)? {
            let info = functions.get_mechanism_info(self.slot, kind)?;
            all.push(template::mechanism_facts(*kind, &info));
        }
        for kind in foreign_mechanism::UNLISTED {
            if let Ok(info) = functions.get_mechanism_info(self.slot, kind) {
                all.push(template::mechanism_facts(*kind, &info));
            }
        }
        Ok(all)
    }

    fn objects(&self) -> Result<Vec<Object>, Fault> {
        let mut all = vec![];
        self.with(|session| {
            for class in [
                Class::Public,
                Class::Private,
                Class::Certificate,
                Class::Secret,
            ] {
                let wanted = [Attribute::Token(true), Attribute::Class(number(class))];
                let found = session.iter_objects_with_cache_size(&wanted, AT_ONCE)?;
                let handles = found.collect::<Result<Vec<_>, _>>()?;
                for handle in handles {
                    self.note(handle);
                    all.push(read(session, handle, class)?);
                }
            }
            Ok(())
        })?;
        Ok(all)
    }

    fn sign(&self, key: Handle, call: &MechanismCall, data: &[u8]) -> Result<Vec<u8>, Fault> {
        let key = self.object(key)?;
        let mechanism = foreign_mechanism::of_call(call)?;
        self.with(|session| Ok(session.sign(&mechanism, key, data)?))
    }

    fn verify(
        &self,
        key: Handle,
        call: &MechanismCall,
        data: &[u8],
        signature: &[u8],
    ) -> Result<Option<bool>, Fault> {
        use RvError as Rv;
        let key = self.object(key)?;
        let mechanism = foreign_mechanism::of_call(call)?;
        self.with(
            |session| match session.verify(&mechanism, key, data, signature) {
                Ok(()) => Ok(Some(true)),
                Err(Error::Pkcs11(Rv::SignatureInvalid | Rv::SignatureLenRange, _)) => {
                    Ok(Some(false))
                }
                Err(Error::Pkcs11(Rv::MechanismInvalid | Rv::FunctionNotSupported, _)) => Ok(None),
                Err(error) => Err(error.into()),
            },
        )
    }

    fn generate(&self, pair: &NewPair) -> Result<Reply, Fault> {
        let mut outcome = Err(Fault::new(
            FaultKind::Mechanism,
            "no form of the curve fits",
        ));
        for parameters in template::parameters_of(pair.key_type) {
            let id = self.some_bytes(20)?;
            let (public, private) = template::of_new_pair(pair, &id, &parameters);
            let mechanism = template::pair_generation(pair.key_type);
            outcome =
                self.with(|session| Ok(session.generate_key_pair(&mechanism, &public, &private)?));
            if outcome.is_ok() {
                break;
            }
        }
        let (public, private) = outcome?;
        Ok(Reply::Pair(self.note(public), self.note(private)))
    }

    fn import(&self, pkcs8: &Secret, pair: &NewPair) -> Result<Reply, Fault> {
        let mut outcome = Err(Fault::new(FaultKind::Input, "this is no key of that type"));
        for parameters in template::parameters_of(pair.key_type) {
            let (public, private) = template::of_imported_pair(pkcs8, pair, &parameters)?;
            outcome = self.with(|session| {
                let private = session.create_object(private.attributes())?;
                match session.create_object(&public) {
                    Ok(public) => Ok((public, private)),
                    Err(error) => {
                        // Half a pair is none; that it cannot be removed either, nobody can help.
                        let _ = session.destroy_object(private);
                        Err(error.into())
                    }
                }
            });
            if outcome.is_ok() {
                break;
            }
        }
        let (public, private) = outcome?;
        Ok(Reply::Pair(self.note(public), self.note(private)))
    }

    fn take_certificate(&self, label: &str, id: &[u8], der: &[u8]) -> Result<Reply, Fault> {
        let template = certificates::template_of(label, id, der)?;
        let made = self.with(|session| Ok(session.create_object(&template)?))?;
        Ok(Reply::Object(self.note(made)))
    }

    fn generate_wrapping_key(
        &self,
        label: &str,
        id: &[u8],
        extractable: bool,
    ) -> Result<Reply, Fault> {
        let template = template::of_wrapping_key(label, id, extractable);
        let mechanism = cryptoki::mechanism::Mechanism::AesKeyGen;
        let made = self.with(|session| Ok(session.generate_key(&mechanism, &template)?))?;
        Ok(Reply::Object(self.note(made)))
    }

    fn generate_wrapping_pair(&self, label: &str, id: &[u8], bits: u32) -> Result<Reply, Fault> {
        let (public, private) = template::of_wrapping_pair(label, id, bits);
        let mechanism = cryptoki::mechanism::Mechanism::RsaPkcsKeyPairGen;
        let (public, private) =
            self.with(|session| Ok(session.generate_key_pair(&mechanism, &public, &private)?))?;
        Ok(Reply::Pair(self.note(public), self.note(private)))
    }

    fn take_public_key(&self, modulus: &[u8], exponent: &[u8]) -> Result<Reply, Fault> {
        let template = template::of_foreign_public_key(modulus, exponent);
        let made = self.with_nursery(|session| Ok(session.create_object(&template)?))?;
        Ok(Reply::Object(self.note(made)))
    }

    fn confine(&self, key: Handle) -> Result<Reply, Fault> {
        let key = self.object(key)?;
        self.with(|session| Ok(session.update_attributes(key, &[Attribute::Extractable(false)])?))?;
        Ok(Reply::Done)
    }

    fn wrap(&self, with: Handle, key: Handle, wrapping: Wrapping) -> Result<Reply, Fault> {
        let (with, key) = (self.object(with)?, self.object(key)?);
        let mechanism = foreign_mechanism::of_wrapping(wrapping);
        self.with(|session| Ok(session.wrap_key(&mechanism, with, key)?))
            .map(Reply::Bytes)
    }

    fn unwrap(
        &self,
        with: Handle,
        wrapping: Wrapping,
        wrapped: &[u8],
        into: Unwrapped,
    ) -> Result<Reply, Fault> {
        let with = self.object(with)?;
        let mechanism = foreign_mechanism::of_wrapping(wrapping);
        let template = template::of_unwrapped(into);
        let made = self.with_nursery(|session| {
            Ok(session.unwrap_key(&mechanism, with, wrapped, &template)?)
        })?;
        Ok(Reply::Object(self.note(made)))
    }

    fn name(
        &self,
        objects: &[Handle],
        label: Option<&str>,
        id: Option<&[u8]>,
    ) -> Result<Reply, Fault> {
        let label = label.map(|label| Attribute::Label(label.as_bytes().to_vec()));
        let id = id.map(|id| Attribute::Id(id.to_vec()));
        let template: Vec<_> = label.into_iter().chain(id).collect();
        for handle in objects {
            let object = self.object(*handle)?;
            self.with(|session| Ok(session.update_attributes(object, &template)?))?;
        }
        Ok(Reply::Done)
    }

    fn destroy(&self, objects: &[Handle]) -> Result<Reply, Fault> {
        for handle in objects {
            let object = self.object(*handle)?;
            self.with(|session| Ok(session.destroy_object(object)?))?;
            self.forget_object(*handle);
        }
        Ok(Reply::Done)
    }

    fn random(&self, bytes: u32) -> Result<Reply, Fault> {
        match bytes <= MOST_RANDOM {
            true => self
                .with(|session| Ok(session.generate_random_vec(bytes)?))
                .map(Reply::Bytes),
            false => Err(Fault::new(FaultKind::Length, "that many random bytes")),
        }
    }

    fn some_bytes(&self, count: usize) -> Result<Vec<u8>, Fault> {
        let mut bytes = vec![0; count];
        let failed = |_| Fault::new(FaultKind::Failed, "the system has no randomness");
        crate::crypto::fill_with_random(&mut bytes).map_err(failed)?;
        Ok(bytes)
    }
}

fn number(class: Class) -> ObjectClass {
    match class {
        Class::Private => ObjectClass::PRIVATE_KEY,
        Class::Public => ObjectClass::PUBLIC_KEY,
        Class::Certificate => ObjectClass::CERTIFICATE,
        Class::Secret => ObjectClass::SECRET_KEY,
    }
}

/// All that an object tells. A module that refuses the whole question is asked attribute by
/// attribute: what it does not know must not hide what it does.
fn read(session: &Session, handle: ObjectHandle, class: Class) -> Result<Object, Fault> {
    let kinds = attributes_of(class);
    let told = session.get_attributes(handle, &kinds).unwrap_or_else(|_| {
        let one = |kind: &AttributeType| session.get_attributes(handle, &[*kind]);
        kinds
            .iter()
            .filter_map(|kind| one(kind).ok())
            .flatten()
            .collect()
    });
    let mut object = template::nothing_of(handle.handle(), class);
    told.into_iter()
        .for_each(|attribute| object.learn(attribute));
    Ok(object)
}

/// What both halves of a pair tell.
const OF_A_PAIR: [AttributeType; 9] = [
    AttributeType::Label,
    AttributeType::Id,
    AttributeType::KeyType,
    AttributeType::Modulus,
    AttributeType::PublicExponent,
    AttributeType::EcParams,
    AttributeType::EcPoint,
    AttributeType::ParameterSet,
    AttributeType::PublicKeyInfo,
];

fn attributes_of(class: Class) -> Vec<AttributeType> {
    use AttributeType as Kind;
    match class {
        Class::Public => [OF_A_PAIR.as_slice(), &[Kind::Value]].concat(),
        Class::Private => {
            let guarded = [
                Kind::Sign,
                Kind::Decrypt,
                Kind::Unwrap,
                Kind::Sensitive,
                Kind::Extractable,
                Kind::AlwaysSensitive,
                Kind::NeverExtractable,
                Kind::AlwaysAuthenticate,
            ];
            [OF_A_PAIR.as_slice(), &guarded].concat()
        }
        Class::Certificate => vec![Kind::Label, Kind::Id, Kind::Value],
        Class::Secret => vec![
            Kind::Label,
            Kind::Id,
            Kind::KeyType,
            Kind::Unwrap,
            Kind::Sensitive,
            Kind::Extractable,
        ],
    }
}
