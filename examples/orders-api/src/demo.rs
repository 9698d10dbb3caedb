//! The demonstration: an issuer in this process, an API key, and how to call.

use std::{
    error::Error,
    fs,
    io::{self, Write},
    net::SocketAddr,
    os::unix::fs::OpenOptionsExt,
    path::Path,
};

use portcullis::{
    Scope, ScopeSet,
    api_key::{ApiKey, Created, IssuedKey, KeyManager, NewKey},
    clock::{Clock, SystemClock},
    sql::SqlStore,
};
use portcullis_test::TestIssuer;
use tempfile::TempDir;

use crate::{args::Args, key_place::KeyPlace};

const CLIENT: &str = "demo";
const SCOPES: [&str; 4] = [
    "orders:read",
    "orders:write",
    "orders:admin",
    "reports:read",
];
const OPERATOR: &str = "operator";
const OPERATOR_SCOPES: &str = "keys:admin keys:read keys:write keys:introspect";
const READ: Scope = Scope::from_static("orders:read");

/// The running demonstration. Dropping it stops it and removes its files.
pub(crate) struct Demo {
    issuer: TestIssuer,
    /// The key for the page.
    operator: ApiKey,
    folder: TempDir,
}

impl Demo {
    /// Starts the issuer, creates the key, and sets the options in `args`.
    pub(crate) async fn start(args: &mut Args) -> Result<Self, Box<dyn Error>> {
        for (flag, address) in [
            ("--listen", args.listen),
            ("--demo-issuer-listen", args.demo_issuer_listen),
        ] {
            if !address.ip().is_loopback() {
                return Err(format!(
                    "{flag} {address} is not loopback, and the demonstration's issuer hands tokens to whoever has its \
                     secret: use a loopback address, or configure --issuer or --api-keys"
                )
                .into());
            }
        }
        if args.profile.name() != "rfc9068" || args.profile_file.is_some() {
            return Err(
                "--profile and --profile-file need --issuer: the demonstration's issuer follows RFC 9068".into(),
            );
        }
        let folder = tempfile::Builder::new().prefix("orders-api-").tempdir()?;
        // The text of an API key is a good secret.
        let secret = NewKey::new(CLIENT).issue(SystemClock.now(), None)?;
        let secret = secret.key().expose();
        write_private(&folder.path().join("client-secret"), secret.as_bytes())?;

        let mut issuer = TestIssuer::builder()
            .listen(args.demo_issuer_listen)
            .client(CLIENT, secret, SCOPES);
        for audience in &args.audiences {
            issuer = issuer.audience(audience);
        }
        let issuer = issuer
            .start()
            .await
            .map_err(|error| format!("{error}: give another --demo-issuer-listen"))?;

        let url = format!("sqlite://{}", folder.path().join("keys.db").display());
        let store = SqlStore::builder(&url).migrate(true).connect().await?;
        let key = create(
            &store,
            NewKey::new(CLIENT).scopes(ScopeSet::from_iter([READ])),
        )
        .await?;
        let key = key.key().expose();
        write_private(&folder.path().join("api-key"), key.as_bytes())?;
        write_private(
            &folder.path().join("api-key.header"),
            format!("X-API-Key: {key}").as_bytes(),
        )?;

        let operator = NewKey::new(OPERATOR).scopes(ScopeSet::parse(OPERATOR_SCOPES));
        let operator = create(&store, operator).await?.key().clone();

        args.issuers = vec![issuer.url()];
        args.api_keys = Some(KeyPlace::Database(url));
        args.admin = true;
        Ok(Self {
            issuer,
            operator,
            folder,
        })
    }

    /// Prints how to call the service at `address`.
    pub(crate) fn explain(&self, address: SocketAddr) -> io::Result<()> {
        let mut out = io::stdout().lock();
        let secret = self.folder.path().join("client-secret");
        let header = self.folder.path().join("api-key.header");
        let (secret, header) = (secret.display(), header.display());
        let orders = format!("http://{address}/orders");
        let token = format!(
            "$(curl -s {} -d grant_type=client_credentials -d client_id={CLIENT} --data-urlencode client_secret@{secret} \
             -d scope=orders:read | sed 's/.*\"access_token\": *\"\\([^\"]*\\)\".*/\\1/')",
            self.issuer.token_endpoint()
        );
        writeln!(
            out,
            "issuer {} with the client {CLIENT:?}, whose secret is in {secret}, and which may have the scopes {}",
            self.issuer.url(),
            SCOPES.join(" ")
        )?;
        writeln!(out)?;
        writeln!(out, "# with a token: 200")?;
        writeln!(
            out,
            "curl -s -i {orders} -H \"Authorization: Bearer {token}\""
        )?;
        writeln!(out, "# with an API key: 200")?;
        writeln!(out, "curl -s -i {orders} -H @{header}")?;
        writeln!(out, "# with nothing: 401")?;
        writeln!(out, "curl -s -i {orders}")?;
        writeln!(out, "# with too little scope: 403")?;
        writeln!(
            out,
            "curl -s -i -X POST {orders} -d '{{\"item\":\"rope\"}}' -H \"Authorization: Bearer {token}\""
        )?;
        writeln!(out, "# by a client in Rust, with both: 200")?;
        writeln!(
            out,
            "cargo run -p billing-worker -- --orders-url http://{address} --issuer {} --client-id {CLIENT} \
             --client-secret-file {secret} --scope orders:read --api-key-file {}",
            self.issuer.url(),
            self.folder.path().join("api-key").display()
        )?;
        writeln!(
            out,
            "# the page of the API keys, and the key to paste there"
        )?;
        writeln!(out, "http://{address}/admin/keys/ui")?;
        writeln!(out, "{}", self.operator.expose())?;
        writeln!(out)
    }
}

async fn create(store: &SqlStore, new: NewKey) -> Result<IssuedKey, Box<dyn Error>> {
    match store.create(new).await? {
        Created::New(issued) => Ok(issued),
        Created::Before(_) => Err("a key without an idempotency key is always new".into()),
    }
}

/// Writes a file that only its owner can read.
fn write_private(path: &Path, contents: &[u8]) -> io::Result<()> {
    fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)?
        .write_all(contents)
}
