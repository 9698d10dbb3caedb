//! Authorization servers with one registered client, which uses client credentials.

use std::path::Path;
use std::{env, fs};

use tempfile::TempDir;
use tokio::process::{Child, Command};
use url::Url;

use crate::get;
use crate::script;

/// A running authorization server. Dropping it stops it.
///
/// Its access tokens are for <https://orders.example.com>.
#[derive(Debug)]
pub struct ScriptedServer {
    issuer: String,
    folder: TempDir,
    _child: Child,
}

impl ScriptedServer {
    /// The id of the client.
    pub const CLIENT_ID: &str = "billing"; // as in the scripts
    /// The secret of the client.
    pub const SECRET: &str = "a-secret.of_no~value-outside-this-test"; // as in the scripts

    /// Starts the portal of Debian's LemonLDAP::NG. The client may have the scope `orders:read`.
    ///
    /// # Panics
    ///
    /// If its packages are not installed. `cargo xtask test` installs them.
    pub async fn lemonldap_ng() -> Self {
        Self::start("perl", "lemonldap-ng/server.pl").await
    }

    /// Starts Django with PyPI's django-oauth-toolkit. The client may have the scopes `orders:read` and `reports:read`.
    ///
    /// # Panics
    ///
    /// If its packages are not installed. `cargo xtask test` installs them.
    pub async fn django_oauth_toolkit() -> Self {
        let python = env::var("PORTCULLIS_PYTHON").unwrap_or_else(|_| "python3".to_owned());
        Self::start(&python, "django-oauth-toolkit/server.py").await
    }

    async fn start(interpreter: &str, script: &str) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let log =
            fs::File::create(folder.path().join("log")).expect("a file in the temporary folder");
        let mut command = Command::new(interpreter);
        command
            .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join(script))
            .arg(folder.path())
            .current_dir(folder.path())
            .stderr(log);
        let (child, started) = script::start(&mut command).await.unwrap_or_else(|error| {
            let log = read_log(folder.path());
            panic!("{error}; `cargo xtask test` installs what it needs\n{log}")
        });
        let issuer = started["issuer"].as_str().expect("a string").to_owned();
        let server = Self {
            issuer,
            folder,
            _child: child,
        };
        server.check().await;
        server
    }

    /// Checks that the server is configured, because it listens in any case.
    async fn check(&self) {
        let url = Url::parse(&self.issuer).expect("a URL");
        let address = url.socket_addrs(|| None).expect("a loopback address")[0];
        let path = url.path().trim_end_matches('/');
        let metadata = format!("{path}/.well-known/openid-configuration");
        let answer = get(address, &metadata, &[]).await;
        let log = || read_log(self.folder.path());
        assert_eq!(answer.status, 200, "{}\n{}", answer.text(), log());
    }

    /// The issuer identifier.
    #[must_use]
    pub fn issuer(&self) -> &str {
        &self.issuer
    }

    /// The folder with its state.
    #[must_use]
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }
}

fn read_log(folder: &Path) -> String {
    fs::read_to_string(folder.join("log")).unwrap_or_default()
}
