//! Rows that were changed, exchanged or moved by something that does not have the data key.

use super::*;

/// A keystore with two keys, which have signed elsewhere.
fn with_two_keys() -> (Scene, [Key; 2]) {
    let scene = by_file();
    let keys = ["a", "b"].map(|name| scene.token().generate(&new(name)).unwrap());
    (scene, keys)
}

/// How a column is altered, whatever its type; the result is another value of that type.
fn altered(column: &str) -> String {
    format!(
        "CASE typeof({column})
         WHEN 'integer' THEN CASE {column} WHEN 1 THEN 0 ELSE {column} + 1 END
         WHEN 'text' THEN {column} || 'x'
         WHEN 'blob' THEN CAST({column} || x'00' AS BLOB)
         ELSE {{null}} END"
    )
}

const COLUMNS: [(&str, &str); 16] = [
    ("name", "NULL"),
    ("own_label", "'x'"),
    ("label", "NULL"),
    ("cka_id", "NULL"),
    ("public_key", "NULL"),
    ("key_type", "NULL"),
    ("state", "NULL"),
    ("activated", "NULL"),
    ("revoked", "1"),
    ("revocation", "'x'"),
    ("object_groups", "NULL"),
    ("extractable", "NULL"),
    ("never_extractable", "NULL"),
    ("created", "NULL"),
    ("sealed", "NULL"),
    ("code", "NULL"),
];

#[test]
fn a_key_with_another_value_in_any_column_does_not_sign() {
    let (scene, [key, other]) = with_two_keys();
    let whole = scene
        .token()
        .store()
        .unwrap()
        .key(&key.id.0)
        .unwrap()
        .unwrap();
    for (column, null) in COLUMNS {
        let value = altered(column).replace("{null}", null);
        let sql = format!("UPDATE keys SET {column} = {value} WHERE name LIKE 'a%'");
        assert_eq!(scene.sql(&sql), 1, "{column}");
        let token = scene.token();
        let (kind, reason) = kind(signs(&token, &key));
        assert_eq!(kind, TokenErrorKind::Failed, "{column}: {reason}");
        assert!(reason.contains("altered"), "{column}: {reason}");
        signs(&token, &other).unwrap();
        let found = token.find().unwrap();
        assert_eq!(found.keys, std::slice::from_ref(&other), "{column}");
        assert_eq!(found.hidden.len(), 1, "{column}");
        assert_eq!(
            self::kind(token.activate(&key)).0,
            TokenErrorKind::Failed,
            "{column}"
        );
        let put_back = |row: &mut KeyRow| {
            *row = whole.clone();
            Ok(())
        };
        let store = token.store().unwrap();
        assert_eq!(store.change_key(&key.id.0, &mut { put_back }), Ok(true));
        signs(&scene.token(), &key).unwrap();
    }
}

#[test]
fn a_key_with_another_id_is_another() {
    let (scene, [key, _]) = with_two_keys();
    scene.sql("UPDATE keys SET id = id || 'x' WHERE name = 'a'");
    let token = scene.token();
    assert_eq!(kind(signs(&token, &key)).0, TokenErrorKind::Gone);
    let id = ObjectId(format!("{}x", key.id));
    let (kind, reason) = kind(signs(&token, &Key { id, ..key }));
    assert_eq!(kind, TokenErrorKind::Failed);
    assert!(reason.contains("altered"), "{reason}");
}

/// The code is not the only thing that binds: a sealed key opens in its own row alone.
#[test]
fn a_sealed_key_does_not_open_in_another_row_nor_token() {
    let (scene, [key, other]) = with_two_keys();
    let opened = |scene: &Scene| scene.token().opened().unwrap();
    let row = |key: &Key| {
        scene
            .token()
            .store()
            .unwrap()
            .key(&key.id.0)
            .unwrap()
            .unwrap()
    };
    let keys = opened(&scene);
    assert!(keys.keys.unseal(&row(&key)).is_some());
    let moved = KeyRow {
        sealed: row(&key).sealed,
        ..row(&other)
    };
    assert!(keys.keys.unseal(&moved).is_none());
    assert!(opened(&by_file()).keys.unseal(&row(&key)).is_none());
    for place in 0..row(&key).sealed.len() {
        let mut flipped = row(&key);
        flipped.sealed[place] ^= 1;
        assert!(keys.keys.unseal(&flipped).is_none(), "{place}");
    }
}

/// The columns of the token that decide how it is opened, and what is said of one that is wrong.
#[test]
fn a_token_with_another_value_in_its_columns_does_not_open() {
    let (scene, [key, _]) = with_two_keys();
    let whole = scene.token().store().unwrap().token().unwrap();
    for (column, expected) in [
        ("format", "sealed in format 0"),
        ("serial", "another key"),
        ("seal", "is sealed by \"filex\""),
        ("seal_parameters", "another key"),
        ("data_key", "another key"),
        ("check_value", "altered"),
    ] {
        let value = altered(column).replace("{null}", "NULL");
        scene.sql(&format!("UPDATE token SET {column} = {value}"));
        let (kind, reason) = kind(signs(&scene.token(), &key));
        assert_eq!(kind, TokenErrorKind::Failed, "{column}");
        assert!(reason.contains(expected), "{column}: {reason}");
        let put_back = |row: &mut TokenRow| {
            *row = whole.clone();
            Ok(true)
        };
        scene
            .token()
            .store()
            .unwrap()
            .change_token(&mut { put_back })
            .unwrap();
        signs(&scene.token(), &key).unwrap();
    }
}

/// A certificate is shown with the key that it speaks of, whatever its row says.
#[test]
fn a_certificate_cannot_be_moved_to_another_key() {
    let (scene, [key, other]) = with_two_keys();
    let foreign = rcgen::generate_simple_self_signed(vec!["a".to_owned()]).unwrap();
    let row = store::CertificateRow {
        id: "c".into(),
        key_id: key.id.0.clone(),
        der: foreign.cert.der().to_vec(),
    };
    let token = scene.token();
    assert_eq!(
        token.store().unwrap().insert_certificate(&row),
        Ok(Some(row.id.clone()))
    );
    assert_eq!(token.find().unwrap().keys, [key, other]);
}

#[test]
fn costs_that_nobody_set_are_not_paid() {
    let scene = sealed_by(|_| Seal::Pin);
    scene.sql(
        "UPDATE token SET seal_parameters = \
         CAST(substr(seal_parameters, 1, 16) || x'7fffffff0000000300000001' AS BLOB)",
    );
    let (kind, reason) = kind(scene.token().login("1234"));
    assert_eq!(kind, TokenErrorKind::Failed);
    assert!(reason.contains("not as it should be"), "{reason}");
}
