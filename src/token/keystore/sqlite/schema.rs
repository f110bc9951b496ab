//! The tables in SQLite's words, and how a file of an older version becomes one of this.

use rusqlite::{Connection, Transaction, TransactionBehavior};

use super::super::store::SCHEMA;

/// "kp11" in the file's header: what tells our files from others.
pub const APPLICATION_ID: u32 = 0x6b70_3131;

/// What leads from each version to the next, beginning with an empty file.
const MIGRATIONS: [&str; SCHEMA as usize] = [include_str!("schema_1.sql")];

/// Brings the tables from that version to the newest, in one transaction for each step. Whoever comes second, finds it done.
pub fn migrate(connection: &mut Connection) -> rusqlite::Result<()> {
    loop {
        let step = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let version: u32 = step.pragma_query_value(None, "user_version", |row| row.get(0))?;
        match MIGRATIONS.get(version as usize) {
            Some(sql) => to_next(step, sql, version + 1)?,
            None => return step.rollback(),
        }
    }
}

fn to_next(step: Transaction<'_>, sql: &str, version: u32) -> rusqlite::Result<()> {
    step.execute_batch(sql)?;
    step.pragma_update(None, "application_id", APPLICATION_ID)?;
    step.pragma_update(None, "user_version", version)?;
    step.commit()
}
