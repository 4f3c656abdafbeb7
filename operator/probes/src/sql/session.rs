//! A session: connected, verified, logged in, and read-only from its first statement on.

use std::future::poll_fn;
use std::time::Duration;

use runbook_core::checks::{FailureClass, SqlFailure};
use secrecy::ExposeSecret;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::task::JoinSet;
use tokio::time::timeout;
use tokio_postgres::config::SslMode;
use tokio_postgres::tls::MakeTlsConnect;
use tokio_postgres::{Client, Config, Connection};
use tokio_postgres_rustls::MakeRustlsConnect;

use crate::dialer::Dialer;
use crate::sql::bounded::{Bounded, Budget};
use crate::sql::{Answer, Limits, SqlTarget, ask, classify};

/// As the server lists it in pg_stat_activity.
const APPLICATION: &str = "runbook-operator";
/// Logging in takes no more bytes.
const HANDSHAKE: u64 = 1 << 20;
/// How much longer than the server a statement is waited for here, so that it is the server who ends it.
const GRACE: Duration = Duration::from_secs(5);

/// A session. Dropping it closes the connection.
pub struct Session {
    client: Client,
    budget: Budget,
    place: String,
    limits: Limits,
    /// What reads and writes the connection; it ends with the session.
    _driver: JoinSet<()>,
}

impl Session {
    /// Connects and logs in. TLS is required, the host verified.
    ///
    /// # Errors
    /// It was not to be had, and whose turn it is.
    pub async fn open(dialer: &Dialer, target: &SqlTarget, limits: Limits) -> Result<Self, SqlFailure> {
        let place = target.place();
        let stream = dialer.connect(&target.host, target.port).await.map_err(|error| classify::dial(&error))?;
        let budget = Budget::new(HANDSHAKE);
        let stream = Bounded::new(stream, budget.clone());
        // An address has to be in the certificate as one; a name may end with the root's dot, which no certificate has.
        let mut tls = MakeRustlsConnect::new(target.trust.config());
        let connect = MakeTlsConnect::<Bounded<tokio::net::TcpStream>>::make_tls_connect(
            &mut tls,
            target.host.trim_end_matches('.'),
        )
        .map_err(|error| SqlFailure::new(FailureClass::Tls, format!("{place}: {error}")))?;
        let mut config = Config::new();
        config
            .user(&target.user)
            .password(target.password.expose_secret())
            .dbname(&target.database)
            .application_name(APPLICATION)
            .ssl_mode(SslMode::Require);
        let (client, connection) = timeout(limits.statement + GRACE, config.connect_raw(stream, connect))
            .await
            .map_err(|_| {
                SqlFailure::new(FailureClass::Timeout, format!("{place}: the server accepts nobody, or too slowly"))
            })?
            .map_err(|error| classify::opening(&error, &place, &target.user))?;
        let mut driver = JoinSet::new();
        driver.spawn(drive(connection));
        Ok(Self { client, budget, place, limits, _driver: driver })
    }

    /// Asks all, until one costs the session; that one is answered too.
    ///
    /// # Errors
    /// No transaction could be begun.
    pub async fn ask_all(
        &mut self,
        statements: &[(String, String)],
        answers: &mut Vec<Answer>,
    ) -> Result<(), SqlFailure> {
        let (place, limits) = (self.place.clone(), self.limits);
        let lost = |error: &tokio_postgres::Error| {
            classify::statement(error, limits.statement).unwrap_or_else(|| classify::lost(error, &place))
        };
        // Should a statement get out of the transaction, what comes after it is read-only as well.
        let read_only = self.client.batch_execute("SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY");
        within(limits.statement, read_only).await.ok_or_else(|| silent(&place))?.map_err(|error| lost(&error))?;
        let begin = self.client.build_transaction().read_only(true).start();
        let Some(begun) = within(limits.statement, begin).await else { return Err(silent(&place)) };
        let mut transaction = begun.map_err(|error| lost(&error))?;
        transaction.batch_execute(&settings(limits)).await.map_err(|error| lost(&error))?;
        for (_, statement) in statements {
            self.budget.refill(limits.bytes);
            let asked = ask::in_savepoint(&mut transaction, statement, limits);
            // The server's timeout is for each of its steps: parse, plan, execute.
            let Some(asked) = within(limits.statement * 3, asked).await else {
                answers.push(Err(silent(&place)));
                return Ok(());
            };
            answers.push(
                asked.answer.unwrap_or_else(|error| {
                    Err(if self.budget.is_exceeded() { too_large(limits) } else { lost(&error) })
                }),
            );
            if !asked.goes_on {
                return Ok(());
            }
        }
        // A connection that ends without this is rolled back all the same.
        let _ = within(limits.statement, transaction.rollback()).await;
        Ok(())
    }
}

/// For this transaction alone. A client that vanishes holds it open no longer than it could have taken.
fn settings(limits: Limits) -> String {
    let (statement, total) = (limits.statement.as_millis(), (limits.total + GRACE).as_millis());
    format!(
        "SET LOCAL statement_timeout = {statement}; SET LOCAL lock_timeout = {statement}; \
         SET LOCAL idle_in_transaction_session_timeout = {total}; SET LOCAL client_min_messages = error"
    )
}

fn too_large(limits: Limits) -> SqlFailure {
    let message = format!("its result has more than {} bytes: count, or aggregate, in SQL", limits.bytes);
    SqlFailure::new(FailureClass::Statement, message)
}

fn silent(place: &str) -> SqlFailure {
    SqlFailure::new(FailureClass::Timeout, format!("{place}: the server does not answer any more"))
}

async fn within<F: Future>(limit: Duration, future: F) -> Option<F::Output> {
    timeout(limit + GRACE, future).await.ok()
}

/// Reads and writes a connection until it ends. Notices are dropped: a function may say in them what it reads, and they would be logged.
async fn drive<S, T>(mut connection: Connection<S, T>)
where
    S: AsyncRead + AsyncWrite + Unpin,
    T: AsyncRead + AsyncWrite + Unpin,
{
    while let Some(Ok(_)) = poll_fn(|context| connection.poll_message(context)).await {}
}
