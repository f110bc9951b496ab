//! OpenSSH's own private key format (its PROTOCOL.key): taken apart here down to the numbers.
//!
//! ssh-key's reader wants private numbers of full length, but OpenSSH leaves their leading zeros
//! out; its ciphers and its key derivation serve here.

use der::asn1::OctetStringRef;
use der::{Encode, Sequence};
use kmip_p11::crypto::components::RsaNumbers;
use kmip_p11::crypto::private_key::{PrivateKey, PrivateKeyError};
use kmip_p11::model::public_key::Curve;
use ssh_encoding::{Decode, Reader};
use ssh_key::{Cipher, Kdf};
use zeroize::Zeroizing;

use super::{Ask, Fault};

const MAGIC: &[u8] = b"openssh-key-v1\0";

const BROKEN: Fault = Fault::Form("its contents are not what OpenSSH writes");
const OTHER_CIPHER: Fault =
    Fault::Form("its cipher is not known here: rewrite a copy with \"ssh-keygen -p -f COPY\"");
const OTHER_KEY: Fault = Fault::Form(
    "its type of key cannot be kept in a slot; RSA, ECDSA and Ed25519 can (a security key's \
     private half is in the device)",
);

/// A number or a string, wiped after use.
type Secret = Zeroizing<Vec<u8>>;

/// RFC 5915, 3, without what is optional.
#[derive(Sequence)]
struct EcPrivateKey<'a> {
    version: u8,
    private: &'a OctetStringRef,
}

/// A key, from what stands between the PEM lines.
pub fn parse(bytes: &[u8], ask: Ask) -> Result<PrivateKey, Fault> {
    let private = unlocked(bytes, ask)?;
    let reader = &mut private.as_slice();
    // Both numbers are the same unless the passphrase was wrong.
    if number(reader)? != number(reader)? {
        return Err(Fault::Passphrase);
    }
    key(reader)
}

/// The private section, decrypted.
fn unlocked(mut bytes: &[u8], ask: Ask) -> Result<Secret, Fault> {
    bytes = bytes.strip_prefix(MAGIC).ok_or(BROKEN)?;
    let reader = &mut bytes;
    let cipher = String::decode(reader).map_err(|_| BROKEN)?;
    let kdf = Kdf::decode(reader).map_err(|_| BROKEN)?;
    if number(reader)? != 1 {
        return Err(BROKEN);
    }
    let _public = string(reader)?;
    let private = string(reader)?;
    if cipher == "none" {
        return Ok(private);
    }
    let cipher = Cipher::new(&cipher).map_err(|_| OTHER_CIPHER)?;
    decrypted(private, cipher, &kdf, reader, ask)
}

/// `rest` is what follows: the authentication tag of those ciphers that have one.
fn decrypted(
    mut private: Secret,
    cipher: Cipher,
    kdf: &Kdf,
    rest: &mut &[u8],
    ask: Ask,
) -> Result<Secret, Fault> {
    let mut tag = [0; 16];
    if cipher.has_tag() {
        rest.read(&mut tag).map_err(|_| BROKEN)?;
    }
    let passphrase = ask().ok_or(Fault::NobodyToAsk)?;
    let derived = kdf.derive_key_and_iv(cipher, passphrase.as_bytes());
    let (key, iv) = derived.map_err(|_| BROKEN)?;
    let tag = cipher.has_tag().then_some(tag);
    let done = cipher.decrypt(&key, &iv, &mut private, tag);
    done.map_err(|_| Fault::Passphrase)?;
    Ok(private)
}

fn key(reader: &mut &[u8]) -> Result<PrivateKey, Fault> {
    let kind = string(reader)?;
    match kind.as_slice() {
        b"ssh-rsa" => rsa(reader),
        b"ssh-ed25519" => ed25519(reader),
        b"ecdsa-sha2-nistp256" => ecdsa(reader, Curve::P256),
        b"ecdsa-sha2-nistp384" => ecdsa(reader, Curve::P384),
        b"ecdsa-sha2-nistp521" => ecdsa(reader, Curve::P521),
        _ => Err(OTHER_KEY),
    }
}

fn rsa(reader: &mut &[u8]) -> Result<PrivateKey, Fault> {
    let [modulus, public_exponent, private_exponent] =
        [string(reader)?, string(reader)?, string(reader)?];
    let _coefficient = string(reader)?;
    let [prime1, prime2] = [string(reader)?, string(reader)?];
    Ok(PrivateKey::from_rsa(&RsaNumbers {
        modulus: &modulus,
        public_exponent: &public_exponent,
        private_exponent: &private_exponent,
        primes: Some([&prime1, &prime2]),
        remainders: None,
    })?)
}

fn ecdsa(reader: &mut &[u8], curve: Curve) -> Result<PrivateKey, Fault> {
    let (_curve, _point) = (string(reader)?, string(reader)?);
    let written = string(reader)?;
    let zeros = written.iter().take_while(|&&byte| byte == 0).count();
    let scalar = written.get(zeros..).unwrap_or_default();
    let missing = curve.field_len().checked_sub(scalar.len()).ok_or(BROKEN)?;
    let mut padded = Zeroizing::new(vec![0; curve.field_len()]);
    for (place, byte) in padded.iter_mut().skip(missing).zip(scalar) {
        *place = *byte;
    }
    let private = OctetStringRef::new(&padded).map_err(|_| BROKEN)?;
    let key = EcPrivateKey {
        version: 1,
        private,
    };
    let der = Zeroizing::new(key.to_der().map_err(|_| BROKEN)?);
    Ok(PrivateKey::from_sec1(&der, curve)?)
}

/// The seed, which OpenSSH keeps with the public key behind it, as RFC 8410, 7 wraps it.
fn ed25519(reader: &mut &[u8]) -> Result<PrivateKey, Fault> {
    const BEFORE_SEED: [u8; 16] = [
        0x30, 0x2e, 2, 1, 0, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 4, 0x22, 4, 0x20,
    ];
    let _public = string(reader)?;
    let pair = string(reader)?;
    let seed = pair.get(..32).ok_or(PrivateKeyError::Unusable)?;
    let pkcs8 = Zeroizing::new([&BEFORE_SEED[..], seed].concat());
    Ok(PrivateKey::from_pkcs8(&pkcs8)?)
}

fn number(reader: &mut &[u8]) -> Result<u32, Fault> {
    u32::decode(reader).map_err(|_| BROKEN)
}

fn string(reader: &mut &[u8]) -> Result<Secret, Fault> {
    let bytes = Vec::decode(reader).map_err(|_| BROKEN)?;
    Ok(Zeroizing::new(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fault(bytes: &[u8]) -> Fault {
        parse(bytes, &|| None).err().unwrap()
    }

    #[test]
    fn cut_files_are_broken_and_never_more() {
        let mut whole = MAGIC.to_vec();
        whole.extend(b"\0\0\0\x04none\0\0\0\x04none\0\0\0\0\0\0\0\x01\0\0\0\0\0\0\0\x13");
        whole.extend(b"\0\0\0\x01\0\0\0\x01\0\0\0\x07ssh-dss");
        assert_eq!(fault(&whole), OTHER_KEY);
        for end in 0..whole.len() {
            assert_eq!(fault(&whole[..end]), BROKEN, "{end}");
        }
    }

    #[test]
    fn different_checks_mean_a_wrong_passphrase() {
        let mut file = MAGIC.to_vec();
        file.extend(b"\0\0\0\x04none\0\0\0\x04none\0\0\0\0\0\0\0\x01\0\0\0\0\0\0\0\x08");
        file.extend(b"\0\0\0\x01\0\0\0\x02");
        assert_eq!(fault(&file), Fault::Passphrase);
    }
}
