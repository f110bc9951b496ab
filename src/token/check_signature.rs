//! A check signature: a token shows by its own deed that it has the private half of a public key.

use super::Token;
use crate::crypto::verify;
use crate::error::{Result, TokenErrorKind};
use crate::model::key::Key;
use crate::model::public_key::PublicKey;
use crate::model::signature::{SignInput, SignScheme};

/// Nothing that any protocol would take for its own message.
const PURPOSE: &[u8] = b"kmip-p11: does this token have the key that belongs to that public key?\0";

/// Lets `key` sign a message that nobody has seen before, and verifies the signature with `public`,
/// which is known from elsewhere.
///
/// # Errors
/// What kept the token from signing; [`TokenErrorKind::WrongSignature`] if it signed with another key.
pub fn check_signature(token: &dyn Token, key: &Key, public: &PublicKey) -> Result {
    let message = unheard_of(PURPOSE)
        .ok_or_else(|| token.error(TokenErrorKind::Failed, "there is no randomness".into()))?;
    let (scheme, input) = (
        SignScheme::usual(public.key_type()),
        SignInput::Message(&message),
    );
    let signature = token.sign(key, scheme, input)?;
    if verify(public, scheme, input, &signature) {
        return Ok(());
    }
    let reason = format!(
        "key {:?} ({}) signed, but not with the private key that was expected",
        key.name, key.id
    );
    Err(token.error(TokenErrorKind::WrongSignature, reason))
}

/// A message with that beginning, and 32 random bytes; `None` if the system has no randomness.
pub(super) fn unheard_of(purpose: &[u8]) -> Option<Vec<u8>> {
    let mut nonce = [0; 32];
    crate::crypto::fill_with_random(&mut nonce).ok()?;
    Some([purpose, &nonce].concat())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::private_key::PrivateKey;
    use crate::error::Error;
    use crate::model::ml_dsa::ParameterSet;
    use crate::model::public_key::{Curve, KeyType};
    use crate::token::NewKey;
    use crate::token::memory::MemoryToken;

    #[test]
    fn every_type_is_checked_and_another_key_is_told() {
        let token = MemoryToken::new("prod");
        for key_type in [
            KeyType::Rsa(2048),
            KeyType::Ec(Curve::P256),
            KeyType::Ec(Curve::P384),
            KeyType::Ec(Curve::P521),
            KeyType::Ed25519,
            KeyType::MlDsa(ParameterSet::MlDsa65),
        ] {
            let wanted = NewKey::new(key_type.to_string(), key_type);
            let key = token.generate(&wanted).unwrap();
            check_signature(&token, &key, &key.public).unwrap();
            let other = PrivateKey::generate(key_type).unwrap();
            let refused = check_signature(&token, &key, other.public());
            let Err(Error::Token(error)) = refused else {
                panic!("{refused:?}")
            };
            assert_eq!(error.kind, TokenErrorKind::WrongSignature);
        }
    }
}
