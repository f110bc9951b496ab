//! A keystore in a Postgres database, which several machines share.

mod failure;
mod link;
mod pool;
mod rows;
mod schema;
mod server;
mod transaction;
mod waiting;

use aws_lc_rs::digest::{SHA256, digest};
use tokio_postgres::Client;
use tokio_postgres::types::Type;

use self::failure::Failures;
use self::link::Trouble;
use self::pool::Pool;
use self::rows::{KEY_COLUMNS, TOKEN_COLUMNS, Value, marks};
use self::server::Server;
use self::transaction::Database;
use super::store::{CertificateRow, KeyPage, KeyRow, Store, StoreError, Stored, TokenRow, Which};
use crate::config;
use crate::error::TokenErrorKind;

/// Rows that are read at once.
const PAGE: usize = 256;

/// A keystore in a database of a server.
pub struct PostgresStore(Database);

impl PostgresStore {
    /// The store in that database; asks nobody yet.
    ///
    /// # Errors
    /// If the connection string cannot be read.
    pub fn new(config: &config::Postgres) -> Stored<Self> {
        let server = Server::new(config).map_err(|fault| {
            let failures = Failures::unnamed(&config.connection);
            failures.failure_of(fault)
        })?;
        Ok(Self(Database::new(Pool::new(server))))
    }

    /// Makes the tables, with that token in them. A keystore that is there is left alone.
    ///
    /// # Errors
    /// If there is one already, or the tables cannot be made.
    pub fn create(config: &config::Postgres, token: &TokenRow) -> Stored<Self> {
        let store = Self::new(config)?;
        store.0.write_unjudged(async |client: &Client| {
            schema::migrate(client).await?;
            let sql = "SELECT count(*) FROM kmip_p11.token";
            let row = client.query_typed_one(sql, &[]).await?;
            if row.try_get::<_, i64>(0)? > 0 {
                return Err(store.is_there().into());
            }
            let sql = format!(
                "INSERT INTO kmip_p11.token (one, {TOKEN_COLUMNS}) VALUES (1, {})",
                marks(1, 9)
            );
            client
                .execute_typed(&sql, &rows::token_values(token))
                .await?;
            Ok(())
        })?;
        Ok(store)
    }

    fn is_there(&self) -> StoreError {
        let what = "has a keystore already, and it was left as it is";
        self.0.failures.about(TokenErrorKind::Denied, what)
    }

    async fn token_row(&self, client: &Client, lock: &str) -> Result<TokenRow, Trouble> {
        let sql = format!("SELECT {TOKEN_COLUMNS} FROM kmip_p11.token {lock}");
        let found = client.query_typed_opt(&sql, &[]).await?;
        let row = found.ok_or_else(|| self.0.failures.no_keystore())?;
        Ok(rows::token(&row)?)
    }
}

async fn key_row(client: &Client, id: &str, lock: &str) -> Result<Option<KeyRow>, Trouble> {
    let sql = format!("SELECT number, {KEY_COLUMNS} FROM kmip_p11.keys WHERE id = $1 {lock}");
    let found = client.query_typed_opt(&sql, &[(&id, Type::TEXT)]).await?;
    Ok(found.as_ref().map(rows::key).transpose()?)
}

async fn key_page(
    client: &Client,
    which: &Which,
    after: i64,
    limit: usize,
) -> Result<Vec<KeyRow>, Trouble> {
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let mut values: Vec<Value<'_>> = vec![(&after, Type::INT8), (&limit, Type::INT8)];
    let (source, condition) = match which {
        Which::All => ("", ""),
        Which::CkaId(id) => {
            values.push((id, Type::BYTEA));
            ("", "AND cka_id = $3")
        }
        Which::Label(label) => {
            values.push((label, Type::TEXT));
            ("", "AND label = $3")
        }
        // Beginning with the certificates, of which there are fewer.
        Which::Certified => (
            "(SELECT DISTINCT key_id FROM kmip_p11.certificates) AS certified,",
            "AND id = certified.key_id",
        ),
    };
    let sql = format!(
        "SELECT number, {KEY_COLUMNS} FROM {source} kmip_p11.keys WHERE number > $1 {condition} \
         ORDER BY number LIMIT $2"
    );
    let found = client.query_typed(&sql, &values).await?;
    Ok(found.iter().map(rows::key).collect::<Result<_, _>>()?)
}

async fn certificates_of(client: &Client, keys: &[KeyRow]) -> Result<Vec<CertificateRow>, Trouble> {
    let ids: Vec<_> = keys.iter().map(|key| &*key.id).collect();
    let sql = "SELECT number, id, key_id, der FROM kmip_p11.certificates \
               WHERE key_id = ANY($1) ORDER BY number";
    let found = client.query_typed(sql, &[(&ids, Type::TEXT_ARRAY)]).await?;
    Ok(found
        .iter()
        .map(rows::certificate)
        .collect::<Result<_, _>>()?)
}

async fn insert_certificate(client: &Client, row: &CertificateRow) -> Result<(), Trouble> {
    let sql = "INSERT INTO kmip_p11.certificates (id, key_id, der) VALUES ($1, $2, $3)";
    let values: [Value<'_>; 3] = [
        (&row.id, Type::TEXT),
        (&row.key_id, Type::TEXT),
        (&row.der, Type::BYTEA),
    ];
    client.execute_typed(sql, &values).await?;
    Ok(())
}

impl Store for PostgresStore {
    fn place(&self) -> String {
        format!("postgres {}", self.0.failures.place)
    }

    fn alias(&self) -> String {
        let digest = digest(&SHA256, self.0.failures.place.as_bytes());
        let start = digest.as_ref().iter().take(8);
        start.map(|byte| format!("{byte:02x}")).collect()
    }

    fn is_local(&self) -> bool {
        false
    }

    fn token(&self) -> Stored<TokenRow> {
        self.0
            .read(async |client: &Client| self.token_row(client, "").await)
    }

    fn change_token(&self, change: &mut dyn FnMut(&mut TokenRow) -> Stored<bool>) -> Stored {
        self.0.write(async |client: &Client| {
            let mut token = self.token_row(client, "FOR UPDATE").await?;
            if change(&mut token)? {
                let marks = marks(1, 9);
                let sql = format!("UPDATE kmip_p11.token SET ({TOKEN_COLUMNS}) = ROW({marks})");
                client
                    .execute_typed(&sql, &rows::token_values(&token))
                    .await?;
            }
            Ok(())
        })
    }

    fn keys(&self, each: &mut dyn FnMut(KeyRow) -> Stored) -> Stored {
        let mut after = 0;
        self.0.stream(async |client: &Client| {
            let page = key_page(client, &Which::All, after, PAGE).await?;
            let is_full = page.len() == PAGE;
            for row in page {
                after = row.number;
                each(row)?;
            }
            Ok(is_full)
        })
    }

    fn certificates(&self, each: &mut dyn FnMut(CertificateRow) -> Stored) -> Stored {
        let mut after = 0_i64;
        self.0.stream(async |client: &Client| {
            let sql = "SELECT number, id, key_id, der FROM kmip_p11.certificates \
                       WHERE number > $1 ORDER BY number LIMIT $2";
            let values: [Value<'_>; 2] = [(&after, Type::INT8), (&(PAGE as i64), Type::INT8)];
            let found = client.query_typed(sql, &values).await?;
            for row in &found {
                each(rows::certificate(row)?)?;
            }
            if let Some(last) = found.last() {
                after = last.try_get(0)?;
            }
            Ok(found.len() == PAGE)
        })
    }

    fn page(&self, which: &Which, after: i64, limit: usize) -> Stored<KeyPage> {
        self.0.read(async |client: &Client| {
            let keys = key_page(client, which, after, limit).await?;
            let certificates = certificates_of(client, &keys).await?;
            Ok(KeyPage { keys, certificates })
        })
    }

    fn key(&self, id: &str) -> Stored<Option<KeyRow>> {
        self.0
            .read(async |client: &Client| key_row(client, id, "").await)
    }

    fn insert(&self, key: &KeyRow, certificates: &[CertificateRow]) -> Stored<i64> {
        self.0.write(async |client: &Client| {
            let sql = format!(
                "INSERT INTO kmip_p11.keys ({KEY_COLUMNS}) VALUES ({}) RETURNING number",
                marks(1, 17)
            );
            let row = client.query_typed_one(&sql, &rows::key_values(key)).await?;
            for certificate in certificates {
                insert_certificate(client, certificate).await?;
            }
            Ok(row.try_get(0)?)
        })
    }

    fn change_key(&self, id: &str, change: &mut dyn FnMut(&mut KeyRow) -> Stored) -> Stored<bool> {
        self.0.write(async |client: &Client| {
            let Some(mut key) = key_row(client, id, "FOR UPDATE").await? else {
                return Ok(false);
            };
            change(&mut key)?;
            let marks = marks(1, 17);
            let sql =
                format!("UPDATE kmip_p11.keys SET ({KEY_COLUMNS}) = ROW({marks}) WHERE id = $18");
            let mut values = rows::key_values(&key).to_vec();
            values.push((&id, Type::TEXT));
            client.execute_typed(&sql, &values).await?;
            Ok(true)
        })
    }

    fn remove(&self, id: &str) -> Stored<bool> {
        // The certificates of a key go with it.
        self.0.write(async |client: &Client| {
            let sql = "DELETE FROM kmip_p11.keys WHERE id = $1";
            Ok(client.execute_typed(sql, &[(&id, Type::TEXT)]).await? > 0)
        })
    }

    fn insert_certificate(&self, certificate: &CertificateRow) -> Stored<Option<String>> {
        self.0.write(async |client: &Client| {
            let CertificateRow { id, key_id, der } = certificate;
            // Of two who add the same one, the second waits here, and finds it.
            if key_row(client, key_id, "FOR UPDATE").await?.is_none() {
                return Ok(None);
            }
            let sql = "SELECT id FROM kmip_p11.certificates WHERE key_id = $1 AND der = $2";
            let values: [Value<'_>; 2] = [(key_id, Type::TEXT), (der, Type::BYTEA)];
            if let Some(there) = client.query_typed(sql, &values).await?.first() {
                return Ok(Some(there.try_get(0)?));
            }
            insert_certificate(client, certificate).await?;
            Ok(Some(id.clone()))
        })
    }

    fn remove_certificate(&self, key_id: &str, id: &str) -> Stored<bool> {
        self.0.write(async |client: &Client| {
            let sql = "DELETE FROM kmip_p11.certificates WHERE key_id = $1 AND id = $2";
            let values: [Value<'_>; 2] = [(&key_id, Type::TEXT), (&id, Type::TEXT)];
            Ok(client.execute_typed(sql, &values).await? > 0)
        })
    }

    fn count(&self) -> Stored<i64> {
        self.0.read(async |client: &Client| {
            let sql = "SELECT count(*) FROM kmip_p11.keys";
            Ok(client.query_typed_one(sql, &[]).await?.try_get(0)?)
        })
    }

    fn facts(&self) -> Stored<Vec<(&'static str, String)>> {
        let (version, encrypted) = self.0.read(async |client: &Client| {
            let sql = "SELECT current_setting('server_version'), \
                       (SELECT coalesce(max(version || ' ' || cipher), 'none') \
                        FROM pg_stat_ssl WHERE pid = pg_backend_pid())";
            let row = client.query_typed_one(sql, &[]).await?;
            Ok((row.try_get::<_, String>(0)?, row.try_get::<_, String>(1)?))
        })?;
        Ok(vec![
            ("database", self.place()),
            ("user", self.0.failures.user.clone()),
            ("PostgreSQL", version),
            ("TLS", encrypted),
        ])
    }
}
