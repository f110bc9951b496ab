//! The attributes of PKCS#11 objects: what their values look like, whose they are, and who may set them.

use cryptoki_sys::*;

use super::attribute::{Attributes, Template, is_secret};
use super::attribute_list::decoded;
use crate::error::{Error, Result};

/// A row of the table: an attribute of some classes of object.
#[derive(Debug, PartialEq, Eq)]
pub struct AttributeRule {
    /// Its number in PKCS#11.
    pub kind: CK_ATTRIBUTE_TYPE,
    /// Its name in PKCS#11.
    pub name: &'static str,
    form: Form,
    of: &'static [CK_OBJECT_CLASS],
    /// Nothing: keys of all types.
    keys: &'static [CK_KEY_TYPE],
    given: Given,
    change: Change,
}

/// What a value looks like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    Bool,
    /// A CK_BBOOL that is CK_FALSE for want of anybody who may say otherwise.
    False,
    Number,
    Numbers,
    Bytes,
    Text,
    Date,
    /// A list of attributes, each with a value that looks like one.
    List,
}

/// Which templates of new objects may have it (v3.2, 4.4, footnotes 2, 4 and 6 of the tables).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Given {
    Never,
    /// Where the value comes from the program.
    Create,
    /// Where the token makes the value.
    Generate,
    Both,
}

/// What becomes of it later (v3.2, 4.4, footnotes 8, 11 and 12 of the tables).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Change {
    Never,
    /// A copy may have another value.
    Copied,
    /// The same, and no way back.
    CopiedToTrue,
    Changed,
    ToTrue,
    ToFalse,
}

/// What a template is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Act {
    /// C_CreateObject.
    Create,
    /// C_GenerateKey, C_GenerateKeyPair.
    Generate,
    /// C_UnwrapKey, C_DeriveKey: the value is neither the program's nor the token's own.
    Arrive,
}

const ALL: &[CK_OBJECT_CLASS] = &[
    CKO_DATA,
    CKO_CERTIFICATE,
    CKO_PUBLIC_KEY,
    CKO_PRIVATE_KEY,
    CKO_SECRET_KEY,
];
const DATA: &[CK_OBJECT_CLASS] = &[CKO_DATA];
const CERTIFICATE: &[CK_OBJECT_CLASS] = &[CKO_CERTIFICATE];
const KEYS: &[CK_OBJECT_CLASS] = &[CKO_PUBLIC_KEY, CKO_PRIVATE_KEY, CKO_SECRET_KEY];
const PUBLIC: &[CK_OBJECT_CLASS] = &[CKO_PUBLIC_KEY];
const PRIVATE: &[CK_OBJECT_CLASS] = &[CKO_PRIVATE_KEY];
const SECRET: &[CK_OBJECT_CLASS] = &[CKO_SECRET_KEY];
const PAIR: &[CK_OBJECT_CLASS] = &[CKO_PUBLIC_KEY, CKO_PRIVATE_KEY];
const GUARDED: &[CK_OBJECT_CLASS] = &[CKO_PRIVATE_KEY, CKO_SECRET_KEY];
const ENCRYPTING: &[CK_OBJECT_CLASS] = &[CKO_PUBLIC_KEY, CKO_SECRET_KEY];
const DATED: &[CK_OBJECT_CLASS] = &[
    CKO_CERTIFICATE,
    CKO_PUBLIC_KEY,
    CKO_PRIVATE_KEY,
    CKO_SECRET_KEY,
];
const CERTIFIED: &[CK_OBJECT_CLASS] = &[CKO_CERTIFICATE, CKO_PUBLIC_KEY, CKO_PRIVATE_KEY];

const ANY: &[CK_KEY_TYPE] = &[];
const RSA: &[CK_KEY_TYPE] = &[CKK_RSA];
const CURVES: &[CK_KEY_TYPE] = &[CKK_EC, CKK_EC_EDWARDS];
const ML_DSA: &[CK_KEY_TYPE] = &[CKK_ML_DSA];
const NUMBERED: &[CK_KEY_TYPE] = &[CKK_EC, CKK_EC_EDWARDS, CKK_ML_DSA];

macro_rules! rows {
    ($($kind:ident $form:ident $of:ident $keys:ident $given:ident $change:ident;)*) => {
        &[$(AttributeRule {
            kind: $kind,
            name: stringify!($kind),
            form: Form::$form,
            of: $of,
            keys: $keys,
            given: Given::$given,
            change: Change::$change,
        },)*]
    };
}

/// PKCS#11 v3.2, 4.2 to 4.10, 6.1 to 6.3 and 6.67. Of the lists of attributes, those of wrapping are ours.
static RULES: &[AttributeRule] = rows! {
    CKA_CLASS Number ALL ANY Both Never;
    CKA_TOKEN Bool ALL ANY Both Copied;
    CKA_PRIVATE Bool ALL ANY Both CopiedToTrue;
    CKA_MODIFIABLE Bool ALL ANY Both Copied;
    CKA_DESTROYABLE Bool ALL ANY Both Copied;
    CKA_COPYABLE Bool ALL ANY Both ToFalse;
    CKA_LABEL Text ALL ANY Both Changed;
    CKA_UNIQUE_ID Bytes ALL ANY Never Never;
    CKA_APPLICATION Text DATA ANY Create Changed;
    CKA_OBJECT_ID Bytes DATA ANY Create Changed;
    CKA_VALUE Bytes DATA ANY Create Changed;
    CKA_CERTIFICATE_TYPE Number CERTIFICATE ANY Create Never;
    CKA_CERTIFICATE_CATEGORY Number CERTIFICATE ANY Create Never;
    CKA_TRUSTED False CERTIFICATE ANY Create Changed;
    CKA_ISSUER Bytes CERTIFICATE ANY Create Never;
    CKA_SERIAL_NUMBER Bytes CERTIFICATE ANY Create Never;
    CKA_VALUE Bytes CERTIFICATE ANY Create Never;
    CKA_ID Bytes DATED ANY Both Changed;
    CKA_START_DATE Date DATED ANY Both Changed;
    CKA_END_DATE Date DATED ANY Both Changed;
    CKA_SUBJECT Bytes CERTIFICATE ANY Create Never;
    CKA_SUBJECT Bytes PAIR ANY Both Changed;
    CKA_PUBLIC_KEY_INFO Bytes CERTIFIED ANY Create Never;
    CKA_KEY_TYPE Number KEYS ANY Both Never;
    CKA_DERIVE Bool KEYS ANY Both Changed;
    CKA_LOCAL Bool KEYS ANY Never Never;
    CKA_KEY_GEN_MECHANISM Number KEYS ANY Never Never;
    CKA_WRAP_TEMPLATE List ENCRYPTING ANY Both Never;
    CKA_UNWRAP_TEMPLATE List GUARDED ANY Both Never;
    CKA_ALLOWED_MECHANISMS Numbers KEYS ANY Both Never;
    CKA_TRUSTED False ENCRYPTING ANY Both Changed;
    CKA_ENCRYPT Bool ENCRYPTING ANY Both Changed;
    CKA_WRAP Bool ENCRYPTING ANY Both Changed;
    CKA_VERIFY Bool ENCRYPTING ANY Both Changed;
    CKA_VERIFY_RECOVER Bool PUBLIC ANY Both Changed;
    CKA_ENCAPSULATE Bool PUBLIC ANY Both Changed;
    CKA_DECRYPT Bool GUARDED ANY Both Changed;
    CKA_SIGN Bool GUARDED ANY Both Changed;
    CKA_UNWRAP Bool GUARDED ANY Both Changed;
    CKA_SIGN_RECOVER Bool PRIVATE ANY Both Changed;
    CKA_DECAPSULATE Bool PRIVATE ANY Both Changed;
    CKA_SENSITIVE Bool GUARDED ANY Both ToTrue;
    CKA_EXTRACTABLE Bool GUARDED ANY Both ToFalse;
    CKA_WRAP_WITH_TRUSTED Bool GUARDED ANY Both ToTrue;
    CKA_ALWAYS_SENSITIVE Bool GUARDED ANY Never Never;
    CKA_NEVER_EXTRACTABLE Bool GUARDED ANY Never Never;
    CKA_ALWAYS_AUTHENTICATE False PRIVATE ANY Both Never;
    CKA_MODULUS Bytes PAIR RSA Create Never;
    CKA_MODULUS_BITS Number PUBLIC RSA Generate Never;
    CKA_PUBLIC_EXPONENT Bytes PUBLIC RSA Both Never;
    CKA_PUBLIC_EXPONENT Bytes PRIVATE RSA Create Never;
    CKA_PRIVATE_EXPONENT Bytes PRIVATE RSA Create Never;
    CKA_PRIME_1 Bytes PRIVATE RSA Create Never;
    CKA_PRIME_2 Bytes PRIVATE RSA Create Never;
    CKA_EXPONENT_1 Bytes PRIVATE RSA Create Never;
    CKA_EXPONENT_2 Bytes PRIVATE RSA Create Never;
    CKA_COEFFICIENT Bytes PRIVATE RSA Create Never;
    CKA_EC_PARAMS Bytes PAIR CURVES Both Never;
    CKA_EC_POINT Bytes PAIR CURVES Create Never;
    CKA_PARAMETER_SET Number PAIR ML_DSA Both Never;
    CKA_SEED Bytes PRIVATE ML_DSA Create Never;
    CKA_VALUE Bytes PUBLIC ML_DSA Create Never;
    CKA_VALUE Bytes PRIVATE NUMBERED Create Never;
    CKA_VALUE Bytes SECRET ANY Create Never;
    CKA_VALUE_LEN Number SECRET ANY Generate Never;
    CKA_CHECK_VALUE Bytes SECRET ANY Both Never;
    CKA_CHECK_VALUE Bytes CERTIFICATE ANY Create Never;
};

impl AttributeRule {
    /// All of them, in the table's order.
    pub fn all() -> &'static [AttributeRule] {
        RULES
    }

    /// What holds for that attribute in that class.
    ///
    /// # Errors
    /// `AttributeTypeInvalid` for what is no attribute here, `TemplateInconsistent` for one of another
    /// class (v3.2, 4.1.1).
    fn of(kind: CK_ATTRIBUTE_TYPE, class: CK_OBJECT_CLASS) -> Result<&'static AttributeRule> {
        let mut rows = RULES.iter().filter(|row| row.kind == kind).peekable();
        rows.peek().ok_or(Error::AttributeTypeInvalid(kind))?;
        let found = rows.find(|row| row.of.contains(&class));
        found.ok_or(Error::TemplateInconsistent(
            "the template has an attribute of another class of object",
        ))
    }

    fn goes_with(&self, key_type: Option<CK_KEY_TYPE>) -> bool {
        self.keys.is_empty() || key_type.is_some_and(|it| self.keys.contains(&it))
    }

    fn may_be_given(&self, act: Act) -> bool {
        match (self.given, act) {
            (Given::Both, _) | (Given::Create, Act::Create) => true,
            (Given::Generate, Act::Generate | Act::Arrive) => true,
            (Given::Never | Given::Create | Given::Generate, _) => false,
        }
    }

    /// That the value looks like one.
    fn check(&self, value: &[u8]) -> Result {
        let right = match self.form {
            Form::Bool | Form::False => matches!(value, [CK_FALSE] | [CK_TRUE]),
            Form::Number => value.len() == size_of::<CK_ULONG>(),
            Form::Numbers => value.len().is_multiple_of(size_of::<CK_ULONG>()),
            Form::Bytes => true,
            Form::Text => std::str::from_utf8(value).is_ok(),
            Form::Date => is_date(value),
            Form::List => decoded(value).is_some_and(|list| list.iter().all(is_sound)),
        };
        match right {
            false => Err(self.invalid(self.form.wanted())),
            true if self.form == Form::False && value == [CK_TRUE] => {
                Err(Error::AttributeReadOnly(self.kind))
            }
            true => Ok(()),
        }
    }

    fn invalid(&self, why: &'static str) -> Error {
        let kind = self.kind;
        Error::AttributeValueInvalid { kind, why }
    }
}

impl Form {
    fn wanted(self) -> &'static str {
        match self {
            Form::Bool | Form::False => "a CK_BBOOL is one byte, 0 or 1",
            Form::Number => "a CK_ULONG is due",
            Form::Numbers => "an array of CK_MECHANISM_TYPE is due",
            Form::Bytes => "bytes are due",
            Form::Text => "the text is not UTF-8",
            Form::List => "a list of attributes is due, each with a value that looks like one",
            Form::Date => "a date is YYYYMMDD, or empty",
        }
    }
}

/// An attribute of a list: one of some class, with a value that looks like one, and no list.
fn is_sound((kind, value): &(CK_ATTRIBUTE_TYPE, Vec<u8>)) -> bool {
    let mut rows = RULES.iter().filter(|row| row.kind == *kind);
    rows.any(|row| row.form != Form::List && row.check(value).is_ok())
}

fn is_date(value: &[u8]) -> bool {
    value.is_empty() || value.len() == 8 && value.iter().all(u8::is_ascii_digit)
}

/// The value that a template has for an attribute.
pub fn given(template: &Template, kind: CK_ATTRIBUTE_TYPE) -> Option<&[u8]> {
    let found = template.iter().find(|(known, _)| *known == kind);
    found.map(|(_, value)| value.as_slice())
}

/// The same of a CK_ULONG.
///
/// # Errors
/// If it has another length.
pub fn given_number(template: &Template, kind: CK_ATTRIBUTE_TYPE) -> Result<Option<CK_ULONG>> {
    let read = |value: &[u8]| {
        let bytes = value.try_into().map_err(|_| {
            let why = Form::Number.wanted();
            Error::AttributeValueInvalid { kind, why }
        })?;
        Ok(CK_ULONG::from_ne_bytes(bytes))
    };
    given(template, kind).map(read).transpose()
}

/// What a template gives a new object of that class and key type; secrets are left where they are.
///
/// # Errors
/// As v3.2, 4.1.1 has them.
pub fn accepted(
    template: &Template,
    class: CK_OBJECT_CLASS,
    key_type: Option<CK_KEY_TYPE>,
    act: Act,
) -> Result<Attributes> {
    let mut all = Attributes::default();
    for (kind, value) in template {
        let rule = AttributeRule::of(*kind, class)?;
        rule.check(value)?;
        if given(template, *kind) != Some(value) {
            return Err(Error::TemplateInconsistent(
                "the template has two values for one attribute",
            ));
        }
        if !rule.may_be_given(act) {
            return Err(Error::AttributeReadOnly(*kind));
        }
        if !rule.goes_with(key_type) {
            return Err(Error::TemplateInconsistent(
                "the template has an attribute of another type of key",
            ));
        }
        let known = match *kind {
            CKA_CLASS => Some(class),
            CKA_KEY_TYPE => key_type,
            _ => None,
        };
        if known.is_some_and(|known| known.to_ne_bytes() != **value) {
            return Err(Error::TemplateInconsistent(
                "the template is of another class or type than what is to be made",
            ));
        }
        if !holds_secret(*kind, class) {
            all = all.bytes(*kind, value.clone());
        }
    }
    Ok(all)
}

/// Whether the attribute, in an object of that class, is part of a secret.
pub fn holds_secret(kind: CK_ATTRIBUTE_TYPE, class: CK_OBJECT_CLASS) -> bool {
    is_secret(kind) && GUARDED.contains(&class)
}

/// What an object's attributes become by a template that changes them, in place or in a copy.
///
/// # Errors
/// As v3.2, 4.1.2 and 4.1.3 have them; then nothing is changed.
pub fn changed(old: &Attributes, template: &Template, in_copy: bool) -> Result<Attributes> {
    let class = old.number(CKA_CLASS).unwrap_or(CKO_DATA);
    let mut all = Attributes::default();
    for (kind, value) in template {
        let rule = AttributeRule::of(*kind, class)?;
        rule.check(value)?;
        if given(template, *kind) != Some(value) {
            return Err(Error::TemplateInconsistent(
                "the template has two values for one attribute",
            ));
        }
        if old.get(*kind) != Some(value) && !rule.may_become(value, in_copy) {
            return Err(Error::AttributeReadOnly(*kind));
        }
        all = all.bytes(*kind, value.clone());
    }
    Ok(old.clone().and(all))
}

impl AttributeRule {
    /// Whether it may get that value, which is another one than it has.
    fn may_become(&self, value: &[u8], in_copy: bool) -> bool {
        match self.change {
            Change::Never => false,
            Change::Copied => in_copy,
            Change::CopiedToTrue => in_copy && value == [CK_TRUE],
            Change::Changed => true,
            Change::ToTrue => value == [CK_TRUE],
            Change::ToFalse => value == [CK_FALSE],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn taken(template: Template) -> Result<Attributes> {
        accepted(&template, CKO_SECRET_KEY, Some(CKK_AES), Act::Create)
    }

    fn code(answer: Result<Attributes>) -> CK_RV {
        answer.map_or_else(|error| CK_RV::from(&error), |_| CKR_OK)
    }

    #[test]
    fn no_class_has_two_rules_for_one_attribute() {
        for row in AttributeRule::all() {
            for class in row.of {
                let same =
                    |other: &&AttributeRule| other.kind == row.kind && other.of.contains(class);
                assert_eq!(RULES.iter().filter(same).count(), 1, "{}", row.name);
            }
        }
    }

    #[test]
    fn each_fault_of_a_template_has_its_code() {
        let number = |value: CK_ULONG| value.to_ne_bytes().to_vec();
        for (kind, value, wanted) in [
            (CKA_ENCRYPT, vec![1], CKR_OK),
            (CKA_ENCRYPT, vec![1; 8], CKR_ATTRIBUTE_VALUE_INVALID),
            (CKA_ENCRYPT, vec![2], CKR_ATTRIBUTE_VALUE_INVALID),
            (CKA_LABEL, vec![0xff], CKR_ATTRIBUTE_VALUE_INVALID),
            (CKA_START_DATE, b"20260101".to_vec(), CKR_OK),
            (
                CKA_START_DATE,
                b"soon".to_vec(),
                CKR_ATTRIBUTE_VALUE_INVALID,
            ),
            (
                CKA_ALLOWED_MECHANISMS,
                vec![1; 9],
                CKR_ATTRIBUTE_VALUE_INVALID,
            ),
            (CKA_LOCAL, vec![1], CKR_ATTRIBUTE_READ_ONLY),
            (CKA_TRUSTED, vec![1], CKR_ATTRIBUTE_READ_ONLY),
            (CKA_TRUSTED, vec![0], CKR_OK),
            (CKA_VALUE_LEN, number(16), CKR_ATTRIBUTE_READ_ONLY),
            (CKA_MODULUS, vec![1], CKR_TEMPLATE_INCONSISTENT),
            (CKA_WRAP_TEMPLATE, vec![], CKR_OK),
            (CKA_WRAP_TEMPLATE, vec![1; 9], CKR_ATTRIBUTE_VALUE_INVALID),
            (CKA_DERIVE_TEMPLATE, vec![], CKR_ATTRIBUTE_TYPE_INVALID),
            (CKA_VENDOR_DEFINED, vec![1], CKR_ATTRIBUTE_TYPE_INVALID),
        ] {
            assert_eq!(code(taken(vec![(kind, value)])), wanted, "{kind:#x}");
        }
    }

    #[test]
    fn an_attribute_given_twice_is_given_once_unless_it_contradicts_itself() {
        let twice = |one, other| taken(vec![(CKA_SIGN, vec![one]), (CKA_SIGN, vec![other])]);
        assert_eq!(code(twice(1, 1)), CKR_OK);
        assert_eq!(code(twice(1, 0)), CKR_TEMPLATE_INCONSISTENT);
    }

    #[test]
    fn attributes_of_other_types_of_key_contradict_the_template() {
        let point = vec![(CKA_EC_POINT, vec![4])];
        let of = |key_type| accepted(&point, CKO_PUBLIC_KEY, Some(key_type), Act::Create);
        assert_eq!(code(of(CKK_EC)), CKR_OK);
        assert_eq!(code(of(CKK_RSA)), CKR_TEMPLATE_INCONSISTENT);
    }

    #[test]
    fn secrets_are_not_among_what_is_shown() {
        let shown = taken(vec![(CKA_VALUE, vec![7; 16]), (CKA_ID, vec![1])]).unwrap();
        assert_eq!(
            (shown.get(CKA_VALUE), shown.get(CKA_ID)),
            (None, Some(&[1][..]))
        );
    }

    #[test]
    fn some_attributes_change_in_one_direction_and_all_or_none_do() {
        let old = Attributes::default()
            .ulong(CKA_CLASS, CKO_SECRET_KEY)
            .bytes(CKA_LABEL, *b"old")
            .bools(&[CKA_SENSITIVE, CKA_TOKEN], false)
            .bool(CKA_EXTRACTABLE, true);
        let set = |kind, value: &[u8], in_copy| {
            let template = vec![(CKA_LABEL, b"new".to_vec()), (kind, value.to_vec())];
            changed(&old, &template, in_copy)
        };
        assert_eq!(code(set(CKA_SENSITIVE, &[1], false)), CKR_OK);
        assert_eq!(code(set(CKA_EXTRACTABLE, &[0], false)), CKR_OK);
        let guarded = set(CKA_SENSITIVE, &[1], false).unwrap();
        let back = changed(&guarded, &vec![(CKA_SENSITIVE, vec![0])], true);
        assert_eq!(code(back), CKR_ATTRIBUTE_READ_ONLY);
        assert_eq!(code(set(CKA_TOKEN, &[1], false)), CKR_ATTRIBUTE_READ_ONLY);
        assert_eq!(code(set(CKA_TOKEN, &[1], true)), CKR_OK);
        assert_eq!(code(set(CKA_TOKEN, &[0], false)), CKR_OK);
        assert_eq!(
            code(set(CKA_KEY_TYPE, &[0; 8], false)),
            CKR_ATTRIBUTE_READ_ONLY
        );
    }
}
