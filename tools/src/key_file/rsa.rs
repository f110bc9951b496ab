//! An RSA private key from the numbers that OpenSSH keeps; PKCS#1 wants two more.

use crypto_bigint::{BoxedUint, NonZero};
use der::Encode;
use der::asn1::UintRef;
use kmip_p11::crypto::private_key::{PrivateKey, PrivateKeyError};
use pkcs1::RsaPrivateKey;
use zeroize::{Zeroize, Zeroizing};

use super::Fault;

/// Big-endian, with or without leading zeros.
pub struct Numbers {
    /// n
    pub modulus: Zeroizing<Vec<u8>>,
    /// e
    pub public_exponent: Zeroizing<Vec<u8>>,
    /// d
    pub private_exponent: Zeroizing<Vec<u8>>,
    /// (inverse of q) mod p
    pub coefficient: Zeroizing<Vec<u8>>,
    /// p
    pub prime1: Zeroizing<Vec<u8>>,
    /// q
    pub prime2: Zeroizing<Vec<u8>>,
}

/// The key of these numbers (RFC 8017, A.1.2); aws-lc checks that they belong together.
pub fn private_key(numbers: &Numbers) -> Result<PrivateKey, Fault> {
    let exponent1 = crt_exponent(&numbers.private_exponent, &numbers.prime1)?;
    let exponent2 = crt_exponent(&numbers.private_exponent, &numbers.prime2)?;
    let key = RsaPrivateKey {
        modulus: uint(&numbers.modulus)?,
        public_exponent: uint(&numbers.public_exponent)?,
        private_exponent: uint(&numbers.private_exponent)?,
        prime1: uint(&numbers.prime1)?,
        prime2: uint(&numbers.prime2)?,
        exponent1: uint(&exponent1)?,
        exponent2: uint(&exponent2)?,
        coefficient: uint(&numbers.coefficient)?,
        other_prime_infos: None,
    };
    let der = Zeroizing::new(key.to_der().map_err(|_| UNUSABLE)?);
    Ok(PrivateKey::from_pkcs1(&der)?)
}

const UNUSABLE: Fault = Fault::Key(PrivateKeyError::Unusable);

fn uint(bytes: &[u8]) -> Result<UintRef<'_>, Fault> {
    UintRef::new(bytes).map_err(|_| UNUSABLE)
}

/// d mod (p - 1), in constant time.
fn crt_exponent(private_exponent: &[u8], prime: &[u8]) -> Result<Zeroizing<Vec<u8>>, Fault> {
    let mut less_one = Zeroizing::new(prime.to_vec());
    if let Some(last) = less_one.last_mut() {
        *last &= 0xfe; // primes of that size are odd
    }
    let divisor = Option::from(NonZero::new(number(&less_one)?));
    let divisor: NonZero<BoxedUint> = divisor.ok_or(UNUSABLE)?;
    let dividend = Zeroizing::new(number(private_exponent)?);
    let remainder = Zeroizing::new(dividend.rem(&divisor));
    divisor.get().zeroize();
    Ok(Zeroizing::new(remainder.to_be_bytes().into_vec()))
}

fn number(bytes: &[u8]) -> Result<BoxedUint, Fault> {
    let bits = u32::try_from(bytes.len() * 8).map_err(|_| UNUSABLE)?;
    BoxedUint::from_be_slice(bytes, bits).map_err(|_| UNUSABLE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exponents_are_remainders() {
        let exponent = crt_exponent(&[0x01, 0x00, 0x05], &[0x0b]).unwrap();
        let short: Vec<u8> = exponent.iter().copied().skip_while(|&b| b == 0).collect();
        assert_eq!(short, [0x1]); // 65541 mod 10
        assert!(crt_exponent(&[5], &[1]).is_err());
        assert!(crt_exponent(&[5], &[]).is_err());
    }
}
