//! Enumerations of managed objects: types, states, formats, links.

use super::open_enumerations;

open_enumerations! {
    /// The kinds of managed object (KMIP 2.1 section 11).
    ObjectType {
        CERTIFICATE = 0x1 "Certificate"
        SYMMETRIC_KEY = 0x2 "Symmetric Key"
        PUBLIC_KEY = 0x3 "Public Key"
        PRIVATE_KEY = 0x4 "Private Key"
        SPLIT_KEY = 0x5 "Split Key"
        TEMPLATE = 0x6 "Template"
        SECRET_DATA = 0x7 "Secret Data"
        OPAQUE_OBJECT = 0x8 "Opaque Object"
        PGP_KEY = 0x9 "PGP Key"
        CERTIFICATE_REQUEST = 0xa "Certificate Request"
    }

    /// Where an object is in its life (KMIP 2.1 section 11).
    State {
        PRE_ACTIVE = 0x1 "Pre-Active"
        ACTIVE = 0x2 "Active"
        DEACTIVATED = 0x3 "Deactivated"
        COMPROMISED = 0x4 "Compromised"
        DESTROYED = 0x5 "Destroyed"
        DESTROYED_COMPROMISED = 0x6 "Destroyed Compromised"
    }

    /// How key material is encoded (KMIP 2.1 section 11).
    KeyFormatType {
        RAW = 0x1 "Raw"
        OPAQUE = 0x2 "Opaque"
        PKCS_1 = 0x3 "PKCS#1"
        PKCS_8 = 0x4 "PKCS#8"
        X_509 = 0x5 "X.509"
        EC_PRIVATE_KEY = 0x6 "EC Private Key"
        TRANSPARENT_SYMMETRIC_KEY = 0x7 "Transparent Symmetric Key"
        TRANSPARENT_DSA_PRIVATE_KEY = 0x8 "Transparent DSA Private Key"
        TRANSPARENT_DSA_PUBLIC_KEY = 0x9 "Transparent DSA Public Key"
        TRANSPARENT_RSA_PRIVATE_KEY = 0xa "Transparent RSA Private Key"
        TRANSPARENT_RSA_PUBLIC_KEY = 0xb "Transparent RSA Public Key"
        TRANSPARENT_DH_PRIVATE_KEY = 0xc "Transparent DH Private Key"
        TRANSPARENT_DH_PUBLIC_KEY = 0xd "Transparent DH Public Key"
        TRANSPARENT_ECDSA_PRIVATE_KEY = 0xe "Transparent ECDSA Private Key"
        TRANSPARENT_ECDSA_PUBLIC_KEY = 0xf "Transparent ECDSA Public Key"
        TRANSPARENT_ECDH_PRIVATE_KEY = 0x10 "Transparent ECDH Private Key"
        TRANSPARENT_ECDH_PUBLIC_KEY = 0x11 "Transparent ECDH Public Key"
        TRANSPARENT_ECMQV_PRIVATE_KEY = 0x12 "Transparent ECMQV Private Key"
        TRANSPARENT_ECMQV_PUBLIC_KEY = 0x13 "Transparent ECMQV Public Key"
        TRANSPARENT_EC_PRIVATE_KEY = 0x14 "Transparent EC Private Key"
        TRANSPARENT_EC_PUBLIC_KEY = 0x15 "Transparent EC Public Key"
        PKCS_12 = 0x16 "PKCS#12"
        PKCS10 = 0x17 "PKCS#10"
    }

    /// How two objects belong together (KMIP 2.1 section 11).
    LinkType {
        CERTIFICATE_LINK = 0x101 "Certificate Link"
        PUBLIC_KEY_LINK = 0x102 "Public Key Link"
        PRIVATE_KEY_LINK = 0x103 "Private Key Link"
        DERIVATION_BASE_OBJECT_LINK = 0x104 "Derivation Base Object Link"
        DERIVED_KEY_LINK = 0x105 "Derived Key Link"
        REPLACEMENT_OBJECT_LINK = 0x106 "Replacement Object Link"
        REPLACED_OBJECT_LINK = 0x107 "Replaced Object Link"
        PARENT_LINK = 0x108 "Parent Link"
        CHILD_LINK = 0x109 "Child Link"
        PREVIOUS_LINK = 0x10a "Previous Link"
        NEXT_LINK = 0x10b "Next Link"
        PKCS12_CERTIFICATE_LINK = 0x10c "PKCS#12 Certificate Link"
        PKCS12_PASSWORD_LINK = 0x10d "PKCS#12 Password Link"
        WRAPPING_KEY_LINK = 0x10e "Wrapping Key Link"
    }

    /// What a Name is (KMIP 2.1 section 11).
    NameType {
        UNINTERPRETED_TEXT_STRING = 0x1 "Uninterpreted Text String"
        URI = 0x2 "URI"
    }

    /// The kinds of certificate (KMIP 2.1 section 11).
    CertificateType {
        X_509 = 0x1 "X.509"
        PGP = 0x2 "PGP"
        PKCS_7 = 0x3 "PKCS#7"
    }

    /// Why an object is revoked (KMIP 2.1 section 11).
    RevocationReasonCode {
        UNSPECIFIED = 0x1 "Unspecified"
        KEY_COMPROMISE = 0x2 "Key Compromise"
        CA_COMPROMISE = 0x3 "CA Compromise"
        AFFILIATION_CHANGED = 0x4 "Affiliation Changed"
        SUPERSEDED = 0x5 "Superseded"
        CESSATION_OF_OPERATION = 0x6 "Cessation Of Operation"
        PRIVILEGE_WITHDRAWN = 0x7 "Privilege Withdrawn"
    }

    /// How a key is wrapped (KMIP 2.1 section 11).
    WrappingMethod {
        ENCRYPT = 0x1 "Encrypt"
        MAC_SIGN = 0x2 "MAC/sign"
        ENCRYPT_THEN_MAC_SIGN = 0x3 "Encrypt then MAC/sign"
        MAC_SIGN_THEN_ENCRYPT = 0x4 "MAC/sign then encrypt"
        TR_31 = 0x5 "TR-31"
    }

    /// What of a Key Value is wrapped: its bytes, or the item with its tag (since 1.1; KMIP 2.1 section 11).
    EncodingOption {
        NO_ENCODING = 0x1 "No Encoding"
        TTLV_ENCODING = 0x2 "TTLV Encoding"
    }

    /// Whether a wrapped key is kept wrapped (since 1.4; KMIP 2.1 section 11).
    KeyWrapType {
        NOT_WRAPPED = 0x1 "Not Wrapped"
        AS_REGISTERED = 0x2 "As Registered"
    }

    /// What a secret is (KMIP 2.1 section 11).
    SecretDataType {
        PASSWORD = 0x1 "Password"
        SEED = 0x2 "Seed"
    }

    /// What an opaque object is: only vendors have values (KMIP 2.1 section 11).
    OpaqueDataType {
    }

    /// Which member of an object group is wanted (since 1.1; KMIP 2.1 section 11).
    ObjectGroupMember {
        FRESH = 0x1 "Group Member Fresh"
        DEFAULT = 0x2 "Group Member Default"
    }
}
