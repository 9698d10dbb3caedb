//! What a token is asked for.

use std::{fmt, sync::Arc};

use portcullis_core::{ConfigError, Scope, ScopeSet, SharedClock, escape_url};
use portcullis_jose::DpopKey;
use tokio::runtime::Handle;
use url::Url;

use crate::token::Binding;

/// The grant by which a client gets tokens for itself (RFC 6749 §4.4).
pub(super) const CLIENT_CREDENTIALS: &str = "client_credentials";

/// The parameters of a request, beside how the client authenticates.
#[derive(Clone, Default)]
pub(crate) struct TokenRequest {
    pub(crate) scopes: ScopeSet,
    pub(crate) resources: Vec<Box<str>>,
    pub(crate) audience: Option<Box<str>>,
    /// `None`: the default.
    max_token_bytes: Option<usize>,
}

impl TokenRequest {
    /// What the services of this workspace take.
    const MAX_TOKEN_BYTES: usize = 8 * 1024;

    /// The most bytes that a token may have.
    pub(crate) fn longest_token(&self) -> usize {
        self.max_token_bytes.unwrap_or(Self::MAX_TOKEN_BYTES)
    }

    pub(crate) fn form<'f>(&'f self, grant: &'f str) -> Vec<(&'f str, &'f str)> {
        let mut form = vec![("grant_type", grant)];
        if !self.scopes.is_empty() {
            form.push(("scope", self.scopes.as_str()));
        }
        form.extend(
            self.resources
                .iter()
                .map(|resource| ("resource", &**resource)),
        );
        form.extend(
            self.audience
                .as_deref()
                .map(|audience| ("audience", audience)),
        );
        form
    }
}

/// Tells the tokens of one client apart, in a log.
impl fmt::Display for TokenRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.scopes.is_empty() {
            true => f.write_str("what is granted by itself")?,
            false => self.scopes.fmt(f)?,
        }
        for place in self.resources.iter().chain(&self.audience) {
            write!(f, " at {}", escape_url(place))?;
        }
        Ok(())
    }
}

/// Without the queries of resources, which may hold a secret.
impl fmt::Debug for TokenRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TokenRequest({self})")
    }
}

/// What is to be asked for, as it was given to a builder.
#[derive(Clone, Default)]
pub(crate) struct Wanted {
    scopes: Vec<String>,
    resources: Vec<String>,
    audience: Option<String>,
    dpop: Option<DpopKey>,
    max_token_bytes: Option<usize>,
}

/// As [`TokenRequest`], without the queries of resources.
impl fmt::Debug for Wanted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = |places: &[String]| -> Vec<String> {
            places.iter().map(|place| escape_url(place)).collect()
        };
        f.debug_struct("Wanted")
            .field("scopes", &self.scopes)
            .field("resources", &shown(&self.resources))
            .field("audience", &shown(self.audience.as_slice()))
            .field("dpop", &self.dpop)
            .finish()
    }
}

impl Wanted {
    pub(crate) fn scopes(&mut self, scopes: impl IntoIterator<Item = impl AsRef<str>>) {
        let scopes = scopes.into_iter();
        self.scopes
            .extend(scopes.map(|scope| scope.as_ref().to_owned()));
    }

    pub(crate) fn resource(&mut self, resource: String) {
        self.resources.push(resource);
    }

    pub(crate) fn audience(&mut self, audience: String) {
        self.audience = Some(audience);
    }

    pub(crate) fn dpop(&mut self, key: DpopKey) {
        self.dpop = Some(key);
    }

    pub(crate) fn max_token_bytes(&mut self, bytes: usize) {
        self.max_token_bytes = Some(bytes);
    }

    /// The request, and what its tokens are bound to, if each part can be used.
    pub(crate) fn build(
        self,
        clock: &SharedClock,
    ) -> Result<(TokenRequest, Option<Binding>), ConfigError> {
        let resources = self.resources.iter().map(|given| resource(given));
        let request = TokenRequest {
            scopes: scopes(&self.scopes)?,
            resources: resources.collect::<Result<_, _>>()?,
            audience: self.audience.map(String::into_boxed_str),
            max_token_bytes: self.max_token_bytes,
        };
        if request.longest_token() == 0 {
            return Err(ConfigError::new("max_token_bytes", "must be > 0"));
        }
        let binding = self.dpop.map(|key| Binding {
            key,
            nonces: Arc::default(),
            clock: clock.clone(),
        });
        Ok((request, binding))
    }
}

/// The runtime that the method of this name is called on.
pub(crate) fn runtime(method: &'static str) -> Result<Handle, ConfigError> {
    Handle::try_current().map_err(|_| {
        ConfigError::new(
            method,
            "there is no tokio runtime: call it on one that lives on",
        )
    })
}

/// Scopes as they were given, each of which must be one.
pub(crate) fn scopes(given: &[String]) -> Result<ScopeSet, ConfigError> {
    let scopes = given.iter().map(|scope| {
        Scope::parse(scope).map_err(|error| {
            ConfigError::new(
                "scopes",
                format!("{scope:?} is {error}: give each scope by itself"),
            )
        })
    });
    scopes.collect()
}

/// An absolute URI without a fragment (RFC 8707 §2).
fn resource(given: &str) -> Result<Box<str>, ConfigError> {
    let problem = |problem: &'static str| Err(ConfigError::new("resource", problem));
    match Url::parse(given) {
        Err(_) => {
            problem("it is no absolute URI: write all of it, such as https://orders.example.com")
        }
        Ok(url) if url.fragment().is_some() => problem(
            "it has a fragment, which a resource must not have: leave out the `#` and what follows",
        ),
        Ok(url) if !url.username().is_empty() || url.password().is_some() => {
            problem("it has a user name or password, which would appear in logs: remove them")
        }
        Ok(_) if given.contains(|char: char| char.is_whitespace() || char.is_control()) => {
            problem("it has white space in it")
        }
        Ok(_) => Ok(given.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_query_of_a_resource_is_not_shown() {
        let mut wanted = Wanted::default();
        wanted.resource("https://o.example/a?code=s3cr3t".to_owned());
        wanted.audience("https://o.example/b?code=s3cr3t".to_owned());
        let before = format!("{wanted:?}");
        let (request, _) = wanted
            .build(&portcullis_core::system_clock())
            .expect("fine");
        let shown = format!("{before} {request:?} {request}");
        assert!(shown.contains("https://o.example/a"), "{shown}");
        assert!(!shown.contains("s3cr3t"), "{shown}");
        let sent = request.form(CLIENT_CREDENTIALS);
        assert!(sent.contains(&("resource", "https://o.example/a?code=s3cr3t")));
    }

    #[test]
    fn s4_a_resource_is_an_absolute_uri_without_fragment() {
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
            assert_eq!(
                resource(bad).expect_err(bad).setting(),
                "resource",
                "{bad:?}"
            );
        }
    }

    #[test]
    fn each_scope_is_one() {
        let given = |scopes: &[&str]| {
            let given: Vec<_> = scopes.iter().map(|scope| (*scope).to_owned()).collect();
            super::scopes(&given).map(|scopes| scopes.to_string())
        };
        assert_eq!(given(&["b", "a"]).as_deref(), Ok("a b"));
        assert_eq!(given(&["a b"]).expect_err("two").setting(), "scopes");
        assert_eq!(given(&[""]).expect_err("none").setting(), "scopes");
    }

    #[test]
    fn a_form_holds_what_was_asked_for() {
        let request = TokenRequest {
            scopes: ScopeSet::parse("b a"),
            resources: vec!["https://a.example".into(), "https://b.example".into()],
            audience: Some("x".into()),
            ..TokenRequest::default()
        };
        assert_eq!(
            request.form(CLIENT_CREDENTIALS),
            [
                ("grant_type", "client_credentials"),
                ("scope", "a b"),
                ("resource", "https://a.example"),
                ("resource", "https://b.example"),
                ("audience", "x"),
            ]
        );
        assert_eq!(
            TokenRequest::default().form(CLIENT_CREDENTIALS),
            [("grant_type", "client_credentials")]
        );
    }
}
