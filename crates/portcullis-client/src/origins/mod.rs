//! The origins that a credential may be sent to.

mod origin;

use std::sync::Arc;

use http::{HeaderMap, Uri, header::HOST, uri::Authority};
use portcullis_core::ConfigError;

use self::origin::Origin;

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
/// assert!(!origins.allows(&"https://orders.example.com.evil.example/".parse()?));
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
            return Err(ConfigError::new(
                "origins",
                "must not be empty: list where the credential may be sent, such as https://orders.example.com",
            ));
        }
        let parse = |(position, origin)| {
            Origin::parse(origin).map_err(|error| match given.len() {
                1 => error,
                // Named by its position: the text may contain a password.
                _ => {
                    let problem = format!("number {position} {}", error.problem());
                    ConfigError::new("origins", problem)
                }
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
        origins.any(|origin| origin.scheme == http::uri::Scheme::HTTP)
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

    /// Checks the URI and the `Host` header of a request.
    #[inline]
    pub(crate) fn check(&self, uri: &Uri, headers: &HeaderMap) -> Result<(), ForbiddenOrigin> {
        match self.allows(uri) && self.allows_host(uri, headers) {
            true => Ok(()),
            false => Err(self.forbidden(uri, headers)),
        }
    }

    /// Whether `Host` is absent or names the origin of the URI. Another `Host` could lead to another service at the same
    /// address.
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
                let matches_uri = match uri.authority() {
                    Some(authority) => origin.matches(scheme, authority),
                    None => self.is_channel,
                };
                matches_uri && origin.matches(scheme, &host)
            })
    }

    /// The error. It shows neither path nor user name, which may be secrets.
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
        ForbiddenOrigin(format!("{to}, but the credential may only be sent to {allowed}").into())
    }
}

fn host_and_port(authority: &Authority) -> String {
    let host = portcullis_core::log::escape_url(authority.host());
    match authority.port_u16() {
        Some(port) => format!("{host}:{port}"),
        None => host,
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn origins() -> Origins {
        Origins::new([
            "https://orders.example.com",
            "https://stock.example.com:8443",
            "http://127.0.0.1:3000",
            "http://[::1]:3000",
        ])
        .expect("origins")
    }

    #[test]
    fn only_listed_origins_are_allowed() {
        for (uri, expected) in [
            ("https://orders.example.com/", true),
            ("https://orders.example.com", true),
            ("HTTPS://ORDERS.example.COM:443/a?b", true),
            ("https://stock.example.com:8443/a", true),
            ("http://127.0.0.1:3000/a", true),
            ("http://[::1]:3000/a", true),
            ("https://user@orders.example.com/", false),
            ("https://orders.example.com@orders.example.com/", false),
            ("http://[::1].evil.example:3000/", false),
            ("http://[::1]x:3000/", false),
            ("http://[::1]3000/", false),
            ("https://orders.example.com:8443/", false),
            ("https://orders.example.com:+443/", false),
            ("https://orders.example.com:+443", false),
            ("https://stock.example.com:+8443/", false),
            ("https://stock.example.com/", false),
            ("http://orders.example.com/", false),
            ("http://orders.example.com:443/", false),
            ("https://127.0.0.1:3000/", false),
            ("http://127.0.0.2:3000/", false),
            ("http://localhost:3000/", false),
            ("https://orders.example.com.evil.example/", false),
            ("https://evil-orders.example.com/", false),
            ("https://orders.example.com@evil.example/", false),
            ("https://evil.example/https://orders.example.com", false),
            ("https://orders.example.com./", false),
            ("orders.example.com:443", false),
            ("/orders", false),
            ("*", false),
        ] {
            let parsed: Uri = uri.parse().expect(uri);
            assert_eq!(origins().allows(&parsed), expected, "{uri}");
        }
    }

    #[test]
    fn port_out_of_range_is_rejected() {
        // `http` returns no number for these, as for a URI without a port.
        for uri in [
            "https://orders.example.com:99999/",
            "https://orders.example.com:/",
        ] {
            if let Ok(uri) = uri.parse::<Uri>() {
                assert!(!origins().allows(&uri), "{uri}");
            }
        }
    }

    #[test]
    fn host_header_must_match_the_uri() {
        let check = |uri: &str, hosts: &[&'static str]| {
            let mut headers = HeaderMap::new();
            for host in hosts {
                headers.append(HOST, HeaderValue::from_static(host));
            }
            origins().check(&uri.parse().expect(uri), &headers).is_ok()
        };
        let uri = "https://orders.example.com/";
        assert!(check(uri, &[]));
        assert!(check(uri, &["orders.example.com"]));
        assert!(check(uri, &["ORDERS.example.com:443"]));
        for other in [
            &["stock.example.com:8443"][..],
            &["orders.example.com:8443"],
            &["evil.example"],
            &["orders.example.com", "orders.example.com"],
            &["orders.example.com", "evil.example"],
            &["orders.example.com@evil.example"],
            &["evil@orders.example.com"],
            &["orders.example.com/"],
            &["orders.example.com:+443"],
            &[""],
            &["orders.example.com, evil.example"],
        ] {
            assert!(!check(uri, other), "{other:?}");
        }
    }

    #[test]
    fn uppercase_scheme_from_a_builder_is_rejected() {
        let uri = Uri::builder()
            .scheme("HTTPS")
            .authority("orders.example.com")
            .path_and_query("/");
        let uri = uri.build().expect("a URI");
        assert!(origins().check(&uri, &HeaderMap::new()).is_err());
        let parsed: Uri = "HTTPS://orders.example.com/".parse().expect("a URI");
        assert!(origins().check(&parsed, &HeaderMap::new()).is_ok());
    }

    #[test]
    fn channel_checks_an_authority_but_needs_none() {
        let channel = Origins::channel("https://orders.example.com").expect("an origin");
        let uri = |uri: &str| uri.parse::<Uri>().expect(uri);
        assert!(channel.allows(&uri("/orders.Orders/List")));
        assert!(channel.allows(&uri("https://orders.example.com/orders.Orders/List")));
        assert!(!channel.allows(&uri("https://evil.example/orders.Orders/List")));
        let absolute = channel.absolute(&uri("/orders.Orders/List?a"));
        assert_eq!(
            absolute,
            "https://orders.example.com:443/orders.Orders/List?a"
        );
        let own = uri("https://orders.example.com/a");
        assert_eq!(channel.absolute(&own), own);
        let mut headers = HeaderMap::new();
        headers.insert(HOST, HeaderValue::from_static("evil.example"));
        assert!(channel.check(&uri("/a"), &headers).is_err());
        headers.insert(HOST, HeaderValue::from_static("orders.example.com"));
        assert!(channel.check(&uri("/a"), &headers).is_ok());
    }

    #[test]
    fn invalid_origins_are_config_errors() {
        for bad in [
            "",
            "orders.example.com",
            "https://",
            "https://orders.example.com/a",
            "https://orders.example.com?a",
            "https://orders.example.com/#a",
            "https://u:p@orders.example.com",
            "https://user@orders.example.com",
            "https://:p@orders.example.com",
            "https://orders.example.com:+443",
            "https://orders.example.com:-1",
            "https://orders.example.com:65536",
            "http://orders.example.com",
            "ftp://orders.example.com",
            "http://127.0.0.1.example",
            "http://orders.localhost",
            "https://*.example.com",
        ] {
            let error = Origins::new(["https://orders.example.com", bad]).expect_err(bad);
            assert_eq!(error.setting(), "origins", "{bad}");
            let text = error.to_string();
            assert!(text.contains("number 2"), "{text}");
            assert!(!text.contains("u:p"), "{text}");
        }
        assert!(Origins::new([] as [&str; 0]).is_err());
    }

    #[test]
    fn error_shows_neither_path_nor_user_name() {
        let uri: Uri = "https://u:s3cr3t@evil.example:1/s3cr3t?s3cr3t"
            .parse()
            .expect("a URI");
        let error = origins()
            .check(&uri, &HeaderMap::new())
            .expect_err("another origin");
        let text = error.to_string();
        assert!(
            text.contains("https://evil.example:1 with a user name"),
            "{text}"
        );
        assert!(!text.contains("s3cr3t"), "{text}");

        // A URL in which the host was forgotten.
        let uri = Uri::from_static("https://user:s3cr3t/");
        let error = origins().check(&uri, &HeaderMap::new());
        let text = error.expect_err("another origin").to_string();
        assert!(text.contains("https://user,"), "{text}");

        let uri = Uri::from_static("https://orders.example.com/");
        let mut headers = HeaderMap::new();
        for (host, told) in [
            ("u:s3cr3t@evil.example", "the Host evil.example,"),
            ("evil.example:s3cr3t", "the Host evil.example,"),
            ("evil.example/s3cr3t", "an invalid Host,"),
        ] {
            headers.insert(HOST, HeaderValue::from_static(host));
            let error = origins().check(&uri, &headers).expect_err("another origin");
            let text = error.to_string();
            assert!(text.contains(told), "{text}");
            assert!(!text.contains("s3cr3t"), "{text}");
        }
    }
}
