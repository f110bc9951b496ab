//! Pages of rows: each begins where the last one ended, so that nobody counts or skips.

use rusqlite::{Connection, ToSql};

use super::super::store::{CertificateRow, KeyPage, KeyRow, Which};
use super::rows;

/// The first keys that are wanted after that number, with their certificates, as they are at one
/// instant.
pub fn page(
    connection: &mut Connection,
    which: &Which,
    after: i64,
    limit: usize,
) -> rusqlite::Result<KeyPage> {
    let instant = connection.transaction()?;
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let (condition, value): (_, Option<&dyn ToSql>) = match which {
        Which::All => ("number > ?1", None),
        Which::CkaId(id) => ("number > ?1 AND cka_id = ?3", Some(id)),
        Which::Label(label) => ("number > ?1 AND label = ?3", Some(label)),
        // The sign keeps SQLite from walking the keys: there are fewer certificates.
        Which::Certified => (
            "+number > ?1 AND id IN (SELECT key_id FROM certificates)",
            None,
        ),
    };
    let mut values: Vec<&dyn ToSql> = vec![&after, &limit];
    values.extend(value);
    let sql = format!(
        "SELECT {} FROM keys WHERE {condition} ORDER BY number LIMIT ?2",
        rows::KEY_COLUMNS
    );
    let mut statement = instant.prepare(&sql)?;
    let keys: Vec<_> = statement
        .query_map(&values[..], rows::key)?
        .collect::<Result<_, _>>()?;
    let certificates = certificates_of(&instant, &keys)?;
    Ok(KeyPage { keys, certificates })
}

fn certificates_of(
    connection: &Connection,
    keys: &[KeyRow],
) -> rusqlite::Result<Vec<CertificateRow>> {
    let sql = "SELECT id, key_id, der FROM certificates WHERE key_id = ? ORDER BY number";
    let mut statement = connection.prepare(sql)?;
    let mut all = vec![];
    for key in keys {
        for row in statement.query_map([&key.id], rows::certificate)? {
            all.push(row?);
        }
    }
    Ok(all)
}
