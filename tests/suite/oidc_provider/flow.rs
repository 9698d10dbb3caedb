//! A continuous flow of requests during a test. Each is checked against the validity of its token.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use portcullis_tests::{OidcProvider, Service};
use serde_json::Value;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::timeout;

use super::ORDERS;

const TIMEOUT: Duration = Duration::from_secs(30);

/// Callers that send requests continuously, alternating between a new token and a kept one.
pub(crate) struct Flow {
    progress: watch::Receiver<Progress>,
    _callers: JoinSet<()>,
}

/// The outcomes of the requests.
#[derive(Debug, Clone, Default)]
pub(crate) struct Progress {
    /// The number of accepted requests by the `kid` of their token.
    pub(crate) accepted: BTreeMap<String, usize>,
    /// Refusals of tokens whose key is withdrawn.
    pub(crate) withdrawn: usize,
    /// Refusals of tokens whose key is still published.
    pub(crate) lost: Vec<String>,
}

impl Flow {
    /// Starts one caller for each algorithm.
    pub(crate) fn start(
        provider: &Arc<OidcProvider>,
        service: &Arc<Service>,
        algorithms: &[&'static str],
    ) -> Self {
        let (sender, progress) = watch::channel(Progress::default());
        let mut callers = JoinSet::new();
        for algorithm in algorithms {
            callers.spawn(call(
                Arc::clone(provider),
                Arc::clone(service),
                algorithm,
                sender.clone(),
            ));
        }
        Self {
            progress,
            _callers: callers,
        }
    }

    /// Waits until `count` more requests under a `kid` have been accepted.
    pub(crate) async fn accepts_more(&mut self, kid: &str, count: usize) {
        let accepted = |progress: &Progress| progress.accepted.get(kid).copied().unwrap_or(0);
        let goal = accepted(&self.progress.borrow()) + count;
        let more = self
            .progress
            .wait_for(|progress| accepted(progress) >= goal);
        let reached = timeout(TIMEOUT, more).await.is_ok_and(|more| more.is_ok());
        assert!(
            reached,
            "{count} more requests under {kid}: {:?}",
            self.progress()
        );
    }

    /// The outcomes so far.
    pub(crate) fn progress(&self) -> Progress {
        self.progress.borrow().clone()
    }
}

async fn call(
    provider: Arc<OidcProvider>,
    service: Arc<Service>,
    algorithm: &'static str,
    progress: watch::Sender<Progress>,
) {
    let mut kept = provider.machine_token(algorithm, ORDERS).await;
    loop {
        let fresh = provider.machine_token(algorithm, ORDERS).await;
        for token in [&fresh, &kept] {
            let kid = kid(token);
            let answer = service.get_with_token("/orders", token).await;
            // The keys are read after the response, so a key that is published now was published during the request.
            let is_valid = provider.keys().await.iter().any(|key| key.kid == kid);
            progress.send_modify(|progress| match (answer.status, is_valid) {
                (200, _) => *progress.accepted.entry(kid).or_default() += 1,
                (401, false) => progress.withdrawn += 1,
                _ => progress.lost.push(format!("{algorithm}: {answer:?}")),
            });
        }
        if !provider
            .keys()
            .await
            .iter()
            .any(|key| key.kid == kid(&kept))
        {
            kept = fresh;
        }
    }
}

/// The `kid` of a token.
pub(crate) fn kid(token: &str) -> String {
    let header = token.split('.').next().expect("a first part");
    let header = BASE64_URL_SAFE_NO_PAD.decode(header).expect("base64url");
    let header: Value = serde_json::from_slice(&header).expect("JSON");
    header["kid"].as_str().expect("a string").to_owned()
}
