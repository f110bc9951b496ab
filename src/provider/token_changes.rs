//! What programs change in a token: keys and certificates that come, get other names, and go.

use cryptoki_sys::*;

use super::new_object::{NewObject, unique_id};
use super::objects::Part;
use super::session_object::Material;
use super::slot::Slot;
use super::token_object::TokenObject;
use crate::crypto::private_key::PrivateKey;
use crate::error::{Error, Result, TokenError, TokenErrorKind};
use crate::model::attribute::{Attributes, Template};
use crate::model::key::{Key, State};
use crate::model::public_key::{KeyType, PublicKey};
use crate::token::{NewKey, Revocation, Wish};

/// A search is for as many as this at once: there is one, or there are two by mistake.
const FEW: usize = 2;

impl Slot {
    /// A new object of a program becomes the token's; the answer is its handle.
    pub fn take_in(&self, new: &NewObject) -> Result<CK_OBJECT_HANDLE> {
        match &*new.material {
            Material::Private(private) => {
                let key = self.import(private, &new.attributes)?;
                self.shown(&key, Part::Private)
            }
            Material::Public(public) => self.public_of(public),
            Material::None if new.attributes.number(CKA_CLASS) == Some(CKO_CERTIFICATE) => {
                self.certify(&new.attributes)
            }
            _ => Err(Error::TemplateInconsistent(
                "this token keeps keys that sign, and their certificates; make a session object",
            )),
        }
    }

    fn import(&self, private: &PrivateKey, given: &Attributes) -> Result<Key> {
        let wanted = self.wanted(given, given, private.public().key_type())?;
        let imported = self.token.import(private, &wanted).map_err(unfit);
        self.presented(imported?, given)
    }

    /// A new pair of that type in the token, which is to decrypt or not: the private key's handle, and the
    /// public half.
    pub fn generate(
        &self,
        private: &Attributes,
        public: &Attributes,
        (key_type, decrypts): (KeyType, bool),
    ) -> Result<(CK_OBJECT_HANDLE, TokenObject)> {
        let wanted = NewKey {
            decrypts,
            ..self.wanted(private, public, key_type)?
        };
        let made = self.token.generate(&wanted).map_err(unfit)?;
        let key = match private.get(CKA_ID) {
            Some([_, ..]) => self.presented(made, private)?,
            _ => self.presented(made, public)?,
        };
        let private = self.shown(&key, Part::Private)?;
        let public = self.shown(&key, Part::Public)?;
        let public = self
            .token_object(public)?
            .ok_or(Error::ObjectHandleInvalid(public))?;
        Ok((private, public))
    }

    /// The key that its templates speak of, in the slot's own group.
    fn wanted(&self, private: &Attributes, public: &Attributes, of: KeyType) -> Result<NewKey> {
        Ok(NewKey {
            groups: self.token.usual_group().into_iter().collect(),
            ..wanted(private, public, of)?
        })
    }

    /// The key with the CKA_ID that its template has. A key that cannot have it goes again.
    fn presented(&self, key: Key, given: &Attributes) -> Result<Key> {
        let id = given.get(CKA_ID).unwrap_or_default();
        if id.is_empty() || id == key.key_id {
            return Ok(key);
        }
        let wish = Wish::Id(Some(id.to_vec()));
        match self.token.present(&key, &wish) {
            Ok(()) => Ok(Key {
                key_id: id.to_vec(),
                ..key
            }),
            Err(error) => {
                self.undo(&key);
                Err(error)
            }
        }
    }

    /// The handle of a key's object that was made a moment ago. What the slot hides from programs
    /// is not theirs to make.
    fn shown(&self, key: &Key, part: Part) -> Result<CK_OBJECT_HANDLE> {
        self.objects.expire();
        let unique = part.unique_id(key).into_bytes();
        let mut template = of_class(part.class());
        template.push((CKA_UNIQUE_ID, unique));
        let by_id = with(&template, CKA_ID, &key.key_id);
        let found = match self.first(by_id)? {
            None => self.first(template)?,
            found => found,
        };
        found.ok_or_else(|| {
            self.undo(key);
            Error::TemplateInconsistent(
                "the slot would hide that key from programs (slot.keys in the configuration)",
            )
        })
    }

    fn first(&self, template: Template) -> Result<Option<CK_OBJECT_HANDLE>> {
        let mut search = self.objects.search(template, true)?;
        let found = self.objects.next(&mut search, FEW, |_| true)?;
        Ok(found.first().copied())
    }

    fn undo(&self, key: &Key) {
        if let Err(error) = self.remove(key) {
            log::warn!("the key {:?} was made and is left over: {error}", key.name);
        }
    }

    /// A public key is there with its private half, or not at all.
    fn public_of(&self, public: &PublicKey) -> Result<CK_OBJECT_HANDLE> {
        let found = self.key_with(public, Part::Public)?;
        found
            .map(|object| object.handle)
            .ok_or(Error::TemplateInconsistent(
                "this token has a public key with its private half only: write that one first",
            ))
    }

    fn certify(&self, given: &Attributes) -> Result<CK_OBJECT_HANDLE> {
        let der = given.get(CKA_VALUE).unwrap_or_default();
        let public = super::new_object::certificate_of(der)?.public_key;
        let object = self.key_with(&public, Part::Private)?;
        let object = object.ok_or(Error::TemplateInconsistent(
            "this token keeps certificates of its keys, and none of them is of this certificate",
        ))?;
        let kept = self.token.certify(&object.key, der)?;
        self.objects.expire();
        let template = with(&of_class(CKO_CERTIFICATE), CKA_VALUE, kept.der());
        let by_id = with(&template, CKA_ID, &object.key.key_id);
        self.first(by_id)?.ok_or(Error::ObjectHandleInvalid(0))
    }

    fn key_with(&self, public: &PublicKey, part: Part) -> Result<Option<TokenObject>> {
        let spki = public.to_spki().unwrap_or_default();
        let template = with(&of_class(part.class()), CKA_PUBLIC_KEY_INFO, &spki);
        let usual = with(&template, CKA_ID, &public.key_id());
        let found = match self.first(usual)? {
            None => self.first(template)?,
            found => found,
        };
        let object = found.map(|handle| self.token_object(handle)).transpose()?;
        Ok(object.flatten())
    }

    /// C_DestroyObject. A key in use is revoked before, as every token wants it.
    pub fn destroy(&self, object: &TokenObject) -> Result {
        let key = &object.key;
        let done = match object.part {
            Part::Private | Part::Public => self.remove(key),
            Part::Certificate(place) => match key.certificates.get(usize::from(place)) {
                Some(certificate) => self.token.uncertify(key, &certificate.id),
                None => Err(Error::ObjectHandleInvalid(object.handle)),
            },
        };
        self.objects.expire();
        done.map_err(|error| unmoved(error, object.handle))
    }

    fn remove(&self, key: &Key) -> Result {
        let revocation = Revocation {
            compromised: false,
            message: Some("destroyed by a program".into()),
        };
        if key.state == State::Active {
            match self.token.revoke(key, &revocation) {
                // A token without states destroys a key as it is.
                Err(Error::Token(error)) if error.kind == TokenErrorKind::Impossible => {}
                revoked => revoked?,
            }
        }
        self.token.destroy(key)
    }

    /// C_SetAttributeValue: a key's label and CKA_ID are what can change, both or neither.
    pub fn change(&self, object: &TokenObject, old: &Attributes, new: &Attributes) -> Result {
        let differs = |kind| old.get(kind) != new.get(kind);
        let mut others = new.iter().map(|(kind, _)| kind);
        let other = others.find(|&kind| !matches!(kind, CKA_ID | CKA_LABEL) && differs(kind));
        if let Some(kind) = other {
            return Err(Error::AttributeReadOnly(kind));
        }
        let done = self.change_names(object, old, new);
        self.objects.expire();
        done.map_err(|error| unmoved(error, object.handle))
    }

    fn change_names(&self, object: &TokenObject, old: &Attributes, new: &Attributes) -> Result {
        let key = &object.key;
        let id = |from: &Attributes| Wish::Id(some(from.get(CKA_ID)));
        let changes_id = old.get(CKA_ID) != new.get(CKA_ID);
        if changes_id {
            self.token.present(key, &id(new))?;
        }
        if old.get(CKA_LABEL) == new.get(CKA_LABEL) {
            return Ok(());
        }
        let label = some(new.get(CKA_LABEL)).and_then(|label| String::from_utf8(label).ok());
        let labelled = self.label(key, label);
        if labelled.is_err() && changes_id {
            self.token.present(key, &id(old))?;
        }
        labelled
    }

    /// A label beside the name, where the token can keep one; else another name.
    fn label(&self, key: &Key, label: Option<String>) -> Result {
        match (self.token.present(key, &Wish::Label(label.clone())), label) {
            (Err(Error::Token(error)), Some(label)) if error.kind == TokenErrorKind::Impossible => {
                self.token.rename(key, &label)
            }
            (answer, _) => answer,
        }
    }
}

/// The key pair that two templates speak of. What a token cannot keep is refused, not forgotten.
fn wanted(private: &Attributes, public: &Attributes, key_type: KeyType) -> Result<NewKey> {
    if !private.is_true(CKA_SENSITIVE) {
        return Err(Error::AttributeValueInvalid {
            kind: CKA_SENSITIVE,
            why: "a private key of this token is sensitive",
        });
    }
    let kept = [
        (CKA_START_DATE, private),
        (CKA_END_DATE, private),
        (CKA_ALLOWED_MECHANISMS, private),
        (CKA_UNWRAP_TEMPLATE, private),
        (CKA_WRAP_TEMPLATE, public),
    ];
    for (kind, half) in kept {
        if half.get(kind).is_some_and(|value| !value.is_empty()) {
            let why = "the token does not keep that with a key";
            return Err(Error::AttributeValueInvalid { kind, why });
        }
    }
    for kind in [CKA_MODIFIABLE, CKA_DESTROYABLE] {
        if !private.is_true(kind) {
            let why = "keys of this token can be changed and destroyed";
            return Err(Error::AttributeValueInvalid { kind, why });
        }
    }
    Ok(NewKey {
        extractable: private.is_true(CKA_EXTRACTABLE),
        ..NewKey::new(name(private, public)?, key_type)
    })
}

/// The label of either half, else a name by its CKA_ID, else one by chance.
fn name(private: &Attributes, public: &Attributes) -> Result<String> {
    let either = |kind| {
        let of = |half: &Attributes| some(half.get(kind));
        of(private).or_else(|| of(public))
    };
    if let Some(label) = either(CKA_LABEL) {
        return String::from_utf8(label).map_err(|_| Error::AttributeValueInvalid {
            kind: CKA_LABEL,
            why: "the text is not UTF-8",
        });
    }
    let digits = match either(CKA_ID) {
        Some(id) => format!("{:x}", base16ct::HexDisplay(&id)),
        None => unique_id()?,
    };
    Ok(format!("key-{}", digits.get(..20).unwrap_or(&digits)))
}

fn some(value: Option<&[u8]>) -> Option<Vec<u8>> {
    let value = value.filter(|value| !value.is_empty());
    value.map(<[u8]>::to_vec)
}

fn of_class(class: CK_OBJECT_CLASS) -> Template {
    vec![(CKA_CLASS, class.to_ne_bytes().to_vec())]
}

fn with(template: &Template, kind: CK_ATTRIBUTE_TYPE, value: &[u8]) -> Template {
    let mut more = template.clone();
    more.push((kind, value.to_vec()));
    more
}

/// What a token does not take is a name that is no name, or that another key has.
fn unfit(error: Error) -> Error {
    match error {
        Error::Token(TokenError {
            kind: TokenErrorKind::BadInput,
            slot,
            reason,
        }) => {
            log::warn!("slot {slot:?}: {reason}");
            Error::AttributeValueInvalid {
                kind: CKA_LABEL,
                why: "the token takes no key of that name; the log says why",
            }
        }
        other => other,
    }
}

/// The same failures in the words of those who change an object.
fn unmoved(error: Error, handle: CK_OBJECT_HANDLE) -> Error {
    let Error::Token(TokenError { kind, slot, reason }) = &error else {
        return error;
    };
    let answer = match kind {
        TokenErrorKind::Gone => return Error::ObjectHandleInvalid(handle),
        TokenErrorKind::Denied | TokenErrorKind::Impossible => {
            Error::ActionProhibited("the token does not let that be done; the log says why")
        }
        TokenErrorKind::BadInput => Error::AttributeValueInvalid {
            kind: CKA_LABEL,
            why: "the token does not take that; the log says why",
        },
        _ => return error,
    };
    log::warn!("slot {slot:?}: {reason}");
    answer
}
