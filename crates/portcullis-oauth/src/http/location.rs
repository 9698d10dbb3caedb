//! Which URLs may be fetched at all.

use portcullis_core::{ConfigError, escape_url};
use url::{Host, Url};

use crate::{FetchError, error::FetchErrorKind, http::address::Reach};

/// The longest discovered URL, in bytes: it ends up in messages.
const LONGEST_URL: usize = 2048;

/// Reads an issuer identifier that metadata is to be discovered from (RFC 8414 §2): an https URL without query or
/// fragment. Plain http is for loopback, unless `any_http`.
///
/// # Errors
///
/// When it cannot be used.
pub fn issuer(text: &str, any_http: bool) -> Result<Url, ConfigError> {
    let url = configured("issuer", text, any_http)?;
    issuer_name(text)?;
    Ok(url)
}

/// Refuses an issuer identifier that carries what must not reach a log (RFC 8414 §2). It need not be a URL.
///
/// # Errors
///
/// When it cannot be used.
pub fn issuer_name(text: &str) -> Result<(), ConfigError> {
    if escape_url(text) == text {
        return Ok(());
    }
    let problem = match Url::parse(text) {
        Ok(url) if url.query().is_some() => "it has a query: remove it (RFC 8414 §2)",
        Ok(url) if has_user_info(&url) => {
            "it has a user name or password, which would appear in logs: remove them"
        }
        _ => {
            "it cannot be shown whole in logs: leave out user name, password, `?`, `#` and special characters, up to 1024 characters in all"
        }
    };
    Err(ConfigError::new("issuer", problem))
}

/// Reads the URL of a key set that the operator configured.
///
/// # Errors
///
/// When it cannot be used.
pub fn jwks_uri(text: &str, any_http: bool) -> Result<Url, ConfigError> {
    configured("jwks_uri", text, any_http)
}

/// Reads a URL that the operator configured under the name `setting`.
///
/// # Errors
///
/// When it cannot be used.
pub fn configured(setting: &'static str, text: &str, any_http: bool) -> Result<Url, ConfigError> {
    let problem = |problem: &'static str| ConfigError::new(setting, problem);
    let url = Url::parse(text).map_err(|error| {
        let message = format!("it is not a URL ({error}): write all of it, from https:// on");
        ConfigError::new(setting, message)
    })?;
    if text.trim() != text {
        return Err(problem(
            "it begins or ends with white space: leave that out",
        ));
    }
    match url.scheme() {
        "https" => {}
        "http" if any_http || is_loopback(&url) => {}
        "http" => {
            return Err(problem(
                "it is plain http to another machine: use https, and in tests a server on loopback",
            ));
        }
        _ => return Err(problem("its scheme is not https: begin it with https://")),
    }
    if has_user_info(&url) {
        return Err(problem(
            "it has a user name or password, which would appear in logs: remove them",
        ));
    }
    if url.fragment().is_some() {
        return Err(problem(
            "it has a fragment: leave out the `#` and what follows",
        ));
    }
    Ok(url)
}

/// Reads a URL that an issuer's metadata names. It may be on another host, but must be as safe as the issuer's.
pub(crate) fn discovered(
    member: &'static str,
    text: &str,
    issuer: &Url,
    any_http: bool,
) -> Result<Url, FetchError> {
    let refuse = |why: &str| {
        let message = format!("the discovered `{member}` {} {why}", escape_url(text));
        FetchError::new(FetchErrorKind::Forbidden, message)
    };
    if text.len() > LONGEST_URL {
        return Err(refuse("is too long"));
    }
    let url = Url::parse(text).map_err(|_| refuse("is not a URL"))?;
    match url.scheme() {
        "https" => {}
        "http" if issuer.scheme() == "http" && (any_http || is_loopback(&url)) => {}
        _ => return Err(refuse("is less safe than the issuer")),
    }
    if has_user_info(&url) {
        return Err(refuse("carries a user name or password"));
    }
    Ok(url)
}

/// Refuses an address written into a discovered URL; names are judged when they are resolved.
pub(crate) fn check_address(
    member: &'static str,
    url: &Url,
    issuer: &Url,
    reach: &Reach,
) -> Result<(), FetchError> {
    let address = match url.host() {
        Some(Host::Ipv4(address)) => address.into(),
        Some(Host::Ipv6(address)) => address.into(),
        _ => return Ok(()),
    };
    if url.host() == issuer.host() || reach.allows(address) {
        return Ok(());
    }
    let message = format!(
        "the discovered `{member}` leads to {address}, a kind of network the issuer is not in"
    );
    Err(FetchError::new(FetchErrorKind::Forbidden, message))
}

fn has_user_info(url: &Url) -> bool {
    !url.username().is_empty() || url.password().is_some()
}

/// Whether the host is this machine, by its name (RFC 6761 §6.3) or address.
fn is_loopback(url: &Url) -> bool {
    match url.host() {
        // Not what ends in it: few systems keep that from DNS.
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
    fn configured_urls() {
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
            assert_eq!(issuer(text, false).is_ok(), ok, "{text}");
            assert_eq!(jwks_uri(text, false).is_ok(), ok, "{text}");
        }
        assert!(issuer("https://issuer.example?tenant=1", false).is_err());
        assert!(jwks_uri("https://issuer.example/keys?tenant=1", false).is_ok());
        assert!(issuer("http://issuer.example", true).is_ok());
        assert!(issuer("ftp://issuer.example", true).is_err());
    }

    #[test]
    fn discovered_urls_are_as_safe_as_the_issuer() {
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
            assert_eq!(
                discovered("jwks_uri", text, &https, false).is_ok(),
                from_https,
                "{text}"
            );
            assert_eq!(
                discovered("jwks_uri", text, &http, false).is_ok(),
                from_http,
                "{text}"
            );
        }
        let danger = Url::parse("http://issuer.example").unwrap();
        assert!(discovered("jwks_uri", "http://keys.example", &danger, true).is_ok());
        assert!(
            discovered("jwks_uri", "http://keys.example", &https, true).is_err(),
            "never less safe than the issuer"
        );
    }

    #[test]
    fn discovered_addresses_stay_in_the_issuers_reach() {
        let issuer = Url::parse("https://issuer.example").unwrap();
        let check = |text: &str, reach: &Reach| {
            check_address("jwks_uri", &Url::parse(text).unwrap(), &issuer, reach)
        };
        let reach = Reach::default();
        assert!(check("https://1.1.1.1/keys", &reach).is_ok());
        assert!(
            check("https://keys.example", &reach).is_ok(),
            "judged when resolved"
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
            assert!(check(text, &reach).is_err(), "{text}");
        }
        reach.extend_to(Network::Private);
        assert!(check("https://10.1.2.3", &reach).is_ok());
        assert!(check("https://169.254.169.254", &reach).is_err());
        let literal = Url::parse("https://10.0.0.1/oidc").unwrap();
        let own = Url::parse("https://10.0.0.1/oidc/jwks").unwrap();
        assert!(check_address("jwks_uri", &own, &literal, &Reach::default()).is_ok());
    }
}
