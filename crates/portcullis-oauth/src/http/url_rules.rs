//! Rules for the URLs that requests are sent to and that messages show.

use portcullis_core::{ConfigError, log::escape_url};
use url::{Host, Url};

use super::address::AllowedNetworks;
use crate::{FetchError, FetchErrorKind};

/// A URL for messages, without user name, password, query and fragment.
pub fn display_url(url: &Url) -> String {
    escape_url(url.as_str())
}

/// The maximum length of a discovered URL, in bytes. It appears in messages.
const MAX_DISCOVERED_BYTES: usize = 2048;

/// The problem of a URL with a user name or password.
pub const USER_INFO: &str =
    "must not contain a user name or password, which would appear in logs: remove it";

/// Checks an issuer identifier (RFC 8414 §2). It need not be a URL, but must be safe to log.
///
/// # Errors
///
/// When it has a query, a user name, a password or characters that logs escape.
pub fn issuer_name(text: &str) -> Result<(), ConfigError> {
    if escape_url(text) == text {
        return Ok(());
    }
    let problem = match Url::parse(text) {
        Ok(url) if url.query().is_some() => {
            "must not contain a query (RFC 8414 §2): remove the `?` and what follows"
        }
        Ok(url) if has_user_info(&url) => USER_INFO,
        _ => {
            "must not contain a user name, password, `?`, `#` or special characters, nor exceed 1024 characters"
        }
    };
    Err(ConfigError::new("issuer", problem))
}

/// Checks the configured URL of `setting`.
///
/// # Errors
///
/// When it is not https (or http where that is allowed), or has a user name, a password or a fragment.
pub fn configured(setting: &'static str, text: &str, allow_http: bool) -> Result<Url, ConfigError> {
    let url = Url::parse(text).map_err(|error| {
        let message = format!("invalid URL ({error}): correct it, and begin with https://");
        ConfigError::new(setting, message)
    })?;
    let problem = if text.trim() != text {
        "must not begin or end with white space: remove it"
    } else if !matches!(url.scheme(), "https" | "http") {
        "must begin with https://"
    } else if url.scheme() == "http" && !allow_http && !is_loopback(&url) {
        "must be https; plain http is accepted only for `localhost` itself and loopback addresses"
    } else if has_user_info(&url) {
        USER_INFO
    } else if url.fragment().is_some() {
        "must not contain a fragment: remove the `#` and what follows"
    } else {
        return Ok(url);
    };
    Err(ConfigError::new(setting, problem))
}

/// As [`configured`], for an origin.
///
/// # Errors
///
/// As for [`configured`], and when it has a path or a query.
#[cfg(feature = "client-auth")]
pub fn configured_origin(
    setting: &'static str,
    text: &str,
    allow_http: bool,
) -> Result<Url, ConfigError> {
    let url = configured(setting, text, allow_http)?;
    if url.path() != "/" || url.query().is_some() {
        let problem = "must consist of scheme, host and port, without path and query";
        return Err(ConfigError::new(setting, problem));
    }
    Ok(url)
}

/// Checks a URL from an issuer's metadata. It may be on another host, but must be as safe as the issuer's.
pub(crate) fn discovered(
    member: &'static str,
    text: &str,
    metadata_url: &Url,
    allow_http: bool,
    networks: &AllowedNetworks,
) -> Result<Url, FetchError> {
    let refuse = |problem: &str| {
        let shown = escape_url(text);
        let message = format!(
            "the discovered `{member}` {shown} {problem}: have the metadata corrected, or configure the right URL as `{member}`"
        );
        FetchError::new(FetchErrorKind::Forbidden, message)
    };
    if text.len() > MAX_DISCOVERED_BYTES {
        return Err(refuse("is longer than 2048 bytes"));
    }
    if text.is_empty() {
        return Err(refuse("is empty"));
    }
    let url = Url::parse(text).map_err(|_| refuse("is not a URL"))?;
    match url.scheme() {
        "https" => {}
        "http" if metadata_url.scheme() == "http" && (allow_http || is_loopback(&url)) => {}
        _ => return Err(refuse("is not https")),
    }
    if has_user_info(&url) {
        return Err(refuse("contains a user name or password"));
    }
    // Host names are checked when they are resolved.
    let address = match url.host() {
        Some(Host::Ipv4(address)) => address.into(),
        Some(Host::Ipv6(address)) => address.into(),
        _ => return Ok(url),
    };
    if url.host() == metadata_url.host() || networks.allows(address) {
        return Ok(url);
    }
    Err(refuse(
        "is not publicly routable, and the issuer is not known to be in the same kind of network (a configured URL may be in any)",
    ))
}

/// Whether the URL has a user name or password.
pub fn has_user_info(url: &Url) -> bool {
    !url.username().is_empty() || url.password().is_some()
}

/// Whether the host is this machine, by name (RFC 6761 §6.3) or address.
pub fn is_loopback(url: &Url) -> bool {
    match url.host() {
        // Not names under `localhost`: many systems resolve those by DNS.
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::address::Network;

    #[test]
    fn configured_urls_are_https_or_on_loopback() {
        for (text, ok) in [
            ("https://issuer.example", true),
            ("https://10.0.0.1/oidc/", true),
            ("http://127.0.0.1:8081", true),
            ("http://[::1]:8081", true),
            ("http://localhost/oidc", true),
            ("http://id.localhost", false),
            ("http://issuer.example", false),
            ("http://localhost.example", false),
            ("http://127.0.0.1.example", false),
            ("http://10.0.0.1", false),
            ("ftp://issuer.example", false),
            ("file:///etc/passwd", false),
            ("https://user@issuer.example", false),
            ("https://:password@issuer.example", false),
            ("https://issuer.example#x", false),
            ("https://issuer.example\n", false),
            (" https://issuer.example", false),
            ("issuer.example", false),
            ("", false),
        ] {
            assert_eq!(configured("issuer", text, false).is_ok(), ok, "{text}");
            assert_eq!(configured("jwks_uri", text, false).is_ok(), ok, "{text}");
        }
        assert!(issuer_name("https://issuer.example?tenant=1").is_err());
        assert!(configured("jwks_uri", "https://issuer.example/keys?tenant=1", false).is_ok());
        assert!(configured("issuer", "http://issuer.example", true).is_ok());
        assert!(configured("issuer", "ftp://issuer.example", true).is_err());
    }

    #[test]
    fn discovered_urls_are_as_safe_as_the_issuer() {
        let networks = AllowedNetworks::default();
        networks.set_issuer_network(Network::Private);
        let check = |text: &str, issuer: &Url, allow_http| {
            discovered("jwks_uri", text, issuer, allow_http, &networks)
        };
        let https = Url::parse("https://issuer.example").unwrap();
        let http = Url::parse("http://127.0.0.1:8081").unwrap();
        for (text, from_https, from_http) in [
            ("https://issuer.example/keys", true, true),
            ("https://keys.elsewhere.example//jwks", true, true),
            ("http://127.0.0.1:8081/jwks", false, true),
            ("http://issuer.example/keys", false, false),
            ("file:///etc/passwd", false, false),
            ("gopher://issuer.example", false, false),
            ("https://a:b@issuer.example", false, false),
            ("/jwks", false, false),
            ("", false, false),
        ] {
            assert_eq!(check(text, &https, false).is_ok(), from_https, "{text}");
            assert_eq!(check(text, &http, false).is_ok(), from_http, "{text}");
        }
        let danger = Url::parse("http://issuer.example").unwrap();
        assert!(check("http://keys.example", &danger, true).is_ok());
        assert!(
            check("http://keys.example", &https, true).is_err(),
            "never less safe than the issuer"
        );
    }

    #[test]
    fn discovered_addresses_stay_in_the_issuers_networks() {
        let issuer = Url::parse("https://issuer.example").unwrap();
        let check = |text: &str, networks: &AllowedNetworks| {
            discovered("jwks_uri", text, &issuer, false, networks)
        };
        let networks = AllowedNetworks::default();
        assert!(check("https://1.1.1.1/keys", &networks).is_ok());
        assert!(
            check("https://keys.example", &networks).is_ok(),
            "checked when it is resolved"
        );
        for text in [
            "https://127.0.0.1/keys",
            "https://10.1.2.3",
            "https://169.254.169.254/latest/meta-data",
            "https://[::1]",
            "https://[::ffff:10.0.0.1]",
            "https://2130706433",
            "https://0x7f.1",
            "https://0/",
        ] {
            assert!(check(text, &networks).is_err(), "{text}");
        }
        networks.set_issuer_network(Network::Private);
        assert!(check("https://10.1.2.3", &networks).is_ok());
        assert!(check("https://169.254.169.254", &networks).is_err());
        let literal = Url::parse("https://10.0.0.1/oidc").unwrap();
        let own = "https://10.0.0.1/oidc/jwks";
        let networks = AllowedNetworks::default();
        assert!(discovered("jwks_uri", own, &literal, false, &networks).is_ok());
    }
}
