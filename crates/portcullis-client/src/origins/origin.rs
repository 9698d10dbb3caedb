//! One origin.

use std::{borrow::Cow, fmt};

use http::uri::{Authority, Scheme};
use portcullis_oauth::http::url_rules::is_loopback;
use url::Url;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Origin {
    /// Otherwise it is http.
    pub(super) is_https: bool,
    /// In lower case; an IPv6 address is in brackets.
    pub(super) host: Box<str>,
    pub(super) port: u16,
}

impl Origin {
    /// The error continues a sentence whose subject is the origin.
    pub(super) fn parse(text: &str) -> Result<Self, Cow<'static, str>> {
        let url = Url::parse(text)
            .map_err(|error| format!("must be a URL that begins with https:// ({error})"))?;
        if url.path() != "/" || url.query().is_some() || url.fragment().is_some() {
            return Err("must not have a path: an origin is scheme, host and port".into());
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err("must not have a user name or password".into());
        }
        let is_localhost_name = |host: &str| host.ends_with(".localhost");
        let is_https = match url.scheme() {
            "https" => true,
            "http" if is_loopback(&url) => false,
            "http" if url.host_str().is_some_and(is_localhost_name) => {
                return Err("must not be plain http to a name under localhost, which may resolve to another machine: use localhost itself, or https".into());
            }
            "http" => {
                return Err("must not be plain http to another machine, because anyone on the network path could read the credential: use https".into());
            }
            _ => return Err("must be https".into()),
        };
        let (Some(host), Some(port)) = (url.host_str(), url.port_or_known_default()) else {
            return Err("must have a host".into());
        };
        if host.contains('*') {
            return Err("must not have a wildcard: list each host by its name".into());
        }
        Ok(Self {
            is_https,
            host: host.into(),
            port,
        })
    }

    pub(super) fn scheme(&self) -> Scheme {
        match self.is_https {
            true => Scheme::HTTPS,
            false => Scheme::HTTP,
        }
    }

    pub(super) fn matches(&self, scheme: &Scheme, authority: &Authority) -> bool {
        self.matches_scheme(scheme) && self.matches_authority(authority)
    }

    fn matches_scheme(&self, scheme: &Scheme) -> bool {
        // Case-sensitive: parsed URIs have it in lower case, and connectors may use plain TCP for a scheme built as "HTTPS".
        scheme.as_str() == if self.is_https { "https" } else { "http" }
    }

    fn matches_authority(&self, authority: &Authority) -> bool {
        // The whole text is compared because all of it is sent: a user name in front, or anything after the host, differs.
        let Some((host, rest)) = authority.as_str().split_at_checked(self.host.len()) else {
            return false;
        };
        let port = match rest.strip_prefix(':') {
            Some(port) if port.bytes().all(|byte| byte.is_ascii_digit()) => port.parse().ok(),
            None if rest.is_empty() => Some(if self.is_https { 443 } else { 80 }),
            _ => None,
        };
        port == Some(self.port) && host.eq_ignore_ascii_case(&self.host)
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}:{}", self.scheme(), self.host, self.port)
    }
}
