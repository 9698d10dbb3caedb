//! The files that a worker reads.

use std::{fs, path::PathBuf};

use portcullis::{
    ScopeSet,
    api_key::{KeyFile, NewKey},
    clock::{Clock, SystemClock},
};
use portcullis_test::TestIssuer;
use tempfile::TempDir;
use tokio::task::JoinSet;

use crate::worker::{options, orders_api};

/// A folder with a client secret in `secret`.
pub(crate) struct Files(TempDir);

impl Files {
    pub(crate) fn new(secret: &str) -> Self {
        let files = Self(TempDir::new().expect("a folder"));
        files.write("secret", secret);
        files
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    pub(crate) fn write(&self, name: &str, content: &str) {
        fs::write(self.path(name), content).expect("written");
    }

    /// Runs orders-api with an API key, which it writes to `key`.
    pub(crate) async fn orders_api(
        &self,
        issuer: &TestIssuer,
        scopes: ScopeSet,
    ) -> (String, JoinSet<()>) {
        let keys = self.path("keys.toml");
        let key = NewKey::new("billing").scopes(scopes);
        let key = KeyFile::at(&keys).create(key).expect("a key");
        self.write("key", &format!("{}\n", key.key().expose()));
        let keys = keys.display().to_string();
        orders_api(["--issuer", &issuer.url(), "--api-keys", &keys]).await
    }

    /// Writes an API key that no service knows to `key`.
    pub(crate) fn write_unknown_key(&self) -> String {
        let key = NewKey::new("billing").issue(SystemClock.now(), None);
        let key = key.expect("a key").key().expose().to_owned();
        self.write("key", &key);
        key
    }

    /// The options of a worker that calls an external service with the client secret.
    pub(crate) fn options(&self, orders: &str, issuer: &TestIssuer, more: &[&str]) -> Vec<String> {
        let mut options = options(orders, issuer, &self.path("secret"));
        options.extend(more.iter().copied().map(str::to_owned));
        options
    }

    /// The option for the API key in `key`.
    pub(crate) fn api_key_option(&self) -> [String; 2] {
        let key = self.path("key").display().to_string();
        ["--api-key-file".to_owned(), key]
    }
}
