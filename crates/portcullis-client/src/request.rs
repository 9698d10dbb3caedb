//! What a token request asks for, and the settings that token sources and exchanges share.

use std::{fmt, sync::Arc};

use portcullis_core::{ConfigError, Scope, ScopeSet, escape_url};
use portcullis_jose::DpopKey;
use portcullis_oauth::{AuthorizationServer, ClientAuthentication};
use url::Url;

use crate::{token::DpopBinding, token_client::TokenClient};

/// The parameters of a token request, without the client's authentication.
#[derive(Clone)]
pub(crate) struct TokenRequest {
    pub(crate) scopes: ScopeSet,
    resources: Vec<Box<str>>,
    audience: Option<Box<str>>,
    pub(crate) max_token_bytes: usize,
}

impl TokenRequest {
    pub(crate) fn form<'f>(&'f self, grant: &'f str) -> Vec<(&'f str, &'f str)> {
        let mut form = vec![("grant_type", grant)];
        if !self.scopes.is_empty() {
            form.push(("scope", self.scopes.as_str()));
        }
        let resources = self.resources.iter();
        form.extend(resources.map(|resource| ("resource", &**resource)));
        form.extend(self.audience.iter().map(|name| ("audience", &**name)));
        form
    }
}

/// Identifies the request in log events. Omits the queries of resources, which may hold a secret.
impl fmt::Display for TokenRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.scopes.is_empty() {
            true => f.write_str("default scopes")?,
            false => self.scopes.fmt(f)?,
        }
        for target in self.resources.iter().chain(&self.audience) {
            write!(f, " at {}", escape_url(target))?;
        }
        Ok(())
    }
}

impl fmt::Debug for TokenRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TokenRequest({self})")
    }
}

/// The settings of a token request as a builder received them, not yet checked.
#[derive(Clone)]
pub(crate) struct RequestSettings {
    server: Result<AuthorizationServer, ConfigError>,
    client: ClientAuthentication,
    pub(crate) scopes: Vec<String>,
    pub(crate) resources: Vec<String>,
    pub(crate) audience: Option<String>,
    pub(crate) dpop: Option<DpopKey>,
    pub(crate) max_token_bytes: usize,
}

impl RequestSettings {
    /// An invalid server is reported by [`build`](Self::build).
    pub(crate) fn new(
        server: Result<AuthorizationServer, ConfigError>,
        client: ClientAuthentication,
    ) -> Self {
        Self {
            server,
            client,
            scopes: Vec::new(),
            resources: Vec::new(),
            audience: None,
            dpop: None,
            max_token_bytes: 8 * 1024,
        }
    }

    pub(crate) fn build(self) -> Result<TokenClient, ConfigError> {
        let server = self.server?;
        server.check(&self.client)?;
        let resources = self.resources.iter().map(|given| resource(given));
        let request = TokenRequest {
            scopes: parse_scopes(&self.scopes)?,
            resources: resources.collect::<Result<_, _>>()?,
            audience: self.audience.map(String::into_boxed_str),
            max_token_bytes: self.max_token_bytes,
        };
        if request.max_token_bytes == 0 {
            return Err(ConfigError::new("max_token_bytes", "must be > 0"));
        }
        let binding = self.dpop.map(|key| DpopBinding {
            key,
            nonces: Arc::default(),
            clock: server.clock().clone(),
        });
        Ok(TokenClient {
            server,
            client: self.client,
            request,
            binding,
        })
    }
}

/// Omits the queries of resources, which may hold a secret.
impl fmt::Debug for RequestSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let targets = self.resources.iter().chain(&self.audience);
        let targets: Vec<String> = targets.map(|target| escape_url(target)).collect();
        f.debug_struct("RequestSettings")
            .field("server", &self.server)
            .field("client", &self.client)
            .field("scopes", &self.scopes)
            .field("targets", &targets)
            .field("dpop", &self.dpop)
            .finish()
    }
}

/// The setters of a builder with a field `settings: RequestSettings`.
macro_rules! request_setters {
    () => {
        /// Requests these scopes (RFC 6749 §3.3). By default none are sent, and the server decides what to grant.
        pub fn scopes(mut self, scopes: impl IntoIterator<Item = impl AsRef<str>>) -> Self {
            let scopes = scopes.into_iter().map(|scope| scope.as_ref().to_owned());
            self.settings.scopes.extend(scopes);
            self
        }

        /// Requests a token for this service (RFC 8707 §2): an absolute URI without a fragment. May be called several
        /// times, but a token for a single service is safer.
        pub fn resource(mut self, resource: impl Into<String>) -> Self {
            self.settings.resources.push(resource.into());
            self
        }

        /// Sets the `audience` parameter (RFC 8693 §2.1): the logical name of the service that the token is for. Some
        /// servers, Auth0 among them, require it for client credentials too.
        pub fn audience(mut self, audience: impl Into<String>) -> Self {
            self.settings.audience = Some(audience.into());
            self
        }

        /// Binds tokens to this key (DPoP, RFC 9449), so that a stolen token is useless without the key.
        ///
        /// An unbound token in the answer is an error. Nonces that the authorization server or a service requires are
        /// stored and used.
        pub fn dpop(mut self, key: $crate::DpopKey) -> Self {
            self.settings.dpop = Some(key);
            self
        }

        /// The maximum length of a token in bytes; 8 KiB by default, which is also the default limit of portcullis'
        /// bearer scheme. A longer token is an error, because services would reject every call with it.
        pub fn max_token_bytes(mut self, bytes: usize) -> Self {
            self.settings.max_token_bytes = bytes;
            self
        }
    };
}
pub(crate) use request_setters;

/// Parses a list with one scope per item.
pub(crate) fn parse_scopes(given: &[String]) -> Result<ScopeSet, ConfigError> {
    let scopes = given.iter().map(|scope| {
        Scope::parse(scope).map_err(|error| {
            let problem = format!("{scope:?} is {error}: pass one scope per item");
            ConfigError::new("scopes", problem)
        })
    });
    scopes.collect()
}

/// Checks that this is an absolute URI without a fragment (RFC 8707 §2).
fn resource(given: &str) -> Result<Box<str>, ConfigError> {
    let problem = match Url::parse(given) {
        Err(_) => "must be an absolute URI, such as https://orders.example.com",
        Ok(url) if url.fragment().is_some() => {
            "must not have a fragment: remove the `#` and what follows"
        }
        Ok(url) if !url.username().is_empty() || url.password().is_some() => {
            "must not have a user name or password, which would appear in logs"
        }
        Ok(_) if given.contains(|char: char| char.is_whitespace() || char.is_control()) => {
            "must not contain white space or control characters"
        }
        Ok(_) => return Ok(given.into()),
    };
    Err(ConfigError::new("resource", problem))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings() -> RequestSettings {
        let server = AuthorizationServer::discover("https://issuer.example.com").build();
        let client = ClientAuthentication::secret_basic("billing", "s3cr3t");
        RequestSettings::new(server, client)
    }

    #[test]
    fn debug_and_display_omit_the_query_of_a_resource() {
        let mut settings = settings();
        settings.resources = vec!["https://o.example/a?code=s3cr3t".to_owned()];
        settings.audience = Some("https://o.example/b?code=s3cr3t".to_owned());
        let before = format!("{settings:?}");
        let client = settings.build().expect("valid settings");
        let request = &client.request;
        let shown = format!("{before} {request:?} {request}");
        assert!(shown.contains("https://o.example/a"), "{shown}");
        assert!(!shown.contains("s3cr3t"), "{shown}");
        let form = request.form("client_credentials");
        assert!(form.contains(&("resource", "https://o.example/a?code=s3cr3t")));
    }

    #[test]
    fn s4_resource_must_be_an_absolute_uri_without_fragment() {
        for good in [
            "https://orders.example.com",
            "https://o.example/a?b=c",
            "urn:example:orders",
            "https://o.example/",
        ] {
            assert_eq!(resource(good).as_deref(), Ok(good));
        }
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
            let error = resource(bad).expect_err(bad);
            assert_eq!(error.setting(), "resource", "{bad:?}");
        }
    }

    #[test]
    fn each_item_must_be_one_scope() {
        let parse = |scopes: &[&str]| {
            let given: Vec<_> = scopes.iter().map(|scope| (*scope).to_owned()).collect();
            parse_scopes(&given).map(|scopes| scopes.to_string())
        };
        assert_eq!(parse(&["b", "a"]).as_deref(), Ok("a b"));
        assert_eq!(parse(&["a b"]).expect_err("two").setting(), "scopes");
        assert_eq!(parse(&[""]).expect_err("none").setting(), "scopes");
    }

    #[test]
    fn form_contains_the_requested_scopes_resources_and_audience() {
        let request = TokenRequest {
            scopes: ScopeSet::parse("b a"),
            resources: vec!["https://a.example".into(), "https://b.example".into()],
            audience: Some("x".into()),
            max_token_bytes: 1,
        };
        assert_eq!(
            request.form("client_credentials"),
            [
                ("grant_type", "client_credentials"),
                ("scope", "a b"),
                ("resource", "https://a.example"),
                ("resource", "https://b.example"),
                ("audience", "x"),
            ]
        );
        let client = settings().build().expect("valid settings");
        assert_eq!(
            client.request.form("client_credentials"),
            [("grant_type", "client_credentials")]
        );
    }
}
