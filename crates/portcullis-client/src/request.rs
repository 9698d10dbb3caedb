//! What a token request asks for.

use std::fmt;

use portcullis_core::{ConfigError, Scope, ScopeSet, log::escape_url};
use portcullis_oauth::http::url_rules;
use url::Url;

#[derive(Clone, Default)]
pub(crate) struct TokenRequest {
    pub(crate) scopes: ScopeSet,
    resources: Vec<String>,
    pub(crate) audience: Option<String>,
    /// The limit for the token in the answer. It is not sent.
    pub(crate) max_token_bytes: Option<usize>,
}

impl TokenRequest {
    pub(crate) fn form<'f>(&'f self, grant: &'f str) -> Vec<(&'f str, &'f str)> {
        let mut form = vec![("grant_type", grant)];
        if !self.scopes.is_empty() {
            form.push(("scope", self.scopes.as_str()));
        }
        form.extend(self.resources.iter().map(|value| ("resource", &**value)));
        form.extend(self.audience.iter().map(|value| ("audience", &**value)));
        form
    }

    pub(crate) fn add_scopes(
        &mut self,
        scopes: impl IntoIterator<Item = impl AsRef<str>>,
    ) -> Result<(), ConfigError> {
        let added = parse_scopes(scopes)?;
        self.scopes = ScopeSet::from_tokens(self.scopes.iter().chain(added.iter()));
        Ok(())
    }

    /// Requires an absolute URI without a fragment (RFC 8707 §2).
    pub(crate) fn add_resource(&mut self, resource: String) -> Result<(), ConfigError> {
        let problem = match Url::parse(&resource) {
            Err(_) => "must be an absolute URI, such as https://orders.example.com",
            Ok(url) if url.fragment().is_some() => {
                "must not have a fragment: remove the `#` and what follows"
            }
            Ok(url) if url_rules::has_user_info(&url) => url_rules::USER_INFO,
            Ok(_) if resource.contains(|c: char| c.is_whitespace() || c.is_control()) => {
                "must not contain white space or control characters: percent-encode them"
            }
            Ok(_) => {
                self.resources.push(resource);
                return Ok(());
            }
        };
        Err(ConfigError::new("resource", problem))
    }
}

/// Identifies the request in log events. Omits the queries of resources, which may hold a secret.
impl fmt::Display for TokenRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.scopes.is_empty() {
            true => f.write_str("\"default scopes")?,
            false => write!(f, "\"{}", self.scopes)?,
        }
        for target in self.resources.iter().chain(&self.audience) {
            write!(f, " at {}", escape_url(target))?;
        }
        f.write_str("\"")
    }
}

impl fmt::Debug for TokenRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TokenRequest({self})")
    }
}

pub(crate) fn parse_scopes(
    scopes: impl IntoIterator<Item = impl AsRef<str>>,
) -> Result<ScopeSet, ConfigError> {
    let scopes = scopes.into_iter().map(|scope| {
        let scope = scope.as_ref();
        Scope::parse(scope).map_err(|error| {
            let what = error.problem();
            let problem = format!("{scope:?} is {what}; pass several scopes as several items");
            ConfigError::new("scopes", problem)
        })
    });
    scopes.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_and_display_omit_the_query_of_a_resource() {
        let mut request = TokenRequest::default();
        let resource = "https://o.example/a?code=s3cr3t";
        request.add_resource(resource.to_owned()).expect("a URI");
        request.audience = Some("https://o.example/b?code=s3cr3t".to_owned());
        let shown = format!("{request:?} {request}");
        assert!(shown.contains("https://o.example/a"), "{shown}");
        assert!(!shown.contains("s3cr3t"), "{shown}");
        let form = request.form("client_credentials");
        assert!(form.contains(&("resource", resource)));
    }

    #[test]
    fn s4_resource_must_be_an_absolute_uri_without_fragment() {
        let mut request = TokenRequest::default();
        for good in [
            "https://orders.example.com",
            "https://o.example/a?b=c",
            "urn:example:orders",
            "https://o.example/",
        ] {
            assert_eq!(request.add_resource(good.to_owned()), Ok(()));
        }
        assert_eq!(request.resources.len(), 4);
        for bad in [
            "",
            "orders",
            "/orders",
            "//orders.example.com",
            "https://o.example/#a",
            "https://o.example#",
            " https://o.example",
            "https://o.example/\n",
        ] {
            let error = request.add_resource(bad.to_owned()).expect_err(bad);
            assert_eq!(error.setting(), "resource", "{bad:?}");
        }
    }

    #[test]
    fn each_item_must_be_one_scope() {
        let parse = |scopes: &[&str]| parse_scopes(scopes).map(|scopes| scopes.to_string());
        assert_eq!(parse(&["b", "a"]).as_deref(), Ok("a b"));
        assert_eq!(parse(&["a b"]).expect_err("two").setting(), "scopes");
        assert_eq!(parse(&[""]).expect_err("none").setting(), "scopes");
    }

    #[test]
    fn form_contains_the_requested_scopes_resources_and_audience() {
        let mut request = TokenRequest::default();
        let client_credentials = ("grant_type", "client_credentials");
        assert_eq!(request.form("client_credentials"), [client_credentials]);
        request.add_scopes(["b"]).expect("a scope");
        request.add_scopes(["a"]).expect("a scope");
        for resource in ["https://a.example", "https://b.example"] {
            request.add_resource(resource.to_owned()).expect("a URI");
        }
        request.audience = Some("x".into());
        assert_eq!(
            request.form("client_credentials"),
            [
                client_credentials,
                ("scope", "a b"),
                ("resource", "https://a.example"),
                ("resource", "https://b.example"),
                ("audience", "x"),
            ]
        );
    }
}
