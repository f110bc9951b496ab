//! The tables in Postgres's words, and how those of an older version become those of this.

use tokio_postgres::Client;

use super::super::store::{SCHEMA, StoreError};
use super::failure::Failures;
use super::link::Trouble;
use crate::error::TokenErrorKind;

/// What leads from each version to the next, beginning with nothing.
const MIGRATIONS: [&str; SCHEMA as usize] = [include_str!("schema_1.sql")];

/// "kmip_p11" in bytes: the lock of those who change the tables.
const LOCK: i64 = 0x6b6d_6970_5f70_3131;

/// The version of the tables; 0 if there are none.
pub async fn version(client: &Client) -> Result<u32, Trouble> {
    let there = "SELECT to_regclass('kmip_p11.schema_version') IS NOT NULL";
    let row = client.query_typed_one(there, &[]).await?;
    if !row.try_get::<_, bool>(0)? {
        return Ok(0);
    }
    let sql = "SELECT max(version) FROM kmip_p11.schema_version";
    let row = client.query_typed_one(sql, &[]).await?;
    let version: Option<i64> = row.try_get(0)?;
    Ok(version.map_or(0, |it| u32::try_from(it).unwrap_or(u32::MAX)))
}

/// Whether a program can do with tables of that version once they were migrated.
pub fn judge(version: u32, failures: &Failures) -> Result<(), StoreError> {
    match version {
        0..=SCHEMA => Ok(()),
        _ => Err(failures.about(
            TokenErrorKind::Failed,
            format!(
                "was made by a later version of kmip-p11: its tables have version {version}, and this \
                 program knows those up to {SCHEMA}; use the later program"
            ),
        )),
    }
}

/// Brings the tables to the newest version, within the transaction that is under way. Of two who do
/// that at once the second waits, and finds it done.
pub async fn migrate(client: &Client) -> Result<(), Trouble> {
    let lock = format!("SELECT pg_advisory_xact_lock({LOCK})");
    client.batch_execute(&lock).await?;
    let there = version(client).await?;
    if there == 0 {
        // IF NOT EXISTS asks for the right to make it even if it is there.
        let row = client
            .query_typed_one("SELECT to_regnamespace('kmip_p11') IS NOT NULL", &[])
            .await?;
        if !row.try_get::<_, bool>(0)? {
            client.batch_execute("CREATE SCHEMA kmip_p11").await?;
        }
        let table = "CREATE TABLE kmip_p11.schema_version (version BIGINT PRIMARY KEY)";
        client.batch_execute(table).await?;
    }
    for (to, sql) in (1_u32..).zip(MIGRATIONS) {
        if to > there {
            client.batch_execute(sql).await?;
            let note = format!("INSERT INTO kmip_p11.schema_version VALUES ({to})");
            client.batch_execute(&note).await?;
        }
    }
    Ok(())
}
