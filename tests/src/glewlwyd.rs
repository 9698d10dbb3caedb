//! Debian's glewlwyd, an authorization server in C, started by the test that needs it.

use std::fs;
use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use portcullis_test::{SigningAlgorithm, TestKey};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::net::TcpStream;
use tokio::process::{Child, Command};
use tokio::time::{sleep, timeout};
use url::form_urlencoded;

use crate::http::{Response, exchange};

/// Files of Debian's package: the tables, and an administrator with the password `password`.
const TABLES: &str = "/usr/share/dbconfig-common/data/glewlwyd/install/sqlite3";
const MODULES: &str = "/usr/lib/glewlwyd";

/// The certificates of the tests of `portcullis-remote`.
const CERTIFICATES: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/../crates/portcullis-remote/tests/remote/certificates"
);

/// The server requests client certificates of these authorities only, so self-signed certificates are listed too.
const AUTHORITIES: &str = concat!(
    include_str!("../../crates/portcullis-remote/tests/remote/certificates/client-authority.pem"),
    include_str!("../certificates/self-signed.pem"),
);

const TIMEOUT: Duration = Duration::from_secs(30);

/// How many ports are tried. Another process may take a free port before the server does.
const PORTS: usize = 5;

const ORDERS: &str = "https://orders.example.com";
const SCOPES: [&str; 3] = ["orders:read", "orders:write", "reports:read"];

/// A running authorization server with TLS. Dropping it stops it.
///
/// Its access tokens follow RFC 9068 and are signed with ES384. A second server without TLS on the same tables manages it.
#[derive(Debug)]
pub struct Glewlwyd {
    issuer: String,
    manager: Manager,
    _child: Child,
    _folder: TempDir,
}

#[derive(Debug)]
struct Manager {
    address: SocketAddr,
    session: String,
    _child: Child,
}

impl Glewlwyd {
    /// Starts a server that issues tokens for <https://orders.example.com>.
    ///
    /// # Panics
    ///
    /// If Debian's packages glewlwyd and sqlite3 are not installed. `cargo xtask test` installs them.
    pub async fn start() -> Self {
        for _ in 0..PORTS {
            let folder = tempfile::tempdir().expect("a temporary folder");
            create_tables(&folder.path().join("tables")).await;
            fs::write(folder.path().join("authorities.pem"), AUTHORITIES)
                .expect("a file in the temporary folder");
            let [address, managing] = free_addresses();
            let issuer = format!("https://{address}/api/oidc");
            let Some(child) = spawn(folder.path(), "http", managing).await else {
                continue;
            };
            let mut manager = Manager {
                address: managing,
                session: String::new(),
                _child: child,
            };
            manager.set_up(&issuer).await;
            // The server reads its configuration when it starts.
            if let Some(child) = spawn(folder.path(), "https", address).await {
                return Self {
                    issuer,
                    manager,
                    _child: child,
                    _folder: folder,
                };
            }
        }
        panic!("glewlwyd found no free port");
    }

    /// The issuer identifier.
    #[must_use]
    pub fn issuer(&self) -> &str {
        &self.issuer
    }

    /// Adds a client, by its metadata (RFC 7591 §2). It may have the scopes `orders:read`, `orders:write` and
    /// `reports:read`, and uses client credentials.
    ///
    /// # Panics
    ///
    /// If the server refuses.
    pub async fn register(&self, client: &Value) {
        let mut own = json!({
            "name": client["client_id"],
            "confidential": true,
            "enabled": true,
            "authorization_type": ["client_credentials"],
            "redirect_uri": [],
            "resource": [ORDERS],
            "scope": SCOPES,
        });
        let metadata = client.as_object().expect("metadata are an object");
        own.as_object_mut()
            .expect("an object")
            .extend(metadata.clone());
        own["token_endpoint_auth_method"] = json!([client["token_endpoint_auth_method"]]);
        self.manager.manage("/client/", &own).await;
    }

    /// Introspects a token as a client (RFC 7662).
    ///
    /// # Panics
    ///
    /// If the server refuses.
    pub async fn introspect(&self, client: &str, secret: &str, token: &str) -> Value {
        let credentials = BASE64_STANDARD.encode(format!("{client}:{secret}"));
        let form = form_urlencoded::Serializer::new(String::new())
            .append_pair("token", token)
            .finish();
        let headers = format!(
            "authorization: Basic {credentials}\r\ncontent-type: application/x-www-form-urlencoded\r\n"
        );
        self.manager
            .post("/oidc/introspect", &headers, &form)
            .await
            .json()
    }
}

impl Manager {
    async fn set_up(&mut self, issuer: &str) {
        let administrator = json!({ "username": "admin", "password": "password" });
        let answer = self.manage("/auth/", &administrator).await;
        let cookie = answer.header("set-cookie").expect("a session");
        cookie
            .split(';')
            .next()
            .unwrap_or_default()
            .clone_into(&mut self.session);
        for scope in SCOPES {
            let scope = json!({ "name": scope, "display_name": scope, "password_required": false, "scheme": {} });
            self.manage("/scope/", &scope).await;
        }
        let keys = json!({ "keys": [TestKey::shared(SigningAlgorithm::ES384, 0).private_jwk()] });
        let parameters = json!({
            "iss": issuer,
            "jwks-private": keys.to_string(),
            "jwks-show": true,
            "code-duration": 600,
            "refresh-token-duration": 600,
            "access-token-duration": 600,
            "allow-non-oidc": true,
            "auth-type-client-enabled": true,
            "request-parameter-allow": true, // client assertions, too
            "client-jwks-parameter": "jwks",
            "client-cert-source": "TLS",
            "client-cert-self-signed-allowed": true,
            "client-cert-use-endpoint-aliases": true,
            "oauth-dpop-allowed": true,
            "oauth-dpop-iat-duration": 60,
            "oauth-dpop-nonce-mandatory": true,
            "oauth-dpop-nonce-counter": 1,
            "resource-allowed": true,
            "resource-client-property": "resource",
            "introspection-revocation-allowed": true,
            "introspection-revocation-allow-target-client": true,
        });
        let plugin = json!({
            "module": "oidc",
            "name": "oidc",
            "display_name": "OpenID Connect",
            "parameters": parameters,
        });
        self.manage("/mod/plugin/", &plugin).await;
    }

    /// Sends a request to the interface for administrators.
    async fn manage(&self, path: &str, what: &Value) -> Response {
        let session = &self.session;
        let headers = format!("cookie: {session}\r\ncontent-type: application/json\r\n");
        self.post(path, &headers, &what.to_string()).await
    }

    async fn post(&self, path: &str, headers: &str, body: &str) -> Response {
        let (address, length) = (self.address, body.len());
        let head = format!(
            "POST /api{path} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n{headers}"
        );
        let answer = exchange(
            address,
            format!("{head}content-length: {length}\r\n\r\n{body}"),
        )
        .await;
        assert_eq!(answer.status, 200, "{path}: {}", answer.text());
        answer
    }
}

async fn create_tables(path: &Path) {
    let tables = fs::File::open(TABLES).expect(
        "glewlwyd is installed; run `cargo xtask test`, or `apt-get install glewlwyd sqlite3`",
    );
    let status = Command::new("sqlite3")
        .arg(path)
        .stdin(tables)
        .status()
        .await
        .expect(
            "sqlite3 is installed; run `cargo xtask test`, or `apt-get install glewlwyd sqlite3`",
        );
    assert!(status.success(), "sqlite3 failed to create the tables");
}

fn free_addresses() -> [SocketAddr; 2] {
    [(); 2]
        .map(|()| TcpListener::bind("127.0.0.1:0").expect("a free port"))
        .map(|listener| listener.local_addr().expect("a bound socket"))
}

/// A server that listens at the address. `None` if another process does.
async fn spawn(folder: &Path, scheme: &str, address: SocketAddr) -> Option<Child> {
    let log = folder.join(format!("{scheme}.log"));
    let file = format!("{scheme}.conf");
    let output = || fs::File::options().create(true).append(true).open(&log);
    fs::write(folder.join(&file), configuration(scheme, address))
        .expect("a file in the temporary folder");
    let mut child = Command::new("glewlwyd")
        .arg("--config-file")
        .arg(file)
        .current_dir(folder)
        .stdin(Stdio::null())
        .stdout(output().expect("a file in the temporary folder"))
        .stderr(output().expect("a file in the temporary folder"))
        .kill_on_drop(true)
        .spawn()
        .expect(
            "glewlwyd is installed; run `cargo xtask test`, or `apt-get install glewlwyd sqlite3`",
        );
    let said = || fs::read_to_string(&log).unwrap_or_default();
    let started = async {
        loop {
            // The server logs this shortly before it listens.
            let has_started = said().contains("Glewlwyd started on port");
            if has_started && TcpStream::connect(address).await.is_ok() {
                return true;
            }
            if child.try_wait().expect("a child process").is_some() {
                return false;
            }
            sleep(Duration::from_millis(5)).await;
        }
    };
    let started = timeout(TIMEOUT, started)
        .await
        .expect("the server starts in time");
    let is_port_taken = said().contains("Failed to bind to port");
    assert!(started || is_port_taken, "glewlwyd ended: {}", said());
    started.then_some(child)
}

fn configuration(scheme: &str, address: SocketAddr) -> String {
    let (ip, port, is_secure) = (address.ip(), address.port(), scheme == "https");
    format!(
        r#"
        port = {port}
        bind_address = "{ip}"
        external_url = "{scheme}://{address}"
        api_prefix = "api"
        login_url = "login.html"
        log_mode = "console"
        log_level = "INFO"
        session_key = "session"
        admin_scope = "g_admin"
        profile_scope = "g_profile"
        hash_algorithm = "SHA512"
        user_module_path = "{MODULES}/user"
        client_module_path = "{MODULES}/client"
        user_auth_scheme_module_path = "{MODULES}/scheme"
        plugin_module_path = "{MODULES}/plugin"
        use_secure_connection = {is_secure}
        secure_connection_key_file = "{CERTIFICATES}/localhost.key"
        secure_connection_pem_file = "{CERTIFICATES}/localhost.pem"
        secure_connection_ca_file = "authorities.pem"
        database = {{ type = "sqlite3", path = "tables" }}
        "#
    )
}
