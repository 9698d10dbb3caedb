//! An issuer on loopback, and the tokens that every contender accepts.

use std::{thread, time::Duration};

use portcullis_bench_suite::{SCOPES, Signer};
use portcullis_core::{Clock, SystemClock};
use portcullis_jwt::Algorithm;
use portcullis_test::{TestIssuer, TokenBuilder};
use tokio::runtime::Runtime;

/// Whom tokens are meant for.
pub const AUDIENCE: &str = portcullis_bench_suite::AUDIENCE;
/// The realm in the issuer's path: Keycloak's shape, which one rival requires.
pub const REALM: &str = "bench";
/// The caller that tokens are issued to.
const CLIENT: &str = "6f1c8f0e-billing-worker";
/// Longer than any run.
const LIFETIME: Duration = Duration::from_hours(1);

/// An issuer with one key.
pub struct Site {
    /// Where the issuer lives, and the tasks of those that fetch its keys.
    pub runtime: Runtime,
    /// The key pair, and its algorithm.
    pub signer: Signer,
    /// The issuer's identifier.
    pub url: String,
    /// Where its key set is.
    pub jwks_uri: String,
    /// The origin that [`url`](Self::url) is under.
    pub origin: String,
    /// Kept, since it stops when dropped.
    _issuer: TestIssuer,
}

impl Site {
    /// Starts one.
    ///
    /// # Panics
    /// Where no thread can be started or no port be had.
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
            .signing_key(signer.key());
        let issuer = runtime.block_on(builder.start()).expect("a free port");
        // Required by OpenID Connect Discovery §3, and by one rival; there are no users here to authorize.
        issuer.metadata(
            "authorization_endpoint",
            format!("{}/authorize", issuer.url()),
        );
        let url = issuer.url();
        let origin = url.trim_end_matches(&format!("/realms/{REALM}")).to_owned();
        Self {
            jwks_uri: issuer.jwks_uri(),
            runtime,
            signer,
            origin,
            url,
            _issuer: issuer,
        }
    }

    /// The algorithm.
    #[must_use]
    pub fn algorithm(&self) -> Algorithm {
        self.signer.algorithm
    }

    /// A good token, to be changed.
    ///
    /// It follows RFC 9068. `nbf` is there since aliri refuses tokens without it when it is to check it; `typ` and
    /// `azp` since axum-keycloak-auth asks for them.
    pub fn builder(&self) -> TokenBuilder {
        let now = SystemClock.now();
        TokenBuilder::new(&self.url, self.signer.key(), now)
            .audience(AUDIENCE)
            .scope(SCOPES)
            .client_id(CLIENT)
            .subject(CLIENT)
            .claim("azp", CLIENT)
            .claim("typ", "Bearer")
            .not_before(now)
            .expires_in(LIFETIME)
    }

    /// So many good tokens, all different, made on two threads.
    ///
    /// # Panics
    /// Where a thread panics.
    #[must_use]
    pub fn mint(&self, count: usize) -> Vec<String> {
        let some = |count: usize| {
            (0..count)
                .map(|_| self.builder().mint())
                .collect::<Vec<_>>()
        };
        thread::scope(|scope| {
            let other = scope.spawn(|| some(count / 2));
            let mut tokens = some(count - count / 2);
            tokens.extend(other.join().expect("minting does not panic"));
            tokens
        })
    }
}
