//! A token source against an issuer, over real sockets and with a manual clock.

mod credentials;
mod endpoints;
mod exchange;
mod outages;
mod recurring_outages;
mod rejections;
mod renewal;
mod responses;
mod revocation;
mod set;
mod shut_down;
mod unusable_secrets;

use std::time::Duration;

use portcullis_client::{
    AccessToken, AuthorizationServer, AuthorizationServerBuilder, ClientAuthentication,
    ClientCertificate, HttpSettings, TokenError, TokenEvent, TokenSource, TokenSourceBuilder,
};
use portcullis_test::{
    DEFAULT_CLIENT_ID, DEFAULT_CLIENT_SECRET, Endpoint, ManualClock, TestIssuer,
};
use tokio::sync::broadcast;

/// An issuer of tokens that live for a minute, a source of them, and their clock.
struct Setting {
    issuer: TestIssuer,
    clock: ManualClock,
    source: TokenSource,
    events: broadcast::Receiver<TokenEvent>,
}

const MINUTE: Duration = Duration::from_secs(60);
/// Only a failing test reaches this.
const TIMEOUT: Duration = Duration::from_secs(20);

const fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn client() -> ClientAuthentication {
    ClientAuthentication::secret_basic(DEFAULT_CLIENT_ID, DEFAULT_CLIENT_SECRET)
}

/// A client that authenticates by certificate only.
fn certified() -> ClientAuthentication {
    const CERTIFICATE: &[u8] =
        include_bytes!("../../../portcullis-remote/tests/remote/certificates/client-1.pem");
    const KEY: &[u8] =
        include_bytes!("../../../portcullis-remote/tests/remote/certificates/client-1.key");

    ClientAuthentication::tls_client_auth("billing", ClientCertificate::new(CERTIFICATE, KEY))
}

/// The forms that an endpoint received, oldest first.
fn forms(issuer: &TestIssuer, endpoint: Endpoint) -> Vec<String> {
    let requests = issuer.recorded().into_iter();
    let requests = requests.filter(|request| request.endpoint == endpoint);
    requests
        .map(|request| String::from_utf8(request.body.to_vec()).expect("text"))
        .collect()
}

/// Awaits a future that must not hang.
async fn in_time<T>(future: impl Future<Output = T>) -> T {
    let future = tokio::time::timeout(TIMEOUT, future);
    future.await.expect("completion within the timeout")
}

impl Setting {
    async fn new() -> Self {
        Self::of(client(), |source| source).await
    }

    /// With a short timeout for the server.
    async fn quick() -> Self {
        let settings = HttpSettings::default().timeout(Duration::from_millis(500));
        let quick = |server: AuthorizationServerBuilder| server.http(settings);
        Self::at(quick, client(), |source| source).await
    }

    async fn of(
        client: ClientAuthentication,
        change: impl FnOnce(TokenSourceBuilder) -> TokenSourceBuilder,
    ) -> Self {
        Self::at(|server| server, client, change).await
    }

    async fn at(
        server: impl FnOnce(AuthorizationServerBuilder) -> AuthorizationServerBuilder,
        client: ClientAuthentication,
        change: impl FnOnce(TokenSourceBuilder) -> TokenSourceBuilder,
    ) -> Self {
        let clock = ManualClock::starting_now();
        let issuer = TestIssuer::builder()
            .clock(clock.clone())
            .token_lifetime(MINUTE)
            .start()
            .await
            .expect("an issuer");
        let discovered = AuthorizationServer::discover(issuer.url()).clock(clock.shared());
        let server = server(discovered).build().expect("a server");
        let source = change(TokenSource::builder(&server, client));
        let source = source.build().expect("a source");
        let events = source.events();
        Self {
            issuer,
            clock,
            source,
            events,
        }
    }

    fn token_requests(&self) -> usize {
        self.issuer.requests(Endpoint::Token)
    }

    async fn token(&self) -> Result<AccessToken, TokenError> {
        self.source.token().await
    }

    /// The next event.
    async fn event(&mut self) -> TokenEvent {
        in_time(self.events.recv()).await.expect("an event")
    }
}
