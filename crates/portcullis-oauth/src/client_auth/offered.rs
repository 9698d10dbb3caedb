//! The credentials that a client offers to a server.

use std::{sync::atomic::Ordering, time::Duration};

use portcullis_core::{Secret, clock::UnixTime};
use portcullis_jose::{SigningKey, SigningKeyError, random_jti};
use serde_json::json;
use url::Url;
use zeroize::Zeroizing;

use super::{
    ClientAuthentication, Method, SecretUse, credential::Credential, read_limit::ReadLimit,
};
use crate::FetchError;

/// The value of `client_assertion_type` (RFC 7523 §2.2).
const ASSERTION_TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/// The lifetime of an assertion, enough for its way to the server and a small difference of clocks.
const ASSERTION_LIFETIME: Duration = Duration::from_secs(60);

impl ClientAuthentication {
    /// The credentials, in the order in which they are offered to the server `issuer` at `endpoint`.
    pub(crate) async fn credentials(
        &self,
        issuer: Option<&str>,
        endpoint: &Url,
        now: UnixTime,
        timeout: Duration,
    ) -> Result<Vec<Credential>, FetchError> {
        // One limit for all sources together: each may hang.
        let limit = ReadLimit::starting_now(timeout);
        let id = self.client_id();
        let audience = match issuer {
            Some(issuer) if !self.endpoint_audience => issuer,
            _ => endpoint.as_str(),
        };
        let not_text = || {
            FetchError::credential(
                "the client's secret is not UTF-8, which a form requires: use HTTP Basic (`secret_basic`), or another secret",
            )
        };
        let cannot_sign = |error: SigningKeyError| {
            FetchError::credential(format!("cannot sign with a secret of client {id}: {error}"))
        };
        let mut credentials = match &self.method {
            Method::Secret(secrets, secret_use) => {
                let credentials = secrets.get(limit).await?.into_iter().map(|secret| {
                    let mut credential = match secret_use {
                        SecretUse::Basic => Credential::basic(id, secret.secret.expose()),
                        SecretUse::Post => {
                            let text = secret.secret.expose_str().ok_or_else(not_text)?;
                            Credential::form(id, [("client_secret", text.to_owned().into())])
                        }
                        SecretUse::Jwt(algorithm) => {
                            let key = SigningKey::from_secret(&secret.secret, *algorithm);
                            self.assertion(&key.map_err(cannot_sign)?, audience, now)?
                        }
                    };
                    credential.expires_at = secret.expires_at;
                    credential.secrets.push(secret.secret);
                    Ok(credential)
                });
                credentials.collect::<Result<Vec<_>, FetchError>>()?
            }
            Method::PrivateKeyJwt(keys) => {
                let keys = keys.get(limit).await?;
                let assertions = keys.iter().map(|key| self.assertion(key, audience, now));
                assertions.collect::<Result<_, _>>()?
            }
            Method::Tls => vec![Credential::form(id, [])],
        };
        if let Some(certificate) = &self.certificate {
            let (pem, end) = certificate.get(limit).await?;
            for credential in &mut credentials {
                let expires_at = credential.expires_at.map_or(end, |other| other.min(end));
                credential.expires_at = Some(expires_at);
                credential.identity = Some(pem.clone());
            }
        }
        for (index, credential) in credentials.iter_mut().enumerate() {
            credential.index = index;
        }
        let first = self.first.load(Ordering::Relaxed) % credentials.len();
        credentials.rotate_left(first);
        Ok(credentials)
    }

    pub(crate) fn offer_first_from_now(&self, credential: &Credential) {
        self.first.store(credential.index, Ordering::Relaxed);
    }

    /// A fresh assertion: a JWT signed by the client, as parameters of the request's form (RFC 7523 §2.2, §3).
    fn assertion(
        &self,
        key: &SigningKey,
        audience: &str,
        now: UnixTime,
    ) -> Result<Credential, FetchError> {
        let id = self.client_id();
        let cannot_sign =
            |error| FetchError::credential(format!("cannot sign the client's assertion: {error}"));
        let claims = json!({
            "iss": id,
            "sub": id,
            // A string rather than a list, so that the server sees that it is the only audience.
            "aud": audience,
            "jti": random_jti().map_err(cannot_sign)?,
            "iat": now.as_secs(),
            "exp": now.saturating_add(ASSERTION_LIFETIME).as_secs(),
        });
        let assertion = key.sign_compact(Some(&self.assertion_typ), &claims);
        let assertion = Zeroizing::new(assertion.map_err(cannot_sign)?);
        let secrets = vec![Secret::new(assertion.as_bytes())];
        let fields = [
            ("client_assertion_type", ASSERTION_TYPE.to_owned().into()),
            ("client_assertion", assertion),
        ];
        Ok(Credential {
            secrets,
            ..Credential::form(id, fields)
        })
    }
}

#[cfg(test)]
mod tests {
    use base64::prelude::{BASE64_URL_SAFE_NO_PAD, Engine as _};
    use portcullis_jose::Algorithm;

    use super::*;
    use crate::ClientSecrets;

    fn endpoint() -> Url {
        Url::parse("https://id.example/token").expect("a URL")
    }

    async fn offered(client: &ClientAuthentication) -> Vec<Credential> {
        let (endpoint, now) = (endpoint(), UnixTime::from_secs(1_000_000));
        let offered = client.credentials(Some("https://id.example"), &endpoint, now, Duration::MAX);
        offered.await.expect("credentials")
    }

    fn field<'a>(credential: &'a Credential, name: &str) -> &'a str {
        let found = credential.fields.iter().find(|(other, _)| *other == name);
        found.expect("the field").1.as_str()
    }

    #[tokio::test]
    async fn accepted_secret_is_offered_first() {
        let client = ClientAuthentication::secret_post("c", ClientSecrets::new(["new", "old"]));
        let secrets = async || {
            let credentials = offered(&client).await;
            let texts = credentials
                .iter()
                .map(|credential| field(credential, "client_secret").to_owned());
            (texts.collect::<Vec<_>>(), credentials)
        };
        let (texts, credentials) = secrets().await;
        assert_eq!(texts, ["new", "old"]);
        client.offer_first_from_now(&credentials[1]);
        let (texts, credentials) = secrets().await;
        assert_eq!(texts, ["old", "new"]);
        client.offer_first_from_now(&credentials[1]);
        assert_eq!(secrets().await.0, ["new", "old"]);
    }

    #[tokio::test]
    async fn assertion_is_fresh_and_addressed_to_the_issuer() {
        let secret = "a secret of at least 256 bits, that is";
        let client = ClientAuthentication::secret_jwt("billing", secret, Algorithm::HS256);
        let decoded = |assertion: &str| {
            let part = |index| {
                let part = assertion.split('.').nth(index).expect("three parts");
                let bytes = BASE64_URL_SAFE_NO_PAD.decode(part);
                let json = serde_json::from_slice::<serde_json::Value>(&bytes.expect("base64"));
                json.expect("JSON")
            };
            (part(0), part(1))
        };
        let credential = &offered(&client).await[0];
        assert_eq!(field(credential, "client_id"), "billing");
        assert_eq!(
            field(credential, "client_assertion_type"),
            "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
        );
        let (header, mut claims) = decoded(field(credential, "client_assertion"));
        assert_eq!(
            header,
            serde_json::json!({"alg": "HS256", "typ": "client-authentication+jwt"})
        );
        let id = claims
            .as_object_mut()
            .and_then(|claims| claims.remove("jti"));
        assert_eq!(
            claims,
            serde_json::json!({
                "iss": "billing", "sub": "billing", "aud": "https://id.example",
                "iat": 1_000_000, "exp": 1_000_060,
            })
        );
        let again = &offered(&client).await[0];
        let (_, claims) = decoded(field(again, "client_assertion"));
        assert_ne!(claims.get("jti"), id.as_ref());

        let older = client.clone().assertion_typ("JWT");
        let credential = &offered(&older).await[0];
        let (header, _) = decoded(field(credential, "client_assertion"));
        assert_eq!(header["typ"], "JWT");

        let older = client.dangerous_endpoint_audience();
        let credential = &offered(&older).await[0];
        let (_, claims) = decoded(field(credential, "client_assertion"));
        assert_eq!(claims["aud"], "https://id.example/token");
    }
}
