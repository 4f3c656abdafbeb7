//! The server: one snapshot of the database, its tables and their rows.

use std::future::poll_fn;
use std::time::Duration;

use jiff::Timestamp;
use runbook_core::export::{Order, Reason};
use runbook_probes::Trust;
use secrecy::ExposeSecret as _;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::timeout;
use tokio_postgres::config::SslMode;
use tokio_postgres::types::ToSql;
use tokio_postgres::{Client, Config, Row};
use tokio_postgres_rustls::MakeRustlsConnect;

use crate::connection::Connection;
use crate::failure::Failure;
use crate::manifest::Counted;
use crate::refused;
use crate::tables::{Named, Table};
use crate::version::Version;

/// For a connection, and then for logging in.
const CONNECT: Duration = Duration::from_secs(30);
/// A dump lasts: the role's own limits of time are not for it. transaction_timeout is of PostgreSQL 17.
const PATIENT: &str = "SELECT set_config(name, '0', false) FROM pg_settings WHERE name IN \
    ('statement_timeout', 'idle_in_transaction_session_timeout', 'idle_session_timeout', 'transaction_timeout')";
/// Rows that a policy hides are an error, as to pg_dump, and not left out.
const BEGIN: &str =
    "SET lock_timeout = '5min'; SET row_security = off; BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY";
const SNAPSHOT: &str =
    "SELECT pg_export_snapshot(), pg_is_in_recovery(), current_setting('server_version_num')::int4, now()";
/// A table, and those that inherit from it: partitions too.
const NAMED: &str = "WITH RECURSIVE tree(oid) AS (SELECT to_regclass($1)::oid UNION SELECT inhrelid FROM pg_inherits \
    JOIN tree ON inhparent = tree.oid) SELECT nspname::text, relname::text, relkind::text FROM tree JOIN pg_class USING (oid) \
    JOIN pg_namespace ON pg_namespace.oid = relnamespace ORDER BY 1, 2";
/// Every table that pg_dump dumps the rows of: not PostgreSQL's, nor those of extensions, nor what a replica has no rows of.
const ALL: &str = "SELECT nspname::text, relname::text, relkind::text FROM pg_class JOIN pg_namespace ON pg_namespace.oid = relnamespace \
    WHERE relkind = 'r' AND relpersistence <> 't' AND NOT (pg_is_in_recovery() AND relpersistence = 'u') \
    AND nspname <> 'information_schema' AND nspname !~ '^pg_' \
    AND NOT EXISTS (SELECT FROM pg_depend WHERE classid = 'pg_class'::regclass AND objid = pg_class.oid AND deptype = 'e') ORDER BY 1, 2";

/// A transaction that shows the database as it was at one moment. It ends when this is dropped.
pub struct Snapshot {
    /// What pg_dump is given, to see the same.
    pub id: String,
    /// The moment.
    pub time: Timestamp,
    /// Of the server.
    pub version: Version,
    /// Whether it is a replica.
    pub in_recovery: bool,
    client: Client,
    _driver: JoinSet<()>,
}

impl Snapshot {
    /// Connects, with TLS and the host verified, and takes a snapshot.
    ///
    /// # Errors
    /// The server is not to be had, or lets nobody in.
    pub async fn take(order: &Order, connection: &Connection, trust: &Trust) -> Result<Self, Failure> {
        let place = format!("database {} at {}:{}", connection.database, order.host, order.port);
        let unreachable = |reason: String| {
            let advice = "look at security groups, routes and network policies";
            Failure::new(Reason::DatabaseUnreachable, format!("{place}: {reason}; {advice}"))
        };
        let stream = timeout(CONNECT, TcpStream::connect((order.host.as_str(), order.port)))
            .await
            .map_err(|_| unreachable(format!("no connection within {} s", CONNECT.as_secs())))?
            .map_err(|error| unreachable(error.to_string()))?;
        let mut tls = MakeRustlsConnect::new(trust.config());
        let host = order.host.trim_end_matches('.');
        let connect =
            <MakeRustlsConnect as tokio_postgres::tls::MakeTlsConnect<TcpStream>>::make_tls_connect(&mut tls, host)
                .map_err(|error| Failure::new(Reason::TlsFailed, format!("{place}: {error}")))?;
        let mut config = Config::new();
        config
            .user(&connection.user)
            .password(connection.password.expose_secret())
            .dbname(&connection.database)
            .application_name("runbook-export")
            .ssl_mode(SslMode::Require);
        let (client, driver) = timeout(CONNECT, config.connect_raw(stream, connect))
            .await
            .map_err(|_| unreachable(format!("it lets nobody in within {} s", CONNECT.as_secs())))?
            .map_err(|error| refused::login(&error, &place, &connection.user))?;
        let mut drivers = JoinSet::new();
        drivers.spawn(drive(driver));
        let failed = |error: tokio_postgres::Error| refused::statement(&error, &place);
        client.batch_execute(PATIENT).await.map_err(failed)?;
        client.batch_execute(BEGIN).await.map_err(failed)?;
        let row = client.query_one(SNAPSHOT, &[]).await.map_err(failed)?;
        let version = Version::of_server(get(&row, 2)?)
            .ok_or_else(|| Failure::new(Reason::DumpFailed, format!("{place}: its version is none that is known")))?;
        Ok(Self {
            id: get(&row, 0)?,
            in_recovery: get(&row, 1)?,
            version,
            time: get(&row, 3)?,
            client,
            _driver: drivers,
        })
    }

    /// The tables that are named, with those that inherit from them; all, where none is.
    ///
    /// # Errors
    /// One is not there, or is no table.
    pub async fn tables(&self, named: &[Named]) -> Result<Vec<Table>, Failure> {
        if named.is_empty() {
            return self.list(ALL, &[]).await;
        }
        let mut tables: Vec<Table> = Vec::new();
        for name in named {
            let quoted = name.quoted();
            let found = self.list(NAMED, &[&quoted]).await?;
            if found.is_empty() {
                let message = format!(
                    "there is no table {quoted}: correct its name, with its schema where it is not in the search_path"
                );
                return Err(Failure::new(Reason::TableNotFound, message));
            }
            if let Some((table, what)) = found.iter().find_map(|table| Some((table, table.is_no_table()?))) {
                let message = format!("{} is {what}: name tables alone", table.quoted());
                return Err(Failure::new(Reason::TableNotFound, message));
            }
            // One that inherits may be named itself.
            tables.extend(found.into_iter().filter(|table| !tables.contains(table)).collect::<Vec<_>>());
        }
        Ok(tables)
    }

    /// How many rows each table has in this snapshot.
    ///
    /// # Errors
    /// One cannot be read.
    pub async fn count(&self, tables: &[Table]) -> Result<Vec<Counted>, Failure> {
        let mut counted = Vec::new();
        for table in tables.iter().filter(|table| table.has_rows()) {
            let quoted = table.quoted();
            let row = self
                .client
                .query_one(&format!("SELECT count(*) FROM ONLY {quoted}"), &[])
                .await
                .map_err(|error| refused::statement(&error, &format!("table {quoted}")))?;
            let rows: i64 = get(&row, 0)?;
            counted.push(Counted { schema: table.schema.clone(), name: table.name.clone(), rows: rows.unsigned_abs() });
        }
        Ok(counted)
    }

    async fn list(&self, statement: &str, parameters: &[&(dyn ToSql + Sync)]) -> Result<Vec<Table>, Failure> {
        let rows = self
            .client
            .query(statement, parameters)
            .await
            .map_err(|error| refused::statement(&error, "the catalogue"))?;
        rows.iter().map(|row| Ok(Table { schema: get(row, 0)?, name: get(row, 1)?, kind: get(row, 2)? })).collect()
    }
}

fn get<'r, T: tokio_postgres::types::FromSql<'r>>(row: &'r Row, column: usize) -> Result<T, Failure> {
    row.try_get(column)
        .map_err(|error| Failure::new(Reason::DumpFailed, format!("the server's answer is none: {error}")))
}

/// Reads and writes a connection until it ends. Notices are dropped.
async fn drive<S, T>(mut connection: tokio_postgres::Connection<S, T>)
where
    S: AsyncRead + AsyncWrite + Unpin,
    T: AsyncRead + AsyncWrite + Unpin,
{
    while let Some(Ok(_)) = poll_fn(|context| connection.poll_message(context)).await {}
}
