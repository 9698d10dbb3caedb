//! One origin.

use std::{borrow::Cow, fmt};

use http::uri::{Authority, Scheme};
use url::{Host, Url};

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Origin {
    /// Otherwise it is http.
    pub(super) is_https: bool,
    /// In lower case, as URLs have it; an IPv6 address in brackets.
    pub(super) host: Box<str>,
    pub(super) port: u16,
    /// Host and port as most requests write them: compared first.
    authority: Box<str>,
}

impl Origin {
    /// Or what is the matter with it.
    pub(super) fn parse(text: &str) -> Result<Self, Cow<'static, str>> {
        let url = Url::parse(text).map_err(|error| {
            format!("is not a URL ({error}): write all of it, from https:// on")
        })?;
        if url.path() != "/" || url.query().is_some() || url.fragment().is_some() {
            return Err("has a path: an origin is scheme, host and port".into());
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err("carries a user name or password: leave that out".into());
        }
        let is_https = match url.scheme() {
            "https" => true,
            "http" if is_loopback(&url) => false,
            "http"
                if url
                    .host_str()
                    .is_some_and(|host| host.ends_with(".localhost")) =>
            {
                return Err(
                    "is plain http to a name under localhost, which may lead to another machine: use localhost itself, or https"
                        .into(),
                );
            }
            "http" => {
                return Err(
                    "is plain http to another machine, where anyone on the way could read the credential: use https"
                        .into(),
                );
            }
            _ => return Err("has a scheme that is not https".into()),
        };
        let (Some(host), Some(port)) = (url.host_str(), url.port_or_known_default()) else {
            return Err("has no host".into());
        };
        if host.contains('*') {
            return Err("has a wildcard: list each host by its name".into());
        }
        let authority = match url.port() {
            Some(port) => format!("{host}:{port}").into(),
            None => host.into(),
        };
        Ok(Self {
            is_https,
            host: host.into(),
            port,
            authority,
        })
    }

    pub(super) fn scheme(&self) -> Scheme {
        if self.is_https {
            Scheme::HTTPS
        } else {
            Scheme::HTTP
        }
    }

    /// Whether this is it, however it is written.
    pub(super) fn is(&self, scheme: &Scheme, authority: &Authority) -> bool {
        self.has(scheme) && self.means(authority)
    }

    #[inline]
    pub(super) fn has(&self, scheme: &Scheme) -> bool {
        // Not as text without case: a scheme that was built as "HTTPS" is another to connectors, which may then speak plain
        // TCP. Parsed URIs have it in lower case.
        match scheme.as_str() {
            "https" => self.is_https,
            "http" => !self.is_https,
            _ => false,
        }
    }

    /// Whether the authority is written as it is here, as most are.
    #[inline]
    pub(super) fn is_written_as(&self, authority: &Authority) -> bool {
        authority.as_str() == &*self.authority
    }

    /// Whether the authority is this one, however it is written.
    fn means(&self, authority: &Authority) -> bool {
        // All of the text, as all of it is sent: a user name before the host, or what else stands behind it, is another.
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

fn is_loopback(url: &Url) -> bool {
    match url.host() {
        // Not what ends in it: few systems keep that from DNS.
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}
