//! Media out of MySQL or MariaDB (players.md §5). Every call may take long: side threads only.

use std::time::{Duration, Instant};

use mysql::prelude::Queryable;
use mysql::{Conn, Opts, OptsBuilder, Row, Value};
use parking_lot::Mutex;

use super::source::OpenError;
use super::store::MAX_CONTENT;
use crate::options::Database as Settings;

/// Attempts when the connection is lost (players.md §5 rule 4).
const ATTEMPTS: usize = 5;

/// One step on the network.
const STEP: Duration = Duration::from_secs(3);

/// All attempts together: the client has given up by then.
const PATIENCE: Duration = Duration::from_secs(8);

/// The database.
pub struct Database {
    options: Opts,
    /// With `%llu` once.
    query: String,
    connection: Mutex<Option<Conn>>,
}

impl std::fmt::Debug for Database {
    /// Without the password.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Database").field("query", &self.query).finish_non_exhaustive()
    }
}

impl Database {
    /// The database of the settings; none without a query. Nothing is connected yet.
    #[must_use]
    pub fn new(settings: &Settings) -> Option<Self> {
        let query = settings.query.clone()?;
        let host = settings.host.clone().unwrap_or_else(|| "localhost".to_owned());
        let mut options = OptsBuilder::new()
            .user(settings.user.clone())
            .pass(settings.password.clone())
            .prefer_socket(false)
            .tcp_connect_timeout(Some(STEP))
            .read_timeout(Some(STEP))
            .write_timeout(Some(STEP))
            .max_allowed_packet(usize::try_from(MAX_CONTENT).ok());
        options = if host.starts_with('/') {
            options.socket(Some(host))
        } else {
            options.ip_or_hostname(Some(host)).tcp_port(settings.port.unwrap_or(3306))
        };
        Some(Self { options: options.into(), query, connection: Mutex::new(None) })
    }

    /// The first column of the first row of the query for an id.
    ///
    /// # Errors
    /// Without such a row, or if the database cannot be asked.
    pub fn fetch(&self, id: u64) -> Result<Vec<u8>, OpenError> {
        let began = Instant::now();
        let query = self.query.replacen("%llu", &id.to_string(), 1);
        // One connection, one question at a time; whoever waits behind a slow one has a deadline of its own.
        let mut connection = self.connection.lock();
        let mut last = None;
        for _ in 0..ATTEMPTS {
            if began.elapsed() > PATIENCE {
                break;
            }
            match self.ask(&mut connection, &query) {
                Ok(row) => return content(row),
                Err(error) => {
                    *connection = None;
                    let lost = is_lost(&error);
                    last = Some(error);
                    if !lost {
                        break;
                    }
                }
            }
        }
        let cause = last.map_or_else(|| "no answer in time".to_owned(), |error| error.to_string());
        Err(OpenError(format!("Failed to read from media database: {cause}")))
    }

    fn ask(&self, connection: &mut Option<Conn>, query: &str) -> Result<Option<Row>, mysql::Error> {
        let open = match connection.take() {
            Some(open) => open,
            None => Conn::new(self.options.clone())?,
        };
        connection.insert(open).query_first(query)
    }
}

/// Whether it was the connection that failed: the server's own words about a question are final, unless they say that it ends the
/// connection (1053: it shuts down; 1927: somebody killed it).
fn is_lost(error: &mysql::Error) -> bool {
    match error {
        mysql::Error::MySqlError(told) => matches!(told.code, 1053 | 1927),
        _ => true,
    }
}

fn content(row: Option<Row>) -> Result<Vec<u8>, OpenError> {
    let Some(mut row) = row else { return Err(OpenError("No such row in the media database".into())) };
    match row.take::<Value, _>(0) {
        Some(Value::Bytes(octets)) if !octets.is_empty() => Ok(octets),
        _ => Err(OpenError("The row of the media database has no content".into())),
    }
}
