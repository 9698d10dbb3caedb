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

/// What the package has for Debian's own set-up: the tables, and an administrator whose password is `password`.
const TABLES: &str = "/usr/share/dbconfig-common/data/glewlwyd/install/sqlite3";
const MODULES: &str = "/usr/lib/glewlwyd";

/// Those that the library's own tests of TLS are made with.
const CERTIFICATES: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/../crates/portcullis-remote/tests/remote/certificates"
);

/// A certificate that is signed by itself is shown to the server only if it is among these.
const AUTHORITIES: &str = concat!(
    include_str!("../../crates/portcullis-remote/tests/remote/certificates/client-authority.pem"),
    include_str!("../certificates/self-signed.pem"),
);

const PATIENCE: Duration = Duration::from_secs(30);

/// How often another port is tried: the one that was free may be taken when the server comes to it.
const PORTS: usize = 5;

const ORDERS: &str = "https://orders.example.com";
const SCOPES: [&str; 3] = ["orders:read", "orders:write", "reports:read"];

/// A running authorization server that speaks TLS; dropping it ends it.
///
/// Its access tokens follow RFC 9068, in ES384. Beside it runs one without TLS on the same tables, by which it is managed.
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
    /// When Debian's packages glewlwyd and sqlite3 are not installed; `cargo xtask test` does that.
    pub async fn start() -> Self {
        for _ in 0..PORTS {
            let folder = tempfile::tempdir().expect("a temporary folder");
            create_tables(&folder.path().join("tables")).await;
            fs::write(folder.path().join("authorities.pem"), AUTHORITIES)
                .expect("a file in a folder of ours");
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
            // It reads what was set up when it starts.
            if let Some(child) = spawn(folder.path(), "https", address).await {
                return Self {
                    issuer,
                    manager,
                    _child: child,
                    _folder: folder,
                };
            }
        }
        panic!("no port stayed free until glewlwyd came to it");
    }

    /// Its issuer identifier.
    #[must_use]
    pub fn issuer(&self) -> &str {
        &self.issuer
    }

    /// Adds a client, by its metadata (RFC 7591 §2). It may have the scopes `orders:read`, `orders:write` and
    /// `reports:read`, and asks for itself.
    ///
    /// # Panics
    ///
    /// When the server refuses.
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

    /// What the server tells a client of a token (RFC 7662).
    ///
    /// # Panics
    ///
    /// When the server refuses.
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

    /// Asks something of the interface for administrators.
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
    assert!(status.success(), "sqlite3 made no tables");
}

fn free_addresses() -> [SocketAddr; 2] {
    [(); 2]
        .map(|()| TcpListener::bind("127.0.0.1:0").expect("a free port"))
        .map(|listener| listener.local_addr().expect("a bound socket"))
}

/// A server that listens there; `None` if someone else does.
async fn spawn(folder: &Path, scheme: &str, address: SocketAddr) -> Option<Child> {
    let log = folder.join(format!("{scheme}.log"));
    let file = format!("{scheme}.conf");
    let output = || fs::File::options().create(true).append(true).open(&log);
    fs::write(folder.join(&file), configuration(scheme, address))
        .expect("a file in a folder of ours");
    let mut child = Command::new("glewlwyd")
        .arg("--config-file")
        .arg(file)
        .current_dir(folder)
        .stdin(Stdio::null())
        .stdout(output().expect("a file in a folder of ours"))
        .stderr(output().expect("a file in a folder of ours"))
        .kill_on_drop(true)
        .spawn()
        .expect(
            "glewlwyd is installed; run `cargo xtask test`, or `apt-get install glewlwyd sqlite3`",
        );
    let said = || fs::read_to_string(&log).unwrap_or_default();
    let started = async {
        loop {
            // It says so shortly before it listens.
            let says_so = said().contains("Glewlwyd started on port");
            if says_so && TcpStream::connect(address).await.is_ok() {
                return true;
            }
            if child.try_wait().expect("a child of ours").is_some() {
                return false;
            }
            sleep(Duration::from_millis(5)).await;
        }
    };
    let started = timeout(PATIENCE, started)
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
