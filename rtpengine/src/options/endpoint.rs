//! Addresses with ports as options spell them (spec/operations.md §3.2 "Address syntax of listeners", §3.2 Redis).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use rtpengine_common::options::OptionError;

/// Looks a host name up; the results in the resolver's order.
pub type Resolve<'a> = &'a dyn Fn(&str) -> Vec<IpAddr>;

/// A listener: what was written and the addresses to bind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listen {
    /// The option's text.
    pub text: String,
    /// One address per socket. A bare port gives the IPv4 and the IPv6 wildcard (the latter for a v6-only socket), a
    /// host name its first two results.
    pub addresses: Vec<SocketAddr>,
}

/// Most results of a host name that are used.
const LISTEN_ADDRESSES: usize = 2;

impl Listen {
    /// Parses one element of a `listen-…` option.
    pub fn parse(option: &str, text: &str, resolve: Resolve) -> Result<Self, OptionError> {
        let addresses = listen_addresses(text.trim(), resolve)
            .ok_or_else(|| OptionError::invalid(format!("Invalid IP or port '{text}' ('{option}')")))?;
        Ok(Listen { text: text.trim().to_owned(), addresses })
    }
}

fn listen_addresses(text: &str, resolve: Resolve) -> Option<Vec<SocketAddr>> {
    if !text.contains(':') {
        let port = port(text)?;
        return Some(vec![(Ipv4Addr::UNSPECIFIED, port).into(), (Ipv6Addr::UNSPECIFIED, port).into()]);
    }
    let (host, port) = host_port(text)?;
    let mut addresses: Vec<_> = addresses_of(host, resolve);
    addresses.truncate(LISTEN_ADDRESSES);
    (!addresses.is_empty()).then(|| addresses.into_iter().map(|ip| (ip, port).into()).collect())
}

/// One address with port, resolved at once; for receivers such as `graphite`.
pub fn target(text: &str, resolve: Resolve) -> Option<SocketAddr> {
    let (host, port) = host_port(text.trim())?;
    addresses_of(host, resolve).first().map(|ip| (*ip, port).into())
}

/// Splits at the last colon; brackets around an IPv6 address are taken off.
pub fn host_port(text: &str) -> Option<(&str, u16)> {
    let (host, digits) = text.rsplit_once(':')?;
    let host = match host.strip_prefix('[') {
        Some(rest) => rest.strip_suffix(']')?,
        None => host,
    };
    (!host.is_empty()).then_some(())?;
    Some((host, port(digits)?))
}

fn port(text: &str) -> Option<u16> {
    text.bytes().all(|b| b.is_ascii_digit()).then(|| text.parse().ok()).flatten()
}

/// The addresses of a literal or a host name.
pub fn addresses_of(host: &str, resolve: Resolve) -> Vec<IpAddr> {
    match host.parse() {
        Ok(ip) => vec![ip],
        Err(_) => resolve(host),
    }
}

/// `[PW@]HOST:PORT/DB`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RedisEndpoint {
    /// Host name or address; looked up when connecting.
    pub host: String,
    /// Port.
    pub port: u16,
    /// Database number; none where the option allows to leave it out.
    pub database: Option<i32>,
    /// Password, from the option or the environment.
    pub password: Option<String>,
}

impl RedisEndpoint {
    /// Parses the value of `--redis`, `--redis-write` or `--redis-subscribe`; `password` is the one from the
    /// environment, used when the value has no `@` part.
    pub fn parse(
        option: &str,
        text: &str,
        database_required: bool,
        password: Option<String>,
    ) -> Result<Self, OptionError> {
        Self::split(text, database_required, password).ok_or_else(|| {
            OptionError::invalid(format!("Invalid Redis endpoint [IP:PORT/INT] '{text}' (--{option})"))
        })
    }

    fn split(text: &str, database_required: bool, environment: Option<String>) -> Option<Self> {
        let (password, rest) = match text.rsplit_once('@') {
            Some((password, rest)) => (Some(password.to_owned()), rest),
            None => (environment, text),
        };
        let (endpoint, database) = match rest.rsplit_once('/') {
            Some((endpoint, number)) => (endpoint, Some(number.parse().ok()?)),
            None if database_required => return None,
            None => (rest, None),
        };
        let (host, port) = host_port(endpoint)?;
        Some(RedisEndpoint { host: host.to_owned(), port, database, password })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hosts(name: &str) -> Vec<IpAddr> {
        match name {
            "localhost" => {
                vec![Ipv6Addr::LOCALHOST.into(), Ipv4Addr::LOCALHOST.into(), Ipv4Addr::BROADCAST.into()]
            }
            _ => vec![],
        }
    }

    fn listen(text: &str) -> Option<Vec<String>> {
        let listen = Listen::parse("listen-ng", text, &hosts).ok()?;
        Some(listen.addresses.iter().map(ToString::to_string).collect())
    }

    #[test]
    fn listeners() {
        assert_eq!(listen("2223").unwrap(), ["0.0.0.0:2223", "[::]:2223"]);
        assert_eq!(listen("127.0.0.1:22").unwrap(), ["127.0.0.1:22"]);
        assert_eq!(listen("[::1]:22").unwrap(), ["[::1]:22"]);
        assert_eq!(listen("::1:22").unwrap(), ["[::1]:22"]);
        assert_eq!(listen("localhost:5").unwrap(), ["[::1]:5", "127.0.0.1:5"]);
        for bad in [
            "",
            "x.y",
            "1.2.3.4",
            "localhost",
            "70000",
            "1.2.3.4:70000",
            "nohost:5",
            ":5",
            "1.2.3.4:",
            "+5",
            "[::1:5",
        ] {
            assert_eq!(listen(bad), None, "{bad}");
        }
        let error = Listen::parse("listen-ng", "x.y", &hosts).unwrap_err();
        assert_eq!(error.to_string(), "Invalid IP or port 'x.y' ('listen-ng')");
    }

    #[test]
    fn redis() {
        let parse = |text, required| RedisEndpoint::parse("redis", text, required, Some("env".into()));
        let full = parse("p@ss@10.0.0.1:6379/3", true).unwrap();
        assert_eq!((full.host.as_str(), full.port, full.database), ("10.0.0.1", 6379, Some(3)));
        assert_eq!(full.password.as_deref(), Some("p@ss"));
        assert_eq!(parse("h:1/0", true).unwrap().password.as_deref(), Some("env"));
        assert_eq!(parse("h:1", false).unwrap().database, None);
        assert_eq!(
            parse("h:1", true).unwrap_err().to_string(),
            "Invalid Redis endpoint [IP:PORT/INT] 'h:1' (--redis)"
        );
    }
}
