//! The origins that a credential may be sent to.

use std::{fmt, sync::Arc};

use http::{
    HeaderMap, Uri,
    header::HOST,
    uri::{Authority, Scheme},
};
use portcullis_core::{ConfigError, log::escape_url};
use portcullis_oauth::http::url_rules;

/// The origins (scheme, host and port, RFC 6454 §4) that a credential may be sent to.
///
/// Origins must be https, or plain http to loopback (`localhost` by that name, or an address). A request to another
/// origin, with a `Host` header that differs from its URI, or with a user name in its URI is not sent.
///
/// ```
/// use portcullis_client::Origins;
///
/// let origins = Origins::new(["https://orders.example.com", "https://stock.example.com:8443"])?;
/// assert!(origins.allows(&"https://orders.example.com:443/orders?page=2".parse()?));
/// assert!(!origins.allows(&"http://orders.example.com/".parse()?));
/// # Ok::<_, Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct Origins {
    origins: Arc<[Origin]>,
    /// Whether a request without an authority goes to the only origin.
    is_channel: bool,
}

/// A request with a credential was not sent because its origin is not allowed.
#[derive(Clone, PartialEq, Eq, thiserror::Error)]
#[error("request not sent: its destination is {0}")]
pub struct ForbiddenOrigin(Box<str>);

portcullis_core::debug_as_report!(ForbiddenOrigin);

impl Origins {
    /// Allows these origins, each a URL without path, such as `https://orders.example.com`.
    ///
    /// # Errors
    ///
    /// When the list is empty, or an item is not an origin or is plain http to another machine.
    pub fn new(origins: impl IntoIterator<Item = impl AsRef<str>>) -> Result<Self, ConfigError> {
        let given: Vec<_> = origins.into_iter().collect();
        if given.is_empty() {
            let problem = "must not be empty: list where the credential may be sent, such as https://orders.example.com";
            return Err(ConfigError::new("origins", problem));
        }
        let parse = |(position, origin)| {
            Origin::parse(origin).map_err(|error| match given.len() {
                1 => error,
                // Named by its position: the text may contain a password.
                _ => ConfigError::new("origins", format!("number {position} {}", error.problem())),
            })
        };
        let origins = (1..).zip(given.iter().map(AsRef::as_ref));
        Ok(Self {
            origins: origins.map(parse).collect::<Result<_, _>>()?,
            is_channel: false,
        })
    }

    /// Allows the origin that a client is connected to, for requests without an authority: a tonic `Channel` adds it later.
    /// The caller must ensure that the client connects to this origin only.
    ///
    /// # Errors
    ///
    /// As [`new`](Self::new).
    pub fn channel(origin: impl AsRef<str>) -> Result<Self, ConfigError> {
        Ok(Self {
            origins: [Origin::parse(origin.as_ref())?].into(),
            is_channel: true,
        })
    }

    /// Whether a credential may be sent to this URI.
    #[must_use]
    #[inline]
    pub fn allows(&self, uri: &Uri) -> bool {
        match (uri.scheme(), uri.authority()) {
            (Some(scheme), Some(authority)) => {
                let mut origins = self.origins.iter();
                origins.any(|origin| origin.matches(scheme, authority))
            }
            (None, None) => self.is_channel,
            _ => false,
        }
    }

    /// Whether an origin is plain http, and therefore on this machine.
    #[cfg(feature = "reqwest-middleware")]
    pub(crate) fn has_plain_http(&self) -> bool {
        let mut origins = self.origins.iter();
        origins.any(|origin| origin.scheme == Scheme::HTTP)
    }

    /// Adds the scheme and authority of the channel to a URI that has none.
    pub(crate) fn absolute(&self, uri: &Uri) -> Uri {
        let mut parts = uri.clone().into_parts();
        if let ([origin], None, true) = (&*self.origins, &parts.authority, self.is_channel) {
            let authority = format!("{}:{}", origin.host, origin.port);
            parts.scheme = Some(origin.scheme.clone());
            parts.authority = authority.parse().ok();
        }
        Uri::from_parts(parts).unwrap_or_else(|_| uri.clone())
    }

    #[inline]
    pub(crate) fn check(&self, uri: &Uri, headers: &HeaderMap) -> Result<(), ForbiddenOrigin> {
        match self.allows(uri) && self.allows_host(uri, headers) {
            true => Ok(()),
            false => Err(self.forbidden(uri, headers)),
        }
    }

    /// Whether `Host` is absent or names the origin of the URI. A `Host` of another origin could lead to another service.
    fn allows_host(&self, uri: &Uri, headers: &HeaderMap) -> bool {
        let mut hosts = headers.get_all(HOST).iter();
        let Some(host) = hosts.next() else {
            return true;
        };
        let Ok(host) = Authority::try_from(host.as_bytes()) else {
            return false;
        };
        hosts.next().is_none()
            && self.origins.iter().any(|origin| {
                let scheme = uri.scheme().unwrap_or(&origin.scheme);
                let is_of_uri = match uri.authority() {
                    Some(authority) => origin.matches(scheme, authority),
                    None => self.is_channel,
                };
                is_of_uri && origin.matches(scheme, &host)
            })
    }

    #[cold]
    fn forbidden(&self, uri: &Uri, headers: &HeaderMap) -> ForbiddenOrigin {
        let mut to = match (uri.scheme_str(), uri.authority()) {
            (Some(scheme), Some(authority)) => {
                let user = match authority.as_str().contains('@') {
                    true => " with a user name or password (remove it)",
                    false => "",
                };
                format!("{scheme}://{}{user}", host_and_port(authority))
            }
            _ => {
                "a URI without an authority (use an absolute URL, or `Origins::channel`)".to_owned()
            }
        };
        if let Some(host) = headers.get(HOST)
            && !self.allows_host(uri, headers)
        {
            to += &match Authority::try_from(host.as_bytes()) {
                Ok(host) => format!(" with the Host {}", host_and_port(&host)),
                Err(_) => " with an invalid Host".to_owned(),
            };
        }
        let allowed: Vec<String> = self.origins.iter().map(Origin::to_string).collect();
        let allowed = allowed.join(", ");
        ForbiddenOrigin(format!("{to}, but the credential may only be sent to {allowed}: correct the URL or the `Host` header, or list the origin in `Origins`").into())
    }
}

fn host_and_port(authority: &Authority) -> String {
    let host = escape_url(authority.host());
    match authority.port_u16() {
        Some(port) => format!("{host}:{port}"),
        None => host,
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Origin {
    scheme: Scheme,
    /// In lower case; an IPv6 address is in brackets.
    host: Box<str>,
    port: u16,
}

impl Origin {
    fn parse(text: &str) -> Result<Self, ConfigError> {
        let url = url_rules::configured_origin("origins", text, false)?;
        let host = url.host_str().expect("http and https URLs have a host");
        if host.contains('*') {
            let problem = "must not have a wildcard: list each host by its name";
            return Err(ConfigError::new("origins", problem));
        }
        let scheme = match url.scheme() {
            "https" => Scheme::HTTPS,
            _ => Scheme::HTTP,
        };
        Ok(Self {
            scheme,
            host: host.into(),
            port: url
                .port_or_known_default()
                .expect("http and https have one"),
        })
    }

    fn matches(&self, scheme: &Scheme, authority: &Authority) -> bool {
        // Compares the whole authority, since all of it is sent: a user name in front makes it differ.
        let Some((host, rest)) = authority.as_str().split_at_checked(self.host.len()) else {
            return false;
        };
        let port = match rest.strip_prefix(':') {
            Some(port) if port.bytes().all(|byte| byte.is_ascii_digit()) => port.parse().ok(),
            None if rest.is_empty() && self.scheme == Scheme::HTTPS => Some(443),
            None if rest.is_empty() => Some(80),
            _ => None,
        };
        // The scheme is case-sensitive: parsed URIs have it in lower case, and connectors may use plain TCP for "HTTPS".
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

#[cfg(test)]
mod tests;
