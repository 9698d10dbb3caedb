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
        let error = |problem| Err(ConfigError::new("origins", problem));
        let url = url_rules::configured_origin("origins", text, false)?;
        let (Some(host), Some(port)) = (url.host_str(), url.port_or_known_default()) else {
            return error("must have a host");
        };
        if host.contains('*') {
            return error("must not have a wildcard: list each host by its name");
        }
        Ok(Self {
            scheme: match url.scheme() {
                "https" => Scheme::HTTPS,
                _ => Scheme::HTTP,
            },
            host: host.into(),
            port,
        })
    }

    pub(super) fn matches(&self, scheme: &Scheme, authority: &Authority) -> bool {
        // Case-sensitive: parsed URIs have it in lower case, and connectors may use plain TCP for a scheme built as "HTTPS".
        scheme.as_str() == self.scheme.as_str() && self.matches_authority(authority)
    }

    fn matches_authority(&self, authority: &Authority) -> bool {
        // The whole text is compared because all of it is sent: a user name in front, or anything after the host, differs.
        let Some((host, rest)) = authority.as_str().split_at_checked(self.host.len()) else {
            return false;
        };
        let port = match rest.strip_prefix(':') {
            Some(port) if port.bytes().all(|byte| byte.is_ascii_digit()) => port.parse().ok(),
            None if rest.is_empty() => Some(default_port(self.scheme == Scheme::HTTPS)),
            _ => None,
        };
        port == Some(self.port) && host.eq_ignore_ascii_case(&self.host)
    }
}

#[inline]
fn default_port(is_https: bool) -> u16 {
    if is_https { 443 } else { 80 }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}:{}", self.scheme, self.host, self.port)
    }
}
