//! Rows as SQLite gives and takes them.

use rusqlite::{Row, ToSql};

use super::super::store::{CertificateRow, KeyRow, TokenRow};

/// The columns of `token`, in the order of [`token`].
pub const TOKEN_COLUMNS: &str =
    "format, serial, created, seal, seal_parameters, data_key, check_value, failures, last_failure";

/// The columns of `keys`, in the order of [`key`].
pub const KEY_COLUMNS: &str = "number, id, name, own_label, label, cka_id, public_key, key_type, \
     state, activated, revoked, revocation, object_groups, extractable, never_extractable, created, \
     sealed, code";

/// A row of `token`.
pub fn token(row: &Row<'_>) -> rusqlite::Result<TokenRow> {
    Ok(TokenRow {
        format: row.get(0)?,
        serial: row.get(1)?,
        created: row.get(2)?,
        seal: row.get(3)?,
        seal_parameters: row.get(4)?,
        data_key: row.get(5)?,
        check_value: row.get(6)?,
        failures: row.get(7)?,
        last_failure: row.get(8)?,
    })
}

/// The values for [`TOKEN_COLUMNS`].
pub fn token_values(row: &TokenRow) -> [&dyn ToSql; 9] {
    [
        &row.format,
        &row.serial,
        &row.created,
        &row.seal,
        &row.seal_parameters,
        &row.data_key,
        &row.check_value,
        &row.failures,
        &row.last_failure,
    ]
}

/// A row of `keys`.
pub fn key(row: &Row<'_>) -> rusqlite::Result<KeyRow> {
    Ok(KeyRow {
        number: row.get(0)?,
        id: row.get(1)?,
        name: row.get(2)?,
        own_label: row.get(3)?,
        label: row.get(4)?,
        cka_id: row.get(5)?,
        public_key: row.get(6)?,
        key_type: row.get(7)?,
        state: row.get(8)?,
        activated: row.get(9)?,
        revoked: row.get(10)?,
        revocation: row.get(11)?,
        object_groups: row.get(12)?,
        extractable: row.get(13)?,
        never_extractable: row.get(14)?,
        created: row.get(15)?,
        sealed: row.get(16)?,
        code: row.get(17)?,
    })
}

/// The values for [`KEY_COLUMNS`], without the number.
pub fn key_values(row: &KeyRow) -> [&dyn ToSql; 17] {
    [
        &row.id,
        &row.name,
        &row.own_label,
        &row.label,
        &row.cka_id,
        &row.public_key,
        &row.key_type,
        &row.state,
        &row.activated,
        &row.revoked,
        &row.revocation,
        &row.object_groups,
        &row.extractable,
        &row.never_extractable,
        &row.created,
        &row.sealed,
        &row.code,
    ]
}

/// A row of `certificates`: id, key_id, der.
pub fn certificate(row: &Row<'_>) -> rusqlite::Result<CertificateRow> {
    Ok(CertificateRow {
        id: row.get(0)?,
        key_id: row.get(1)?,
        der: row.get(2)?,
    })
}
