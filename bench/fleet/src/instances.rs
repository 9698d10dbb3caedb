//! `orders-api` processes, as they are built for production, and the keys that are sent to them.

use std::env;
use std::fs;
use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Command as Build, Stdio};
use std::sync::LazyLock;
use std::time::{Duration, Instant};

use portcullis_api_key::{Created, KeyManager, NewKey};
use portcullis_core::ScopeSet;
use portcullis_sql::SqlStore;
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};

use crate::Outcome;
use crate::client::Client;

/// A key and its id.
#[derive(Clone)]
pub(crate) struct Key {
    pub(crate) id: String,
    pub(crate) text: String,
}

/// A running process. It ends when this is dropped.
pub(crate) struct Instance {
    pub(crate) address: SocketAddr,
    /// How long it took until it was ready.
    pub(crate) started_in: Duration,
    process: Child,
    _folder: TempDir,
}

impl Instance {
    /// Starts an instance over the store at `url`.
    pub(crate) async fn start(url: &str, options: &[&str]) -> Outcome<Self> {
        let folder = tempfile::tempdir()?;
        let begin = Instant::now();
        let mut process = Command::new(&*PROGRAM)
            .args(["--listen", "127.0.0.1:0", "--admin", "--api-keys", url])
            .args(options)
            .env("RUST_LOG", "warn")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(fs::File::create(folder.path().join("log"))?)
            .kill_on_drop(true)
            .spawn()?;
        let output = process.stdout.take().expect("it is piped");
        let mut lines = BufReader::new(output).lines();
        let mut address = None;
        while let Some(line) = lines.next_line().await? {
            if let Some(text) = line.strip_prefix("listening on http://") {
                address = Some(text.parse()?);
            } else if line == "ready" {
                break;
            }
        }
        let log = || fs::read_to_string(folder.path().join("log")).unwrap_or_default();
        Ok(Self {
            address: address.ok_or_else(|| format!("orders-api ended: {}", log()))?,
            started_in: begin.elapsed(),
            process,
            _folder: folder,
        })
    }

    pub(crate) async fn client(&self) -> io::Result<Client> {
        Client::connect(self.address).await
    }

    /// Waits until the bus delivers.
    pub(crate) async fn pushed_to(&self) -> Outcome<()> {
        let mut client = self.client().await?;
        while client.health().await?["push"] != "delivers" {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        Ok(())
    }

    /// The memory that it uses and the most that it has used, in MiB.
    pub(crate) fn memory(&self) -> Outcome<(f64, f64)> {
        let id = self.process.id().ok_or("the process has ended")?;
        let status = fs::read_to_string(format!("/proc/{id}/status"))?;
        let mib = |label: &str| -> Outcome<f64> {
            let mut lines = status.lines();
            let line = lines.find_map(|line| line.strip_prefix(label));
            let kib = line.and_then(|line| line.trim().strip_suffix(" kB"));
            Ok(kib.ok_or("a status of another form")?.parse::<f64>()? / 1024.0)
        };
        Ok((mib("VmRSS:")?, mib("VmHWM:")?))
    }
}

/// Opens the store, and creates its tables.
pub(crate) async fn store(url: &str) -> Outcome<SqlStore> {
    Ok(SqlStore::builder(url).migrate(true).connect().await?)
}

/// Creates a key with these scopes.
pub(crate) async fn create(store: &SqlStore, scopes: &str) -> Outcome<Key> {
    let new = NewKey::new("bench").scopes(ScopeSet::parse(scopes));
    let Created::New(issued) = store.create(new).await? else {
        return Err("a key without an idempotency key is always new".into());
    };
    Ok(Key {
        id: issued.key().id().to_string(),
        text: issued.key().expose().to_owned(),
    })
}

/// Creates keys that read orders.
pub(crate) async fn create_many(store: &SqlStore, count: usize) -> Outcome<Vec<Key>> {
    let mut keys = Vec::with_capacity(count);
    for _ in 0..count {
        keys.push(create(store, "orders:read").await?);
    }
    Ok(keys)
}

/// Creates the key of an operator.
pub(crate) async fn operator(store: &SqlStore) -> Outcome<Key> {
    create(store, "keys:admin keys:read keys:write orders:read").await
}

/// The path of `orders-api`, built for production.
static PROGRAM: LazyLock<PathBuf> = LazyLock::new(|| {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let target = env::var_os("CARGO_TARGET_DIR")
        .map_or_else(|| root.join("target"), |chosen| root.join(chosen));
    let status = Build::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
        .args(["build", "--quiet", "--release", "--package", "orders-api"])
        .env("CARGO_TARGET_DIR", &target)
        .current_dir(&root)
        .status();
    assert!(
        status.is_ok_and(|status| status.success()),
        "cannot build orders-api"
    );
    target.join("release/orders-api")
});
