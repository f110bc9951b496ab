//! X.509 certificates of keys on a server: objects of their own, that belong to the key they speak of.

use super::KmipToken;
use super::failure::kind_of;
use super::making::ToMake;
use super::pairing::CERTIFICATES;
use super::reading::get;
use crate::error::{Error, Result, TokenErrorKind};
use crate::kmip::{
    Attribute, CertificateType, LinkType, ManagedObject, ObjectType, Request, Response,
};
use crate::model::certificate::Certificate;
use crate::model::key::{Key, ObjectId};
use crate::token::Token;

impl KmipToken {
    /// Register (KMIP 2.1, 6.1.44), unless the key has it already.
    pub(super) fn register_certificate(&self, key: &Key, der: &[u8]) -> Result<Certificate> {
        let as_object = |id: String| self.certificate_of(key, ObjectId(id), der);
        as_object(String::new())?;
        let missing = |_| self.gone(format!("key {:?} ({}) is not there", key.name, key.id));
        let key = self.key_now(&key.id.0, &key.name)?.map_err(missing)?;
        if let Some(there) = key.certificates.iter().find(|it| it.der() == der) {
            return Ok(there.clone());
        }
        if key.certificates.len() >= CERTIFICATES {
            let reason = format!(
                "key {:?} has {CERTIFICATES} certificates, and no more are shown: remove one",
                key.name
            );
            return Err(self.failures.error(TokenErrorKind::Full, reason));
        }
        as_object(self.registered_certificate(&key, der)?)
    }

    /// With links to its key and in its groups, where the server keeps these; it is found without.
    fn registered_certificate(&self, key: &Key, der: &[u8]) -> Result<String> {
        let name = self.free_certificate_name(&key.name)?;
        let wanted = [ToMake {
            kind: ObjectType::CERTIFICATE,
            name: name.clone(),
        }];
        let (links, groups) = (links(key), groups(key));
        let mut refused = self.failures.unexpected("Register");
        for (more, marked) in [
            ([&links[..], &groups].concat(), true),
            (groups.clone(), true),
            (vec![], true),
            (vec![], false),
        ] {
            let request = |mark: &[Attribute]| Request::Register {
                object: ManagedObject::Certificate {
                    kind: CertificateType::X_509,
                    value: der.to_vec(),
                },
                attributes: [&[Attribute::Name(name.clone())], &more[..], mark].concat(),
            };
            match self.make_once(&wanted, marked, request)? {
                Ok(ids) => return Ok(ids.into_iter().next().unwrap_or_default()),
                Err(refusal) => refused = self.failures.refusal(&refusal),
            }
        }
        Err(refused)
    }

    /// NAME.crt, as in the folders of other programs, or NAME.2.crt and so on.
    fn free_certificate_name(&self, name: &str) -> Result<String> {
        let numbered = (2..).map(|number| format!("{name}.{number}.crt"));
        for name in std::iter::once(format!("{name}.crt")).chain(numbered) {
            if self.called(ObjectType::CERTIFICATE, &name)?.is_empty() {
                return Ok(name);
            }
        }
        Err(self.failures.unexpected("Locate by name"))
    }

    /// Ends a certificate, if it is one of the key's.
    pub(super) fn destroy_certificate(&self, key: &Key, id: &ObjectId) -> Result {
        match self.certificate_at(id)? {
            Some(it) if it.public_key == key.public => self.end_object(&id.0),
            _ => Err(self.gone(format!("key {:?} has no certificate {id}", key.name))),
        }
    }

    /// Those of a key that is destroyed: nobody can use them any more.
    pub(super) fn destroy_certificates(&self, key: &Key) -> Result {
        let mut left = vec![];
        for certificate in &key.certificates {
            match self.end_object(&certificate.id.0) {
                Err(Error::Token(error)) if error.kind != TokenErrorKind::Gone => {
                    left.push((certificate, error));
                }
                _ => {}
            }
        }
        let ids: Vec<_> = left.iter().map(|(it, _)| it.id.0.clone()).collect();
        match left.into_iter().next() {
            None => Ok(()),
            Some((_, mut error)) => {
                error.reason = format!(
                    "the pair {:?} is destroyed, but not its certificates {ids:?}: remove them at the server; {}",
                    key.name, error.reason
                );
                Err(Error::Token(error))
            }
        }
    }

    /// Servers differ in what they say of an identifier that they never gave.
    fn certificate_at(&self, id: &ObjectId) -> Result<Option<Certificate>> {
        use TokenErrorKind::{Denied, Gone, Impossible};
        match self.carry_out(&get(&id.0))? {
            Ok(Response::Get {
                object: ManagedObject::Certificate { value, .. },
                ..
            }) => Ok(Certificate::from_der(id.clone(), &value).ok()),
            Err(refusal) if !matches!(kind_of(&refusal), Denied | Gone | Impossible) => {
                Err(self.failures.refusal(&refusal))
            }
            _ => Ok(None),
        }
    }

    fn gone(&self, reason: String) -> Error {
        self.failures.error(TokenErrorKind::Gone, reason)
    }
}

fn links(key: &Key) -> Vec<Attribute> {
    let link = |kind, id: &ObjectId| Attribute::Link {
        kind,
        id: id.0.clone(),
    };
    let public = key.public_id.as_ref();
    let public = public.map(|id| link(LinkType::PUBLIC_KEY_LINK, id));
    let private = link(LinkType::PRIVATE_KEY_LINK, &key.id);
    public.into_iter().chain([private]).collect()
}

fn groups(key: &Key) -> Vec<Attribute> {
    key.groups
        .iter()
        .cloned()
        .map(Attribute::ObjectGroup)
        .collect()
}
