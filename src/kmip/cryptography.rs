//! Cryptographic Parameters: how a key is used, in one structure of every cryptographic operation and of key wrapping.

use super::enums::{
    BlockCipherMode, CryptographicAlgorithm, DigitalSignatureAlgorithm, HashingAlgorithm,
    KeyRoleType, MaskGenerator, PaddingMethod,
};
use super::tags::Tag;
use super::ttlv::{Item, Writer};
use super::version::Version;

/// How a key is used (KMIP 1.4 section 3.6, KMIP 2.1 section 4.18). What is none is not sent.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct CryptographicParameters {
    /// How blocks are chained, or a key is wrapped.
    pub block_cipher_mode: Option<BlockCipherMode>,
    /// Of a signature, of RSA encryption, of the last block.
    pub padding: Option<PaddingMethod>,
    /// The hash.
    pub hashing: Option<HashingAlgorithm>,
    /// What the key is in protocols of payment.
    pub key_role: Option<KeyRoleType>,
    /// The whole signature scheme in one value (since 1.2).
    pub signature_algorithm: Option<DigitalSignatureAlgorithm>,
    /// The key's algorithm, or that of a MAC (since 1.2).
    pub algorithm: Option<CryptographicAlgorithm>,
    /// Whether the server makes the IV (since 1.2).
    pub random_iv: Option<bool>,
    /// Bits of the IV (since 1.2).
    pub iv_length: Option<u32>,
    /// Bytes of the tag of authenticated encryption (since 1.2).
    pub tag_length: Option<u32>,
    /// Bits of the IV's fixed field (since 1.2).
    pub fixed_field_length: Option<u32>,
    /// Bits of the IV's invocation field (since 1.2).
    pub invocation_field_length: Option<u32>,
    /// Bits of the counter (since 1.2).
    pub counter_length: Option<u32>,
    /// Where the counter starts (since 1.2).
    pub initial_counter_value: Option<u32>,
    /// Bytes of PSS salt (since 1.4).
    pub salt_length: Option<u32>,
    /// The mask generator of PSS and OAEP (since 1.4).
    pub mask_generator: Option<MaskGenerator>,
    /// Its hash (since 1.4).
    pub mask_generator_hashing: Option<HashingAlgorithm>,
    /// The label of OAEP (since 1.4).
    pub p_source: Option<Vec<u8>>,
    /// The trailer of a signature (since 1.4).
    pub trailer_field: Option<u32>,
}

/// Writes a number as an Integer; one that does not fit stands for as many as there can be.
pub(super) fn number(writer: &mut Writer, tag: Tag, value: Option<u32>) {
    if let Some(value) = value {
        writer.integer(tag, i32::try_from(value).unwrap_or(i32::MAX));
    }
}

/// Writes an enumeration that may be left out.
pub(super) fn enumeration(writer: &mut Writer, tag: Tag, value: Option<impl Into<u32>>) {
    if let Some(value) = value {
        writer.enumeration(tag, value);
    }
}

impl CryptographicParameters {
    /// Writes the structure, or nothing if it would be empty.
    pub(super) fn write(&self, writer: &mut Writer) {
        if *self != Self::default() {
            writer.structure(Tag::CRYPTOGRAPHIC_PARAMETERS, |writer| self.fields(writer));
        }
    }

    /// In the order of the specification, which some servers insist on.
    fn fields(&self, writer: &mut Writer) {
        enumeration(writer, Tag::BLOCK_CIPHER_MODE, self.block_cipher_mode);
        enumeration(writer, Tag::PADDING_METHOD, self.padding);
        enumeration(writer, Tag::HASHING_ALGORITHM, self.hashing);
        enumeration(writer, Tag::KEY_ROLE_TYPE, self.key_role);
        enumeration(
            writer,
            Tag::DIGITAL_SIGNATURE_ALGORITHM,
            self.signature_algorithm,
        );
        enumeration(writer, Tag::CRYPTOGRAPHIC_ALGORITHM, self.algorithm);
        if let Some(random) = self.random_iv {
            writer.boolean(Tag::RANDOM_IV, random);
        }
        for (tag, value) in [
            (Tag::IV_LENGTH, self.iv_length),
            (Tag::TAG_LENGTH, self.tag_length),
            (Tag::FIXED_FIELD_LENGTH, self.fixed_field_length),
            (Tag::INVOCATION_FIELD_LENGTH, self.invocation_field_length),
            (Tag::COUNTER_LENGTH, self.counter_length),
            (Tag::INITIAL_COUNTER_VALUE, self.initial_counter_value),
            (Tag::SALT_LENGTH, self.salt_length),
        ] {
            number(writer, tag, value);
        }
        enumeration(writer, Tag::MASK_GENERATOR, self.mask_generator);
        enumeration(
            writer,
            Tag::MASK_GENERATOR_HASHING_ALGORITHM,
            self.mask_generator_hashing,
        );
        if let Some(source) = &self.p_source {
            writer.bytes(Tag::P_SOURCE, source);
        }
        number(writer, Tag::TRAILER_FIELD, self.trailer_field);
    }

    /// The parameters in a structure that holds them, as far as they can be read.
    pub(super) fn read(holder: Item<'_>) -> CryptographicParameters {
        let Some(item) = holder.find(Tag::CRYPTOGRAPHIC_PARAMETERS) else {
            return CryptographicParameters::default();
        };
        let enumeration = |tag| item.find(tag).and_then(Item::enumeration);
        let number = |tag| u32::try_from(item.find(tag)?.integer()?).ok();
        CryptographicParameters {
            block_cipher_mode: enumeration(Tag::BLOCK_CIPHER_MODE).map(BlockCipherMode),
            padding: enumeration(Tag::PADDING_METHOD).map(PaddingMethod),
            hashing: enumeration(Tag::HASHING_ALGORITHM).map(HashingAlgorithm),
            key_role: enumeration(Tag::KEY_ROLE_TYPE).map(KeyRoleType),
            signature_algorithm: enumeration(Tag::DIGITAL_SIGNATURE_ALGORITHM)
                .map(DigitalSignatureAlgorithm),
            algorithm: enumeration(Tag::CRYPTOGRAPHIC_ALGORITHM).map(CryptographicAlgorithm),
            random_iv: item.find(Tag::RANDOM_IV).and_then(Item::boolean),
            iv_length: number(Tag::IV_LENGTH),
            tag_length: number(Tag::TAG_LENGTH),
            fixed_field_length: number(Tag::FIXED_FIELD_LENGTH),
            invocation_field_length: number(Tag::INVOCATION_FIELD_LENGTH),
            counter_length: number(Tag::COUNTER_LENGTH),
            initial_counter_value: number(Tag::INITIAL_COUNTER_VALUE),
            salt_length: number(Tag::SALT_LENGTH),
            mask_generator: enumeration(Tag::MASK_GENERATOR).map(MaskGenerator),
            mask_generator_hashing: enumeration(Tag::MASK_GENERATOR_HASHING_ALGORITHM)
                .map(HashingAlgorithm),
            p_source: item
                .find(Tag::P_SOURCE)
                .and_then(Item::bytes)
                .map(<[u8]>::to_vec),
            trailer_field: number(Tag::TRAILER_FIELD),
        }
    }

    /// What of them a version cannot carry, if there is something.
    pub(super) fn inexpressible(&self, version: Version) -> Option<String> {
        let since_1_2 = self.signature_algorithm.is_some()
            || self.algorithm.is_some()
            || self.random_iv.is_some()
            || self.iv_length.is_some()
            || self.tag_length.is_some()
            || self.fixed_field_length.is_some()
            || self.invocation_field_length.is_some()
            || self.counter_length.is_some()
            || self.initial_counter_value.is_some();
        if since_1_2 && version < Version::V1_2 {
            return Some("signature algorithm, algorithm, IV or counter".to_owned());
        }
        let since_1_4 = self.salt_length.is_some()
            || self.mask_generator.is_some()
            || self.mask_generator_hashing.is_some()
            || self.p_source.is_some()
            || self.trailer_field.is_some();
        (since_1_4 && version < Version::V1_4)
            .then(|| "salt length, mask generator, P source or trailer field".to_owned())
    }
}
