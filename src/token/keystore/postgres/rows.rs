//! Rows as Postgres gives and takes them.

use tokio_postgres::types::{ToSql, Type};
use tokio_postgres::{Error, Row};

use super::super::store::{CertificateRow, KeyRow, TokenRow};

/// A value for a statement, and the type of its column.
pub type Value<'a> = (&'a (dyn ToSql + Sync), Type);

/// The columns of `token`, in the order of [`token`].
pub const TOKEN_COLUMNS: &str =
    "format, serial, created, seal, seal_parameters, data_key, check_value, failures, last_failure";

/// The columns of `keys`, in the order of [`key`], without the number, which the database gives.
pub const KEY_COLUMNS: &str = "id, name, own_label, label, cka_id, public_key, key_type, state, \
     activated, revoked, revocation, object_groups, extractable, never_extractable, created, sealed, code";

/// A row of `token`.
pub fn token(row: &Row) -> Result<TokenRow, Error> {
    Ok(TokenRow {
        format: row.try_get(0)?,
        serial: row.try_get(1)?,
        created: row.try_get(2)?,
        seal: row.try_get(3)?,
        seal_parameters: row.try_get(4)?,
        data_key: row.try_get(5)?,
        check_value: row.try_get(6)?,
        failures: row.try_get(7)?,
        last_failure: row.try_get(8)?,
    })
}

/// The values for [`TOKEN_COLUMNS`].
pub fn token_values(row: &TokenRow) -> [Value<'_>; 9] {
    [
        (&row.format, Type::INT8),
        (&row.serial, Type::TEXT),
        (&row.created, Type::INT8),
        (&row.seal, Type::TEXT),
        (&row.seal_parameters, Type::BYTEA),
        (&row.data_key, Type::BYTEA),
        (&row.check_value, Type::BYTEA),
        (&row.failures, Type::INT8),
        (&row.last_failure, Type::INT8),
    ]
}

/// A row of `keys`: the number, and [`KEY_COLUMNS`].
pub fn key(row: &Row) -> Result<KeyRow, Error> {
    Ok(KeyRow {
        number: row.try_get(0)?,
        id: row.try_get(1)?,
        name: row.try_get(2)?,
        own_label: row.try_get(3)?,
        label: row.try_get(4)?,
        cka_id: row.try_get(5)?,
        public_key: row.try_get(6)?,
        key_type: row.try_get(7)?,
        state: row.try_get(8)?,
        activated: row.try_get(9)?,
        revoked: row.try_get(10)?,
        revocation: row.try_get(11)?,
        object_groups: row.try_get(12)?,
        extractable: row.try_get(13)?,
        never_extractable: row.try_get(14)?,
        created: row.try_get(15)?,
        sealed: row.try_get(16)?,
        code: row.try_get(17)?,
    })
}

/// The values for [`KEY_COLUMNS`].
pub fn key_values(row: &KeyRow) -> [Value<'_>; 17] {
    [
        (&row.id, Type::TEXT),
        (&row.name, Type::TEXT),
        (&row.own_label, Type::TEXT),
        (&row.label, Type::TEXT),
        (&row.cka_id, Type::BYTEA),
        (&row.public_key, Type::BYTEA),
        (&row.key_type, Type::TEXT),
        (&row.state, Type::INT8),
        (&row.activated, Type::INT8),
        (&row.revoked, Type::INT8),
        (&row.revocation, Type::TEXT),
        (&row.object_groups, Type::TEXT),
        (&row.extractable, Type::BOOL),
        (&row.never_extractable, Type::BOOL),
        (&row.created, Type::INT8),
        (&row.sealed, Type::BYTEA),
        (&row.code, Type::BYTEA),
    ]
}

/// A row of `certificates`: number, id, key_id, der.
pub fn certificate(row: &Row) -> Result<CertificateRow, Error> {
    Ok(CertificateRow {
        id: row.try_get(1)?,
        key_id: row.try_get(2)?,
        der: row.try_get(3)?,
    })
}

/// `$1, $2, ...`, beginning with that number.
pub fn marks(first: usize, count: usize) -> String {
    let marks = (first..first + count).map(|number| format!("${number}"));
    marks.collect::<Vec<_>>().join(", ")
}
