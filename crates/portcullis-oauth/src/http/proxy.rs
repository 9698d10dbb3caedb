//! The proxies that the environment names.

use std::{
    ffi::{OsStr, OsString},
    fmt,
};

use http::Uri;
use portcullis_core::ConfigError;
use reqwest::{NoProxy, Proxy};
use url::Url;

/// A proxy for https or for http. The variables are read here because reqwest ignores `https_proxy` if `HTTPS_PROXY` is set and
/// empty, and ignores a value that is not a URL.
#[derive(Clone)]
pub(super) struct EnvironmentProxy {
    /// The resolver lets this host through.
    pub(super) host: String,
    pub(super) proxy: Proxy,
}

type Constructor = fn(String) -> reqwest::Result<Proxy>;

pub(super) fn from_environment(
    variable: impl Fn(&str) -> Option<OsString>,
) -> Result<Vec<EnvironmentProxy>, ConfigError> {
    const USES: [(&str, Constructor); 2] =
        [("HTTPS_PROXY", Proxy::https), ("HTTP_PROXY", Proxy::http)];

    let find = |name: &str| {
        let mut names = [name.to_owned(), name.to_ascii_lowercase()].into_iter();
        names.find_map(|name| {
            let value = variable(&name).filter(|value| !value.is_empty())?;
            Some((name, value))
        })
    };
    let direct = find("NO_PROXY").and_then(|(_, hosts)| NoProxy::from_string(hosts.to_str()?));
    let named = USES.iter().filter_map(|(name, new)| {
        let (name, value) = find(name).or_else(|| find("ALL_PROXY"))?;
        // In a CGI program this is the `Proxy` header of the caller (CVE-2016-5385).
        let is_callers = name == "HTTP_PROXY" && variable("REQUEST_METHOD").is_some();
        let proxy = (!is_callers)
            .then(|| parse(&value, *new, direct.clone()))
            .flatten();
        Some(proxy.ok_or_else(|| {
            // The value may contain a password.
            let problem =
                format!("`{name}` is not the URL of an http proxy to trust: correct or unset it");
            ConfigError::new("environment_proxies", problem)
        }))
    });
    named.collect()
}

fn parse(value: &OsStr, new: Constructor, direct: Option<NoProxy>) -> Option<EnvironmentProxy> {
    let value = value.to_str()?;
    value.parse::<Uri>().ok()?.host()?; // `Url` alone would accept `/host` and spaces
    let scheme = if value.contains("://") { "" } else { "http://" };
    let url = Url::parse(&[scheme, value].concat()).ok()?;
    let is_http = matches!(url.scheme(), "http" | "https");
    let host = url.host_str().filter(|_| is_http)?.to_owned();
    let proxy = new(url.into()).ok()?.no_proxy(direct);
    Some(EnvironmentProxy { host, proxy })
}

impl fmt::Debug for EnvironmentProxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.host)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hosts(set: &[(&str, &str)]) -> Result<Vec<String>, ConfigError> {
        let proxies = from_environment(|name| {
            let (_, value) = set.iter().find(|(variable, _)| *variable == name)?;
            Some((*value).into())
        })?;
        Ok(proxies.into_iter().map(|proxy| proxy.host).collect())
    }

    #[test]
    fn proxies_are_read_from_the_environment() {
        let hosts = |set| hosts(set).expect("usable");
        assert!(hosts(&[]).is_empty());
        assert!(hosts(&[("https_proxy", ""), ("NO_PROXY", "a.example")]).is_empty());
        assert_eq!(hosts(&[("https_proxy", "proxy:3128")]), ["proxy"]);
        assert_eq!(
            hosts(&[
                ("HTTPS_PROXY", "http://u:p@a.example"),
                ("all_proxy", "10.0.0.1:1")
            ]),
            ["a.example", "10.0.0.1"]
        );
    }

    #[test]
    fn empty_variable_does_not_hide_its_name_in_lower_case() {
        for name in ["HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"] {
            let lower = name.to_ascii_lowercase();
            let found = hosts(&[(name, ""), (&lower, "http://proxy:1")]).expect("usable");
            assert!(found.iter().all(|host| host == "proxy") && !found.is_empty());
        }
    }

    #[test]
    fn variable_that_names_no_proxy_is_an_error() {
        for value in [
            "http://u:s3cr3t@",
            "http://u:s3cr3t@proxy example",
            "http:// u:s3cr3t@proxy.example",
            "ftp://u:s3cr3t@proxy.example",
            "socks5://u:s3cr3t@proxy.example",
            "/s3cr3t",
            "http:s3cr3t",
        ] {
            let set = [("HTTPS_PROXY", "proxy:3128"), ("all_proxy", value)];
            let error = hosts(&set).expect_err(value).to_string();
            assert!(error.contains("`all_proxy`"), "{error}");
            assert!(!error.contains("s3cr3t"), "{error}");
        }
    }

    #[test]
    fn header_of_a_cgi_request_is_not_taken_for_a_proxy() {
        let request = ("REQUEST_METHOD", "GET");
        hosts(&[request, ("HTTP_PROXY", "http://evil:1")]).expect_err("the caller's");
        assert_eq!(
            hosts(&[request, ("http_proxy", "proxy:1")]),
            Ok(vec!["proxy".to_owned()])
        );
    }
}
