//! Where credentials may go.

mod origin;

use std::{borrow::Cow, sync::Arc};

use http::{HeaderMap, HeaderValue, Uri, header::HOST, uri::Authority};
use portcullis_core::ConfigError;

use self::origin::Origin;

/// The origins (scheme, host and port, RFC 6454 §4) that a credential may be sent to, and no others.
///
/// Only https, but for loopback (`localhost` by that name, or an address). A request to anywhere else, with a `Host` that
/// says otherwise than its URI, or with a user name in that, is not sent at all.
///
/// ```
/// use portcullis_client::Origins;
///
/// let origins = Origins::new(["https://orders.example.com", "https://stock.example.com:8443"])?;
/// assert!(origins.allow(&"https://orders.example.com:443/orders?page=2".parse()?));
/// assert!(!origins.allow(&"https://orders.example.com.evil.example/".parse()?));
/// assert!(!origins.allow(&"http://orders.example.com/".parse()?));
/// # Ok::<_, Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct Origins {
    listed: Arc<[Origin]>,
    /// Whether a request that names no authority goes to the one origin there is.
    is_channel: bool,
}

/// A request was about to carry a credential where it may not go. It was not sent.
#[derive(Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "the request goes to {to}, which is none of the origins that the credential may be sent to ({listed}): it was not sent"
)]
pub struct ForbiddenOrigin {
    to: Box<str>,
    listed: Box<str>,
}

impl std::fmt::Debug for ForbiddenOrigin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        portcullis_core::debug_as_report(self, f)
    }
}

impl Origins {
    /// These origins, each a URL without path, such as `https://orders.example.com`.
    ///
    /// # Errors
    ///
    /// When there is none, or one is no origin, or plain http to another machine.
    pub fn new(origins: impl IntoIterator<Item = impl AsRef<str>>) -> Result<Self, ConfigError> {
        let origins: Vec<_> = origins.into_iter().collect();
        let listed: Arc<[Origin]> = (1..)
            .zip(&origins)
            .map(|(position, origin)| {
                Origin::parse(origin.as_ref()).map_err(|why| {
                    // By its place: as a whole it may carry a password.
                    let which = match origins.len() {
                        1 => "it".to_owned(),
                        _ => format!("number {position}"),
                    };
                    problem(format!("{which} {why}"))
                })
            })
            .collect::<Result<_, _>>()?;
        if listed.is_empty() {
            return Err(problem(
                "there is none: list where the credential may be sent, such as https://orders.example.com",
            ));
        }
        Ok(Self {
            listed,
            is_channel: false,
        })
    }

    /// The one origin that a client is connected to, for clients whose requests name no authority: a tonic `Channel`
    /// adds it underneath. A request that does name one is held to it all the same.
    ///
    /// Whoever uses this vouches that the client goes there and nowhere else.
    ///
    /// # Errors
    ///
    /// As [`new`](Self::new).
    pub fn channel(origin: impl AsRef<str>) -> Result<Self, ConfigError> {
        let origin = Origin::parse(origin.as_ref()).map_err(|why| problem(format!("it {why}")))?;
        Ok(Self {
            listed: [origin].into(),
            is_channel: true,
        })
    }

    /// Whether a credential may be sent to this URI.
    #[must_use]
    pub fn allow(&self, uri: &Uri) -> bool {
        match (uri.scheme(), uri.authority()) {
            (Some(scheme), Some(authority)) => {
                let mut listed = self.listed.iter();
                listed.any(|origin| origin.is(scheme, authority))
            }
            (None, None) => self.is_channel,
            _ => false,
        }
    }

    /// Whether one of them is plain http, which is on this machine.
    #[cfg(feature = "reqwest-middleware")]
    pub(crate) fn has_plain_http(&self) -> bool {
        self.listed.iter().any(|origin| !origin.is_https)
    }

    /// The URI with scheme and authority. One that names none goes where the channel goes.
    pub(crate) fn absolute(&self, uri: &Uri) -> Uri {
        let mut parts = uri.clone().into_parts();
        if let ([origin], None, true) = (&*self.listed, &parts.authority, self.is_channel) {
            let authority = format!("{}:{}", origin.host, origin.port);
            parts.scheme = Some(origin.scheme());
            parts.authority = authority.parse().ok();
        }
        Uri::from_parts(parts).unwrap_or_else(|_| uri.clone())
    }

    /// Whether it may be sent with a request of this head.
    #[inline]
    pub(crate) fn check(&self, uri: &Uri, headers: &HeaderMap) -> Result<(), ForbiddenOrigin> {
        // Most have a few headers, which are compared sooner than one name is hashed.
        let names_host = headers.keys().any(|name| name == HOST);
        if !names_host && self.lists(uri) {
            return Ok(());
        }
        self.check_closely(uri, headers)
    }

    /// Whether one of them is written in this URI as it is here, as most are. Says no to some that may have it, and yes to
    /// none that may not.
    #[inline]
    fn lists(&self, uri: &Uri) -> bool {
        let (Some(scheme), Some(authority)) = (uri.scheme(), uri.authority()) else {
            return false;
        };
        let mut listed = self.listed.iter();
        listed.any(|origin| origin.has(scheme) && origin.is_written_as(authority))
    }

    #[inline(never)]
    fn check_closely(&self, uri: &Uri, headers: &HeaderMap) -> Result<(), ForbiddenOrigin> {
        if self.allow(uri) && self.agrees(uri, headers) {
            Ok(())
        } else {
            Err(self.forbidden(uri, headers))
        }
    }

    #[cold]
    fn forbidden(&self, uri: &Uri, headers: &HeaderMap) -> ForbiddenOrigin {
        let to = match (uri.scheme_str(), uri.authority()) {
            // Neither path nor user name: they may be secrets.
            (Some(scheme), Some(authority)) => {
                let user = match authority.as_str().contains('@') {
                    true => " with a user name or password (leave that out)",
                    false => "",
                };
                format!("{scheme}://{}{user}", shown(authority))
            }
            _ => "no named authority (give the whole URL, or use `Origins::channel`)".to_owned(),
        };
        let to = match headers.get(HOST) {
            Some(host) if !self.agrees(uri, headers) => {
                match Authority::try_from(host.as_bytes()) {
                    Ok(host) => format!("{to} with the Host {}", shown(&host)),
                    Err(_) => format!("{to} with a Host that is none"),
                }
            }
            _ => to,
        };
        let listed: Vec<String> = self.listed.iter().map(Origin::to_string).collect();
        ForbiddenOrigin {
            to: to.into(),
            listed: listed.join(", ").into(),
        }
    }

    /// A `Host` of the request's own would lead to another service behind the same address.
    fn agrees(&self, uri: &Uri, headers: &HeaderMap) -> bool {
        let mut hosts = headers.get_all(HOST).iter();
        let Some(host) = hosts.next() else {
            return true;
        };
        if hosts.next().is_some() {
            return false;
        }
        let Some(host) = authority(host) else {
            return false;
        };
        self.listed.iter().any(|origin| {
            let scheme = origin.scheme();
            let scheme = uri.scheme().unwrap_or(&scheme);
            let is_of_the_uri = match uri.authority() {
                Some(authority) => origin.is(scheme, authority),
                None => self.is_channel,
            };
            is_of_the_uri && origin.is(scheme, &host)
        })
    }
}

fn authority(host: &HeaderValue) -> Option<Authority> {
    let authority = Authority::try_from(host.as_bytes()).ok()?;
    (!authority.as_str().contains('@')).then_some(authority)
}

/// Host and port, and nothing else that may stand there.
fn shown(authority: &Authority) -> String {
    let host = portcullis_core::escape_url(authority.host());
    match authority.port_u16() {
        Some(port) => format!("{host}:{port}"),
        None => host,
    }
}

fn problem(problem: impl Into<Cow<'static, str>>) -> ConfigError {
    ConfigError::new("origins", problem)
}

#[cfg(test)]
mod tests {
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
    fn only_what_is_listed() {
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
            assert_eq!(origins().allow(&parsed), expected, "{uri}");
        }
    }

    #[test]
    fn a_port_out_of_range_is_no_default_port() {
        // `http` gives no number for these, which is not to be taken for the scheme's own port.
        for uri in [
            "https://orders.example.com:99999/",
            "https://orders.example.com:/",
        ] {
            if let Ok(uri) = uri.parse::<Uri>() {
                assert!(!origins().allow(&uri), "{uri}");
            }
        }
    }

    #[test]
    fn a_host_of_its_own_must_be_the_uris() {
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
    fn a_scheme_that_connectors_take_for_another_is_refused() {
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
    fn a_channel_needs_no_authority_but_is_held_to_one() {
        let channel = Origins::channel("https://orders.example.com").expect("an origin");
        let uri = |uri: &str| uri.parse::<Uri>().expect(uri);
        assert!(channel.allow(&uri("/orders.Orders/List")));
        assert!(channel.allow(&uri("https://orders.example.com/orders.Orders/List")));
        assert!(!channel.allow(&uri("https://evil.example/orders.Orders/List")));
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
    fn what_is_no_origin_is_told() {
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
    fn the_error_shows_neither_path_nor_user() {
        let uri: Uri = "https://u:s3cr3t@evil.example:1/s3cr3t?s3cr3t"
            .parse()
            .expect("a URI");
        let error = origins()
            .check(&uri, &HeaderMap::new())
            .expect_err("elsewhere");
        let text = error.to_string();
        assert!(
            text.contains("https://evil.example:1 with a user name"),
            "{text}"
        );
        assert!(!text.contains("s3cr3t"), "{text}");

        // The host was forgotten.
        let uri = Uri::from_static("https://user:s3cr3t/");
        let error = origins().check(&uri, &HeaderMap::new());
        let text = error.expect_err("elsewhere").to_string();
        assert!(text.contains("https://user,"), "{text}");

        let uri = Uri::from_static("https://orders.example.com/");
        let mut headers = HeaderMap::new();
        for (host, told) in [
            ("u:s3cr3t@evil.example", "the Host evil.example,"),
            ("evil.example:s3cr3t", "the Host evil.example,"),
            ("evil.example/s3cr3t", "a Host that is none,"),
        ] {
            headers.insert(HOST, HeaderValue::from_static(host));
            let error = origins().check(&uri, &headers).expect_err("elsewhere");
            let text = error.to_string();
            assert!(text.contains(told), "{text}");
            assert!(!text.contains("s3cr3t"), "{text}");
        }
    }
}
