//! How a client authenticates to an authorization server.

mod certificate;
mod credential;
mod credential_file;
mod keys;
mod offered;
mod read_limit;
mod secrets;
mod source;

use std::sync::{Arc, atomic::AtomicUsize};

use portcullis_core::ConfigError;
use portcullis_jose::{Algorithm, SigningKey};

pub(crate) use self::credential::Credential;
pub use self::{
    certificate::ClientCertificate,
    keys::ClientKeys,
    secrets::{ClientSecret, ClientSecrets},
    source::{CredentialProvider, ProviderFuture},
};

/// A client and its authentication method (RFC 6749 §2.3).
///
/// Clones are cheap. They share which of several secrets is offered first: the last one that the server did not reject.
///
/// ```
/// use portcullis_oauth::{ClientAuthentication, ClientSecrets};
///
/// let secret = ClientSecrets::file("/run/secrets/billing");
/// let client = ClientAuthentication::secret_basic("billing", secret);
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct ClientAuthentication {
    client_id: Arc<str>,
    method_name: &'static str,
    method: Method,
    certificate: Option<ClientCertificate>,
    endpoint_audience: bool,
    assertion_typ: Arc<str>,
    /// The index of the credential to offer first: the last one that was not rejected.
    first: Arc<AtomicUsize>,
}

#[derive(Clone, Debug)]
enum Method {
    Secret(ClientSecrets, SecretUse),
    PrivateKeyJwt(ClientKeys),
    /// The certificate is the only credential.
    Tls,
}

#[derive(Clone, Copy, Debug)]
enum SecretUse {
    Basic,
    Post,
    Jwt(Algorithm),
}

impl ClientAuthentication {
    /// `client_secret_basic`: HTTP Basic (RFC 6749 §2.3.1). Every server that issues secrets must support it.
    pub fn secret_basic(client_id: impl Into<String>, secrets: impl Into<ClientSecrets>) -> Self {
        let method = Method::Secret(secrets.into(), SecretUse::Basic);
        Self::new(client_id, "client_secret_basic", method)
    }

    /// `client_secret_post`: id and secret in the form, for servers without `client_secret_basic` (RFC 6749 §2.3.1).
    pub fn secret_post(client_id: impl Into<String>, secrets: impl Into<ClientSecrets>) -> Self {
        let method = Method::Secret(secrets.into(), SecretUse::Post);
        Self::new(client_id, "client_secret_post", method)
    }

    /// `client_secret_jwt`: an assertion signed with the secret, which is not sent (RFC 7523, OpenID Connect Core §9).
    /// `algorithm` is `HS256`, `HS384` or `HS512`; the secret must be at least as long as the hash.
    pub fn secret_jwt(
        client_id: impl Into<String>,
        secrets: impl Into<ClientSecrets>,
        algorithm: Algorithm,
    ) -> Self {
        let method = Method::Secret(secrets.into(), SecretUse::Jwt(algorithm));
        Self::new(client_id, "client_secret_jwt", method)
    }

    /// `private_key_jwt`: an assertion signed with the client's private key (RFC 7523 as updated by 7523bis), for each
    /// request. The assertion's audience is the server's issuer identifier, its type is `client-authentication+jwt`, and it
    /// expires after 1 min.
    pub fn private_key_jwt(client_id: impl Into<String>, keys: impl Into<ClientKeys>) -> Self {
        let method = Method::PrivateKeyJwt(keys.into());
        Self::new(client_id, "private_key_jwt", method)
    }

    /// `tls_client_auth`: a certificate from an authority that the server trusts (RFC 8705 §2.1). Tokens are bound to it
    /// (§3), so calls to services must present it too, through their own TLS connector.
    pub fn tls_client_auth(client_id: impl Into<String>, certificate: ClientCertificate) -> Self {
        Self::new(client_id, "tls_client_auth", Method::Tls).certificate(certificate)
    }

    /// `self_signed_tls_client_auth`: a certificate that is registered with the server (RFC 8705 §2.2). Tokens are bound
    /// to it (§3), so calls to services must present it too, through their own TLS connector.
    pub fn self_signed_tls_client_auth(
        client_id: impl Into<String>,
        certificate: ClientCertificate,
    ) -> Self {
        let name = "self_signed_tls_client_auth";
        Self::new(client_id, name, Method::Tls).certificate(certificate)
    }

    /// Presents this certificate in TLS in addition to another method, so that tokens are bound to it (RFC 8705 §3).
    /// Calls to services must present it too, through their own TLS connector.
    pub fn certificate(mut self, certificate: ClientCertificate) -> Self {
        self.certificate = Some(certificate);
        self
    }

    fn new(client_id: impl Into<String>, method_name: &'static str, method: Method) -> Self {
        Self {
            client_id: client_id.into().into(),
            method_name,
            method,
            certificate: None,
            endpoint_audience: false,
            // So that the assertion is not accepted as another kind of token (RFC 7523bis §4).
            assertion_typ: "client-authentication+jwt".into(),
            first: Arc::default(),
        }
    }

    /// Makes the endpoint's URL the audience of assertions, instead of the issuer identifier, for servers that accept only
    /// that. A hostile server can then obtain an assertion that another server of the same client accepts (RFC 7523bis).
    pub fn dangerous_endpoint_audience(mut self) -> Self {
        self.endpoint_audience = true;
        self
    }

    /// The header `typ` of assertions; `client-authentication+jwt` by default (RFC 7523bis §4). Some servers, such as
    /// Spring Authorization Server up to 1.5, accept only `JWT`.
    pub fn assertion_typ(mut self, typ: impl Into<String>) -> Self {
        self.assertion_typ = typ.into().into();
        self
    }

    /// The client's id (RFC 6749 §2.2).
    pub fn client_id(&self) -> &str {
        &self.client_id
    }

    /// The registered name of the method (RFC 7591 §2), such as `client_secret_basic`.
    pub fn method(&self) -> &'static str {
        self.method_name
    }

    /// What an operator should change about the credential files, as of their last read. Each warning is also logged.
    pub fn warnings(&self) -> Vec<String> {
        let warnings = match &self.method {
            Method::Secret(secrets, _) => secrets.0.warnings(),
            Method::PrivateKeyJwt(keys) => keys.warnings(),
            Method::Tls => Vec::new(),
        };
        let certificate = self.certificate.as_ref().map(ClientCertificate::warnings);
        [warnings, certificate.unwrap_or_default()].concat()
    }

    pub(crate) fn has_certificate(&self) -> bool {
        self.certificate.is_some()
    }

    pub(crate) fn is_by_certificate_only(&self) -> bool {
        matches!(self.method, Method::Tls)
    }

    /// Checks the configuration for a server with this issuer identifier.
    pub(crate) fn check(&self, issuer: Option<&str>) -> Result<(), ConfigError> {
        let id = self.client_id();
        if id.is_empty() || !id.bytes().all(|byte| matches!(byte, 0x20..=0x7e)) {
            let problem = "must be one or more printable ASCII characters: correct it";
            return Err(ConfigError::new("client_id", problem));
        }
        let typ = &*self.assertion_typ;
        if !(1..=127).contains(&typ.len()) || !typ.bytes().all(|byte| byte.is_ascii_graphic()) {
            let problem = "must be a media type, such as JWT";
            return Err(ConfigError::new("assertion_typ", problem));
        }
        match &self.method {
            Method::Secret(secrets, SecretUse::Basic | SecretUse::Post) => return secrets.check(),
            Method::Tls => return Ok(()),
            Method::PrivateKeyJwt(keys) => keys.check()?,
            Method::Secret(secrets, SecretUse::Jwt(algorithm)) => {
                secrets.check()?;
                if !algorithm.is_symmetric() {
                    let problem = format!(
                        "{algorithm} needs a private key: choose HS256, HS384 or HS512, or use `private_key_jwt`"
                    );
                    return Err(ConfigError::new("secret_jwt", problem));
                }
                for secret in secrets.0.values() {
                    SigningKey::from_secret(&secret.secret, *algorithm)
                        .map_err(|error| ConfigError::new("secrets", error.to_string()))?;
                }
            }
        }
        if issuer.is_none() && !self.endpoint_audience {
            let problem = "missing: it is the audience of the client's assertions; set the server's issuer identifier";
            return Err(ConfigError::new("issuer", problem));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unusable_settings_are_rejected() {
        let setting = |client: ClientAuthentication, issuer| {
            client.check(issuer).expect_err("it cannot").setting()
        };
        for id in ["", "a\nb", "ü"] {
            let client = ClientAuthentication::secret_basic(id, "s");
            assert_eq!(setting(client, None), "client_id", "{id:?}");
        }
        for typ in ["", "a b", "a\n", "ü"] {
            let client = ClientAuthentication::secret_basic("c", "s").assertion_typ(typ);
            assert_eq!(setting(client, None), "assertion_typ", "{typ:?}");
        }
        let basic = ClientAuthentication::secret_basic("a b:c", "s");
        basic.check(None).expect("it can");
        let long = "0123456789abcdef0123456789abcdef";
        let by = |algorithm| ClientAuthentication::secret_jwt("c", long, algorithm);
        assert_eq!(setting(by(Algorithm::ES256), Some("i")), "secret_jwt");
        assert_eq!(setting(by(Algorithm::HS256), None), "issuer");
        let older = by(Algorithm::HS256).dangerous_endpoint_audience();
        older.check(None).expect("it can");
        assert_eq!(setting(by(Algorithm::HS384), Some("i")), "secrets");
    }
}
