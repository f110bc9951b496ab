//! Objects by which a token describes itself: its profiles and its mechanisms (v3.2, 4.12, 4.13).
//!
//! They are found by searches for their class alone, as the specification wants it of mechanisms: programs
//! that list everything want keys and certificates.

use cryptoki_sys::*;

use super::session_object::SessionObject;
use crate::model::attribute::{Attributes, Template};

/// What a token is asked for to describe it.
pub trait Described {
    /// Its mechanisms, by number.
    fn mechanism_numbers(&self) -> Vec<CK_MECHANISM_TYPE>;

    /// Whether certificates are seen without a login.
    fn shows_certificates(&self) -> bool;
}

/// The handles of these objects have this bit; no others have it and not the first.
const DESCRIBES: CK_OBJECT_HANDLE = 1 << (CK_OBJECT_HANDLE::BITS - 2);

/// And this one, if they are of a mechanism. The rest is the profile's or mechanism's number.
const MECHANISM: CK_OBJECT_HANDLE = DESCRIBES | DESCRIBES >> 1;

/// The handles of those that match; `None` if the template does not ask for their class.
pub fn search(token: &impl Described, template: &Template) -> Option<Vec<CK_OBJECT_HANDLE>> {
    let class = template.iter().find(|(kind, _)| *kind == CKA_CLASS);
    let asks = |wanted: CK_OBJECT_CLASS| class.is_some_and(|(_, it)| *it == wanted.to_ne_bytes());
    let handles = if asks(CKO_PROFILE) {
        profiles(token)
    } else if asks(CKO_MECHANISM) {
        mechanisms(token)
    } else {
        return None;
    };
    let matches = |handle: &CK_OBJECT_HANDLE| described(*handle).matches(template);
    Some(handles.into_iter().filter(matches).collect())
}

/// The object with that handle, if it is such a one.
pub fn object(token: &impl Described, handle: CK_OBJECT_HANDLE) -> Option<SessionObject> {
    let handles = match handle {
        _ if handle & !(DESCRIBES - 1) != DESCRIBES => return None,
        _ if handle & MECHANISM == MECHANISM => mechanisms(token),
        _ => profiles(token),
    };
    handles.contains(&handle).then(|| described(handle))
}

fn profiles(token: &impl Described) -> Vec<CK_OBJECT_HANDLE> {
    let certificates = token.shows_certificates();
    let all = [
        CKP_BASELINE_PROVIDER,
        CKP_EXTENDED_PROVIDER,
        CKP_AUTHENTICATION_TOKEN,
    ];
    let all = all.into_iter();
    let all = all.chain(certificates.then_some(CKP_PUBLIC_CERTIFICATES_TOKEN));
    all.map(|profile| DESCRIBES | profile).collect()
}

fn mechanisms(token: &impl Described) -> Vec<CK_OBJECT_HANDLE> {
    let numbers = token.mechanism_numbers().into_iter();
    let numbers = numbers.filter(|number| *number < MECHANISM & !DESCRIBES);
    numbers.map(|number| MECHANISM | number).collect()
}

fn described(handle: CK_OBJECT_HANDLE) -> SessionObject {
    let (class, kind, number, what) = match handle & MECHANISM == MECHANISM {
        true => (
            CKO_MECHANISM,
            CKA_MECHANISM_TYPE,
            handle & !MECHANISM,
            "mechanism",
        ),
        false => (CKO_PROFILE, CKA_PROFILE_ID, handle & !DESCRIBES, "profile"),
    };
    let attributes = Attributes::default()
        .ulong(CKA_CLASS, class)
        .bool(CKA_TOKEN, true)
        .bools(
            &[CKA_PRIVATE, CKA_MODIFIABLE, CKA_COPYABLE, CKA_DESTROYABLE],
            false,
        )
        .bytes(CKA_LABEL, "")
        .bytes(CKA_UNIQUE_ID, format!("{what}-{number:x}"))
        .ulong(kind, number);
    SessionObject::describing(handle, attributes)
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Token;

    impl Described for Token {
        fn mechanism_numbers(&self) -> Vec<CK_MECHANISM_TYPE> {
            vec![CKM_RSA_PKCS, CKM_ECDSA, CKM_VENDOR_DEFINED | 7]
        }
        fn shows_certificates(&self) -> bool {
            true
        }
    }

    fn number(value: CK_ULONG) -> Vec<u8> {
        value.to_ne_bytes().to_vec()
    }

    #[test]
    fn they_are_found_by_their_class_and_by_nothing_less() {
        let class = |class| (CKA_CLASS, number(class));
        let found = |template| search(&Token, &template);
        assert_eq!(found(vec![]), None);
        assert_eq!(found(vec![(CKA_TOKEN, vec![1])]), None);
        assert_eq!(found(vec![class(CKO_PRIVATE_KEY)]), None);
        assert_eq!(found(vec![class(CKO_PROFILE)]).unwrap().len(), 4);
        assert_eq!(found(vec![class(CKO_MECHANISM)]).unwrap().len(), 3);
        let one = (CKA_MECHANISM_TYPE, number(CKM_ECDSA));
        let handle = found(vec![class(CKO_MECHANISM), one]).unwrap()[0];
        let object = object(&Token, handle).unwrap();
        assert_eq!(
            object.attributes().number(CKA_MECHANISM_TYPE),
            Some(CKM_ECDSA)
        );
    }

    #[test]
    fn other_handles_are_of_nothing() {
        for handle in [
            0,
            1,
            DESCRIBES,
            DESCRIBES | 9,
            MECHANISM | 99,
            1 << 63,
            CK_ULONG::MAX,
        ] {
            assert!(object(&Token, handle).is_none(), "{handle:#x}");
        }
    }
}
