//! The issuer that every contender trusts, on loopback.

use std::{thread, time::Duration};

use portcullis_bench_common::{SCOPES, Signer};
use portcullis_core::clock::{Clock, SystemClock};
use portcullis_jose::Algorithm;
use portcullis_test::{TestIssuer, TokenBuilder};
use tokio::runtime::Runtime;

pub use portcullis_bench_common::AUDIENCE;

/// The realm in the issuer's path, as Keycloak has it and axum-keycloak-auth requires it.
pub const REALM: &str = "bench";
const CLIENT: &str = "6f1c8f0e-billing-worker";
/// Longer than a run.
const LIFETIME: Duration = Duration::from_hours(1);

/// An issuer with one key.
pub struct Site {
    /// Runs the issuer, and the tasks that fetch its keys.
    pub runtime: Runtime,
    /// The issuer's key.
    pub signer: Signer,
    /// The issuer identifier.
    pub url: String,
    /// The URL of the key set.
    pub jwks_uri: String,
    /// The origin of [`url`](Self::url).
    pub origin: String,
    _issuer: TestIssuer,
}

impl Site {
    /// Starts an issuer.
    ///
    /// # Panics
    /// Without a free port.
    #[must_use]
    pub fn start(algorithm: Algorithm) -> Self {
        let signer = Signer::new(algorithm);
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .expect("a runtime");
        let builder = TestIssuer::builder()
            .path(&format!("realms/{REALM}"))
            .signing_key(&signer.key);
        let issuer = runtime.block_on(builder.start()).expect("a free port");
        let url = issuer.url();
        // OpenID Connect Discovery §3 requires it, and so does axum-keycloak-auth.
        issuer.metadata("authorization_endpoint", format!("{url}/authorize"));
        Self {
            jwks_uri: issuer.jwks_uri(),
            runtime,
            signer,
            origin: url.trim_end_matches(&format!("/realms/{REALM}")).to_owned(),
            url,
            _issuer: issuer,
        }
    }

    /// A builder for good tokens.
    ///
    /// They follow RFC 9068. aliri requires `nbf`, axum-keycloak-auth requires `typ` and `azp`.
    pub fn builder(&self) -> TokenBuilder {
        let now = SystemClock.now();
        TokenBuilder::new(&self.url, &self.signer.key, now)
            .audience(AUDIENCE)
            .scope(SCOPES)
            .client_id(CLIENT)
            .subject(CLIENT)
            .claim("azp", CLIENT)
            .claim("typ", "Bearer")
            .not_before(now)
            .expires_in(LIFETIME)
    }

    /// Distinct good tokens, minted on two threads.
    ///
    /// # Panics
    /// If a thread panics.
    #[must_use]
    pub fn mint(&self, count: usize) -> Vec<String> {
        let mint =
            |count: usize| -> Vec<String> { (0..count).map(|_| self.builder().mint()).collect() };
        thread::scope(|scope| {
            let other = scope.spawn(|| mint(count / 2));
            let mut tokens = mint(count - count / 2);
            tokens.extend(other.join().expect("minting does not panic"));
            tokens
        })
    }
}
