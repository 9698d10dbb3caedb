//! What a token request asks for, and the settings that token sources and exchanges share.

use std::{fmt, sync::Arc};

use portcullis_core::{ConfigError, Scope, ScopeSet, log::escape_url};
use portcullis_jose::DpopKey;
use portcullis_oauth::{AuthorizationServer, ClientAuthentication};
use url::Url;

use crate::{token::DpopBinding, token_client::TokenClient};

/// The parameters of a token request, without the client's authentication.
#[derive(Clone)]
pub(crate) struct TokenRequest {
    pub(crate) scopes: ScopeSet,
    resources: Vec<String>,
    pub(crate) audience: Option<String>,
    pub(crate) max_token_bytes: usize,
}

impl TokenRequest {
    pub(crate) fn form<'f>(&'f self, grant: &'f str) -> Vec<(&'f str, &'f str)> {
        let mut form = vec![("grant_type", grant)];
        if !self.scopes.is_empty() {
            form.push(("scope", self.scopes.as_str()));
        }
        let resources = self.resources.iter();
        form.extend(resources.map(|resource| ("resource", resource.as_str())));
        let audience = self.audience.iter();
        form.extend(audience.map(|audience| ("audience", audience.as_str())));
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
            Ok(url) if !url.username().is_empty() || url.password().is_some() => {
                "must not have a user name or password, which would appear in logs"
            }
            Ok(_) if resource.contains(|c: char| c.is_whitespace() || c.is_control()) => {
                "must not contain white space or control characters"
            }
            Ok(_) => {
                self.resources.push(resource);
                return Ok(());
            }
        };
        Err(ConfigError::new("resource", problem))
    }

    pub(crate) fn set_max_token_bytes(&mut self, bytes: usize) -> Result<(), ConfigError> {
        self.max_token_bytes = bytes;
        match bytes {
            0 => Err(ConfigError::new("max_token_bytes", "must be > 0")),
            _ => Ok(()),
        }
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

/// The settings that a builder has received.
#[derive(Clone, Debug)]
pub(crate) struct RequestSettings {
    /// The first error of a setter is reported by [`build`](Self::build).
    server: Result<AuthorizationServer, ConfigError>,
    client: ClientAuthentication,
    pub(crate) request: TokenRequest,
    pub(crate) dpop: Option<DpopKey>,
}

impl RequestSettings {
    pub(crate) fn new(
        server: Result<AuthorizationServer, ConfigError>,
        client: ClientAuthentication,
    ) -> Self {
        let request = TokenRequest {
            scopes: ScopeSet::default(),
            resources: Vec::new(),
            audience: None,
            max_token_bytes: 8 * 1024,
        };
        Self {
            server,
            client,
            request,
            dpop: None,
        }
    }

    /// Changes the request. An error is kept for [`build`](Self::build).
    pub(crate) fn set(
        &mut self,
        change: impl FnOnce(&mut TokenRequest) -> Result<(), ConfigError>,
    ) {
        if let Err(error) = change(&mut self.request)
            && self.server.is_ok()
        {
            self.server = Err(error);
        }
    }

    pub(crate) fn build(self) -> Result<TokenClient, ConfigError> {
        let server = self.server?;
        server.check(&self.client)?;
        let binding = self.dpop.map(|key| DpopBinding {
            key,
            nonces: Arc::default(),
            clock: server.clock().clone(),
        });
        Ok(TokenClient {
            server,
            client: self.client,
            request: self.request,
            binding,
        })
    }
}

/// The setters of a builder with a field `settings: RequestSettings`.
macro_rules! request_setters {
    () => {
        /// Requests these scopes (RFC 6749 §3.3). By default none are sent, and the server decides what to grant.
        pub fn scopes(mut self, scopes: impl IntoIterator<Item = impl AsRef<str>>) -> Self {
            self.settings.set(|request| request.add_scopes(scopes));
            self
        }

        /// Requests a token for this service (RFC 8707 §2): an absolute URI without a fragment. May be called several
        /// times, but a token for a single service is safer.
        pub fn resource(mut self, resource: impl Into<String>) -> Self {
            let resource = resource.into();
            self.settings.set(|request| request.add_resource(resource));
            self
        }

        /// Sets the `audience` parameter (RFC 8693 §2.1): the logical name of the service that the token is for. Some
        /// servers, Auth0 among them, require it for client credentials too.
        pub fn audience(mut self, audience: impl Into<String>) -> Self {
            self.settings.request.audience = Some(audience.into());
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
            self.settings
                .set(|request| request.set_max_token_bytes(bytes));
            self
        }
    };
}
pub(crate) use request_setters;

/// Parses a list with one scope per item.
pub(crate) fn parse_scopes(
    scopes: impl IntoIterator<Item = impl AsRef<str>>,
) -> Result<ScopeSet, ConfigError> {
    let scopes = scopes.into_iter().map(|scope| {
        let scope = scope.as_ref();
        Scope::parse(scope).map_err(|error| {
            let problem = format!("{scope:?} is {error}: pass one scope per item");
            ConfigError::new("scopes", problem)
        })
    });
    scopes.collect()
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
        let resource = "https://o.example/a?code=s3cr3t";
        settings.set(|request| request.add_resource(resource.to_owned()));
        settings.request.audience = Some("https://o.example/b?code=s3cr3t".to_owned());
        let before = format!("{settings:?}");
        let request = settings.build().expect("valid settings").request;
        let shown = format!("{before} {request:?} {request}");
        assert!(shown.contains("https://o.example/a"), "{shown}");
        assert!(!shown.contains("s3cr3t"), "{shown}");
        let form = request.form("client_credentials");
        assert!(form.contains(&("resource", resource)));
    }

    #[test]
    fn s4_resource_must_be_an_absolute_uri_without_fragment() {
        let mut request = settings().request;
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
    fn first_invalid_setting_is_reported_by_build() {
        let mut settings = settings();
        settings.set(|request| request.set_max_token_bytes(0));
        settings.set(|request| request.add_scopes(["a b"]));
        settings.set(|request| request.set_max_token_bytes(1));
        let error = settings.build().expect_err("invalid");
        assert_eq!(error.setting(), "max_token_bytes");
    }

    #[test]
    fn form_contains_the_requested_scopes_resources_and_audience() {
        let mut request = settings().request;
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
