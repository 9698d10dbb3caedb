//! One origin.

use std::fmt;

use http::uri::{Authority, Scheme};
use portcullis_core::ConfigError;
use portcullis_oauth::http::url_rules;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Origin {
    pub(super) scheme: Scheme,
    /// In lower case; an IPv6 address is in brackets.
    pub(super) host: Box<str>,
    pub(super) port: u16,
}

impl Origin {
    pub(super) fn parse(text: &str) -> Result<Self, ConfigError> {
        let url = url_rules::configured_origin("origins", text, false)?;
        let host = url.host_str().expect("http and https URLs have a host");
        if host.contains('*') {
            let problem = "must not have a wildcard: list each host by its name";
            return Err(ConfigError::new("origins", problem));
        }
        let (scheme, default_port) = match url.scheme() {
            "https" => (Scheme::HTTPS, 443),
            _ => (Scheme::HTTP, 80),
        };
        Ok(Self {
            scheme,
            host: host.into(),
            port: url.port().unwrap_or(default_port),
        })
    }

    pub(super) fn matches(&self, scheme: &Scheme, authority: &Authority) -> bool {
        // The whole text is compared because all of it is sent: a user name in front, or anything after the host, differs.
        let Some((host, rest)) = authority.as_str().split_at_checked(self.host.len()) else {
            return false;
        };
        let port = match rest.strip_prefix(':') {
            Some(port) if port.bytes().all(|byte| byte.is_ascii_digit()) => port.parse().ok(),
            None if rest.is_empty() && self.scheme == Scheme::HTTPS => Some(443),
            None if rest.is_empty() => Some(80),
            _ => None,
        };
        // Case-sensitive: parsed URIs have it in lower case, and connectors may use plain TCP for a scheme built as "HTTPS".
        scheme.as_str() == self.scheme.as_str()
            && port == Some(self.port)
            && host.eq_ignore_ascii_case(&self.host)
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}:{}", self.scheme, self.host, self.port)
    }
}
