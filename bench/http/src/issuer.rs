//! The issuer whose keys the services fetch.

use std::{sync::mpsc, thread, time::Duration};

use portcullis_test::{SigningAlgorithm, TestIssuer};
use tokio::sync::oneshot;

/// Longer than a run takes.
const LIFETIME: Duration = Duration::from_secs(4 * 60 * 60);

/// An issuer on a thread of its own, which sleeps while services are measured but for their refreshes of its keys, one
/// a minute at most.
pub(crate) struct Issuer {
    /// Its URL.
    pub(crate) url: String,
    /// Whom its tokens are meant for.
    pub(crate) audience: String,
    /// A token that every service accepts for the whole run.
    pub(crate) token: String,
    _stop: oneshot::Sender<()>,
}

impl Issuer {
    /// Starts one; dropping it ends it.
    pub(crate) fn start(algorithm: SigningAlgorithm) -> Self {
        let (stop, stopped) = oneshot::channel::<()>();
        let (send, started) = mpsc::channel();
        thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .expect("a runtime");
            runtime.block_on(async {
                let issuer = TestIssuer::builder()
                    .algorithm(algorithm)
                    .token_lifetime(LIFETIME)
                    .start()
                    .await
                    .expect("a free port of loopback");
                let token = issuer
                    .token()
                    .scope("orders:read orders:write reports:read");
                let parts = (
                    issuer.url(),
                    issuer.audience().to_owned(),
                    token.expires_in(LIFETIME).mint(),
                );
                send.send(parts).ok();
                stopped.await.ok();
            });
        });
        let (url, audience, token) = started.recv().expect("the issuer starts");
        Self {
            url,
            audience,
            token,
            _stop: stop,
        }
    }
}
