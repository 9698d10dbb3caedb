//! npm's oidc-provider, a certified authorization server, started by the test that needs it.

use std::env;
use std::net::SocketAddr;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Value, json};
use tokio::process::{Child, Command};
use url::{Url, form_urlencoded};

use crate::http::{Response, exchange};
use crate::script;

const FIXTURE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/oidc-provider");

const USER_CLIENT: &str = "https://orders.example.com"; // as in provider.mjs

/// A running authorization server. Dropping it stops it.
#[derive(Debug)]
pub struct OidcProvider {
    issuer: String,
    tls_origin: String,
    address: SocketAddr,
    _child: Child,
}

/// The tokens of a user's client.
#[derive(Debug)]
pub struct UserTokens {
    /// For the API, on behalf of the user.
    pub access_token: String,
    /// For the client. Its audience is the client id, which equals the identifier of the API.
    pub id_token: String,
}

/// A published key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Key {
    /// Its algorithm.
    pub algorithm: String,
    /// Its `kid`.
    pub kid: String,
    /// Whether tokens of its algorithm are signed with it. Other keys are only published.
    pub signing: bool,
    /// A digest of the public key.
    pub material: String,
}

impl OidcProvider {
    /// The secret of the clients of [`machine_token`](Self::machine_token), which are called `machine-` and the form.
    pub const MACHINE_SECRET: &str = "a secret of no value outside this test"; // as in provider.mjs

    /// Starts a server with one key for each algorithm.
    ///
    /// # Panics
    ///
    /// If Node or the server is not installed. `cargo xtask test` installs it.
    pub async fn start() -> Self {
        let node = env::var_os("PORTCULLIS_NODE").unwrap_or_else(|| "node".into());
        let mut command = Command::new(node);
        command.arg("server.mjs").current_dir(FIXTURE);
        let (child, started) = script::start(&mut command).await.expect(
            "oidc-provider starts; run `cargo xtask test`, or point PORTCULLIS_NODE at Node 20 or newer",
        );
        let issuer = text(&started, "issuer");
        let url = Url::parse(&issuer).expect("a URL");
        let address = url.socket_addrs(|| None).expect("a loopback address")[0];
        Self {
            issuer,
            tls_origin: text(&started, "tls_origin"),
            address,
            _child: child,
        }
    }

    /// The issuer identifier.
    #[must_use]
    pub fn issuer(&self) -> &str {
        &self.issuer
    }

    /// The origin of the `mtls_endpoint_aliases` (RFC 8705 §5), for clients with certificates.
    #[must_use]
    pub fn tls_origin(&self) -> &str {
        &self.tls_origin
    }

    /// A token by client credentials, with `orders:read` and `orders:write`, for a resource.
    ///
    /// The form is an algorithm's name, `opaque`, or `encrypted` (a JWE that contains a token signed with RS256).
    ///
    /// # Panics
    ///
    /// If the server refuses.
    pub async fn machine_token(&self, form: &str, resource: &str) -> String {
        let fields = [
            ("grant_type", "client_credentials"),
            ("resource", resource),
            ("scope", "orders:read orders:write"),
        ];
        let answer = self
            .post_form("/token", &format!("machine-{form}"), &fields)
            .await;
        text(&answer, "access_token")
    }

    /// The tokens of a user who signs in, with `orders:read` for <https://orders.example.com>, signed with RS256.
    ///
    /// The user signs in by OpenID Connect's backchannel authentication (CIBA), which needs no browser.
    ///
    /// # Panics
    ///
    /// If the server refuses.
    pub async fn user_tokens(&self) -> UserTokens {
        let request = [
            ("scope", "openid orders:read"),
            ("login_hint", "alice"),
            ("resource", "https://orders.example.com"),
        ];
        let begun = self.post_form("/backchannel", USER_CLIENT, &request).await;
        let id = text(&begun, "auth_req_id");
        let request = [
            ("grant_type", "urn:openid:params:grant-type:ciba"),
            ("auth_req_id", &id),
        ];
        let answer = self.post_form("/token", USER_CLIENT, &request).await;
        UserTokens {
            access_token: text(&answer, "access_token"),
            id_token: text(&answer, "id_token"),
        }
    }

    /// The published keys.
    ///
    /// # Panics
    ///
    /// If the server does not answer.
    pub async fn keys(&self) -> Vec<Key> {
        keys(&self.state().await)
    }

    /// The `kid` of the signing key of an algorithm.
    ///
    /// # Panics
    ///
    /// If the server does not answer.
    pub async fn signing_kid(&self, algorithm: &str) -> String {
        let keys = self.keys().await;
        let signs = |key: &Key| key.signing && key.algorithm == algorithm;
        keys.into_iter()
            .find(signs)
            .expect("a signing key for each algorithm")
            .kid
    }

    /// The number of requests for the key set.
    ///
    /// # Panics
    ///
    /// If the server does not answer.
    pub async fn key_set_fetches(&self) -> u64 {
        self.state().await["jwks_fetches"]
            .as_u64()
            .expect("a number")
    }

    /// Adds a key and signs with it at once.
    ///
    /// # Panics
    ///
    /// If the server refuses.
    pub async fn add_key(&self, algorithm: &str, kid: &str) {
        self.change("add", json!({ "alg": algorithm, "kid": kid }))
            .await;
    }

    /// Publishes a key without signing with it.
    ///
    /// # Panics
    ///
    /// If the server refuses.
    pub async fn publish_key(&self, algorithm: &str, kid: &str) {
        self.change("publish", json!({ "alg": algorithm, "kid": kid }))
            .await;
    }

    /// Signs with a published key from now on.
    ///
    /// # Panics
    ///
    /// If the server refuses.
    pub async fn sign_with(&self, kid: &str) {
        self.change("sign", json!({ "kid": kid })).await;
    }

    /// Removes a key that no longer signs from the set.
    ///
    /// # Panics
    ///
    /// If the server refuses.
    pub async fn withdraw_key(&self, kid: &str) {
        self.change("withdraw", json!({ "kid": kid })).await;
    }

    /// Replaces all keys at once, each by a new key with a new `kid`.
    ///
    /// # Panics
    ///
    /// If the server refuses.
    pub async fn replace_all_keys(&self) {
        self.change("replaceAll", json!({})).await;
    }

    /// Replaces a key under the same `kid`.
    ///
    /// # Panics
    ///
    /// If the server refuses.
    pub async fn renew_key(&self, kid: &str) {
        self.change("rekey", json!({ "kid": kid })).await;
    }

    /// Adds or replaces a client, by its metadata (RFC 7591 §2). It may have any scope, and uses client credentials.
    ///
    /// # Panics
    ///
    /// If the server refuses.
    pub async fn register(&self, client: &Value) {
        self.command("clients/register", client).await;
    }

    /// Introspects a token (RFC 7662).
    ///
    /// # Panics
    ///
    /// If the server refuses.
    pub async fn introspect(&self, token: &str) -> Value {
        self.post_form(
            "/token/introspection",
            "machine-opaque",
            &[("token", token)],
        )
        .await
    }

    async fn change(&self, name: &str, options: Value) {
        self.command(&format!("keys/{name}"), &options).await;
    }

    async fn command(&self, name: &str, options: &Value) {
        let (path, options) = (format!("/_test/{name}"), options.to_string());
        let response = self.post(&path, "application/json", "", &options).await;
        assert_eq!(response.status, 200, "{name}: {}", response.text());
    }

    async fn state(&self) -> Value {
        crate::get(self.address, "/_test/state", &[]).await.json()
    }

    /// RFC 6749 §2.3.1: the client's name and secret are form-encoded before they become Basic credentials.
    async fn post_form(&self, path: &str, client: &str, fields: &[(&str, &str)]) -> Value {
        let encode =
            |text: &str| form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
        let credentials = BASE64_STANDARD.encode(format!(
            "{}:{}",
            encode(client),
            encode(Self::MACHINE_SECRET)
        ));
        let form = form_urlencoded::Serializer::new(String::new())
            .extend_pairs(fields)
            .finish();
        let header = format!("authorization: Basic {credentials}\r\n");
        let response = self
            .post(path, "application/x-www-form-urlencoded", &header, &form)
            .await;
        assert_eq!(
            response.status,
            200,
            "{path} for {client}: {}",
            response.text()
        );
        response.json()
    }

    async fn post(&self, path: &str, content_type: &str, headers: &str, body: &str) -> Response {
        let (address, length) = (self.address, body.len());
        let head =
            format!("POST {path} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n{headers}");
        exchange(
            address,
            format!("{head}content-type: {content_type}\r\ncontent-length: {length}\r\n\r\n{body}"),
        )
        .await
    }
}

fn keys(state: &Value) -> Vec<Key> {
    let keys = state["keys"].as_array().expect("a list of keys");
    keys.iter()
        .map(|key| Key {
            algorithm: text(key, "alg"),
            kid: text(key, "kid"),
            signing: key["signing"].as_bool().expect("a boolean"),
            material: text(key, "material"),
        })
        .collect()
}

fn text(object: &Value, member: &str) -> String {
    object[member]
        .as_str()
        .unwrap_or_else(|| panic!("no {member} in {object}"))
        .to_owned()
}
