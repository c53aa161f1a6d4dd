//! How to reach a Redis, checked before anything is connected.

use std::sync::Arc;
use std::time::Duration;

use rustls::ClientConfig;
use rustls::pki_types::ServerName;

use crate::tls::{client_config, roots, server_name};

/// How to reach a Redis or Valkey server, a primary. A cluster is not spoken to:
/// a `MOVED` is an error.
#[derive(Clone)]
pub struct RedisConfig {
    /// `host:port`.
    pub address: String,
    /// The user of an ACL, where there is one.
    pub username: Option<String>,
    /// Never shown.
    pub password: Option<String>,
    /// The number for SELECT.
    pub database: u32,
    /// TLS, where the server speaks it.
    pub tls: Option<RedisTls>,
    /// Milliseconds that one operation may take, connecting and waiting its
    /// turn included.
    pub timeout_ms: u64,
    /// What all keys begin with.
    pub prefix: String,
    /// Operations that may be under way at a time; more fail at once.
    pub max_pending: usize,
}

/// TLS towards a server.
#[derive(Debug, Clone, Default)]
pub struct RedisTls {
    /// Certificates (PEM) that may have signed the server's; none: those that
    /// the machine trusts.
    pub ca: Option<Vec<u8>>,
    /// The name in the server's certificate; none: the host of the address.
    pub server_name: Option<String>,
}

impl Default for RedisConfig {
    /// The server of this machine, without TLS, with 25 ms for an operation.
    fn default() -> Self {
        Self {
            address: "127.0.0.1:6379".into(),
            username: None,
            password: None,
            database: 0,
            tls: None,
            timeout_ms: 25,
            prefix: "sluice".into(),
            max_pending: 1024,
        }
    }
}

impl std::fmt::Debug for RedisConfig {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RedisConfig")
            .field("address", &self.address)
            .field("username", &self.username)
            .field("password", &self.password.as_ref().map(|_| "hidden"))
            .field("database", &self.database)
            .field("tls", &self.tls.is_some())
            .field("timeout_ms", &self.timeout_ms)
            .field("prefix", &self.prefix)
            .field("max_pending", &self.max_pending)
            .finish()
    }
}

/// Longer than this is not waiting, it is being down.
const MAX_TIMEOUT_MS: u64 = 60_000;
const MAX_PREFIX: usize = 64;
const MAX_PENDING: usize = 1 << 16;

impl RedisConfig {
    /// Whether a store can be made of it. Nothing is connected.
    ///
    /// # Errors
    /// What is wrong, for the operator.
    pub fn check(&self) -> Result<(), String> {
        Server::new(self).map(drop)
    }
}

/// A configuration that has been checked.
pub(super) struct Server {
    pub(super) host: String,
    pub(super) port: u16,
    pub(super) login: redis::RedisConnectionInfo,
    pub(super) tls: Option<(Arc<ClientConfig>, ServerName<'static>)>,
    pub(super) timeout: Duration,
    pub(super) max_pending: usize,
}

impl Server {
    /// Words of a server, which may repeat what it was told, without the password.
    pub(super) fn hide(&self, words: String) -> String {
        match self.login.password() {
            Some(password) if !password.is_empty() => words.replace(password, "(hidden)"),
            _ => words,
        }
    }

    pub(super) fn new(config: &RedisConfig) -> Result<Self, String> {
        let (host, port) = address(&config.address)?;
        within("timeout", config.timeout_ms, MAX_TIMEOUT_MS, " ms")?;
        within(
            "max_pending",
            config.max_pending as u64,
            MAX_PENDING as u64,
            "",
        )?;
        let plain = |c: char| c.is_ascii_alphanumeric() || "-_.:/".contains(c);
        if config.prefix.len() > MAX_PREFIX || !config.prefix.chars().all(plain) {
            return Err(format!(
                "prefix is `{}`: at most {MAX_PREFIX} letters, digits and -_.:/ are expected",
                config.prefix
            ));
        }
        let mut login = redis::RedisConnectionInfo::default()
            .set_db(i64::from(config.database))
            .set_skip_set_lib_name();
        match (&config.username, &config.password) {
            (Some(_), None) => return Err("username is given without a password".into()),
            (username, Some(password)) => {
                if let Some(username) = username {
                    login = login.set_username(username);
                }
                login = login.set_password(password);
            }
            (None, None) => {}
        }
        let tls = match &config.tls {
            Some(tls) => Some((
                client_config(roots(tls.ca.as_deref())?, &[])?,
                server_name(tls.server_name.as_deref().unwrap_or(&host))?,
            )),
            None => None,
        };
        Ok(Self {
            host,
            port,
            login,
            tls,
            timeout: Duration::from_millis(config.timeout_ms),
            max_pending: config.max_pending,
        })
    }
}

fn within(what: &str, found: u64, most: u64, unit: &str) -> Result<(), String> {
    if (1..=most).contains(&found) {
        Ok(())
    } else {
        Err(format!(
            "{what} is {found}{unit}: 1 to {most}{unit} are expected"
        ))
    }
}

fn address(text: &str) -> Result<(String, u16), String> {
    let parts = text.rsplit_once(':').and_then(|(host, port)| {
        let bare = host.strip_prefix('[').and_then(|h| h.strip_suffix(']'));
        let host = match bare {
            Some(host) => host,
            None if host.contains(':') => return None,
            None => host,
        };
        let port = port.parse().ok().filter(|port| *port != 0)?;
        (!host.is_empty()).then(|| (host.to_owned(), port))
    });
    parts.ok_or_else(|| {
        format!("address is `{text}`: `host:port` is expected, like `127.0.0.1:6379`")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(change: fn(&mut RedisConfig), words: &str) {
        let mut config = RedisConfig::default();
        change(&mut config);
        let why = Server::new(&config).err().unwrap();
        assert!(why.contains(words), "{why}");
    }

    #[test]
    fn what_cannot_be_reached_is_said_before_it_is_tried() {
        refused(|c| c.address = "redis".into(), "address is `redis`");
        refused(|c| c.address = ":6379".into(), "address");
        refused(|c| c.address = "::1:6379".into(), "address");
        refused(|c| c.address = "a:0".into(), "address");
        refused(|c| c.timeout_ms = 0, "timeout is 0 ms");
        refused(|c| c.max_pending = 0, "max_pending is 0");
        refused(|c| c.prefix = "a{b}".into(), "prefix is `a{b}`");
        refused(|c| c.username = Some("me".into()), "without a password");
        refused(
            |c| {
                c.tls = Some(RedisTls {
                    ca: Some(b"nonsense".to_vec()),
                    server_name: None,
                });
            },
            "no certificate",
        );
    }

    #[test]
    fn an_address_may_be_a_name_or_in_brackets() {
        assert_eq!(address("redis:1"), Ok(("redis".into(), 1)));
        assert_eq!(address("[::1]:6379"), Ok(("::1".into(), 6379)));
    }

    #[test]
    fn the_password_is_in_no_output() {
        let config = RedisConfig {
            password: Some("hunter2".into()),
            ..RedisConfig::default()
        };
        assert!(!format!("{config:?}").contains("hunter2"));
        let server = Server::new(&config).unwrap();
        let words = "unknown command 'AUTH', with args beginning with: 'hunter2'";
        assert!(!server.hide(words.into()).contains("hunter2"));
    }
}
