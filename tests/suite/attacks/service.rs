//! A running `orders-api` that accepts tokens and API keys.

use std::ops::Deref;

use portcullis_api_key::{KeyFile, NewKey};
use portcullis_core::{
    ScopeSet,
    clock::{Clock, SystemClock},
};
use portcullis_tests::{Response, Service};
use tempfile::TempDir;

use super::Findings;
use super::case::{Id, Outcome};
use super::world::{ISSUER, READ, World};

/// The service and one valid API key.
pub(super) struct OrdersApi {
    service: Service,
    api_key: String,
    _folder: TempDir,
}

impl OrdersApi {
    /// Starts a service that fetches the keys of its issuer from this URL, and waits until it has them.
    pub(super) async fn start(jwks_uri: &str) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join("keys.toml");
        let key = NewKey::new("billing").scopes(ScopeSet::parse(READ));
        let key = KeyFile::at(&path).create(key).expect("a key");
        let path = path.to_str().expect("a path in UTF-8");
        let arguments = [
            "--issuer",
            ISSUER,
            "--jwks-uri",
            jwks_uri,
            "--api-keys",
            path,
        ];
        // Refusals are logged at this level. The tests search the log for secrets.
        let variables = [("RUST_LOG", "debug")];
        Self {
            service: Service::spawn_with("orders-api", &arguments, &variables).await,
            api_key: key.key().expose().to_owned(),
            _folder: folder,
        }
    }

    /// The current credentials.
    pub(super) fn world(&self, elsewhere: impl Into<String>) -> World {
        World {
            now: SystemClock.now(),
            api_key: self.api_key.clone(),
            elsewhere: elsewhere.into(),
        }
    }
}

impl Deref for OrdersApi {
    type Target = Service;

    fn deref(&self) -> &Service {
        &self.service
    }
}

pub(super) fn outcome(response: &Response) -> Outcome {
    Outcome::new(response.status, response.all("www-authenticate"))
}

/// Only an outage has `Retry-After`, which is 1 to 30 s.
pub(super) fn check_retry_after(id: &Id, response: &Response, findings: &mut Findings) {
    let seconds = response
        .header("retry-after")
        .map(|seconds| seconds.parse::<u32>());
    let is_right = match seconds {
        None => response.status != 503,
        Some(Ok(1..=30)) => response.status == 503,
        Some(_) => false,
    };
    if !is_right {
        let finding = format!("{} with Retry-After {seconds:?}", response.status);
        findings.add(id, &finding);
    }
}
