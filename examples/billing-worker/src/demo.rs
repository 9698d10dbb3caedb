//! The demonstration: an issuer and orders-api in this process, and a secret that is rotated.

use std::{
    error::Error, ffi::OsStr, future::pending, io, io::Write, net::Ipv4Addr, time::Duration,
};

use clap::Parser;
use portcullis::{
    Scope, ScopeSet,
    api_key::{KeyError, KeyFile, NewKey},
    clock::{Clock, SystemClock},
};
use portcullis_test::{DEFAULT_AUDIENCE, TestIssuer};
use tempfile::{NamedTempFile, TempDir};
use tokio::{net::TcpListener, task::JoinSet};

use crate::{args::Args, say};

const CLIENT: &str = "billing";
const READ: Scope = Scope::from_static("orders:read");
const SECRET_FILE: &str = "client-secret";
const API_KEY_FILE: &str = "api-key";

/// The running demonstration. Dropping it stops it and removes its files.
pub(crate) struct Demo {
    issuer: TestIssuer,
    _orders: JoinSet<()>,
    folder: TempDir,
    secrets: [String; 2],
    /// The call after which the rotation begins.
    rotation: u32,
}

impl Demo {
    /// Starts the issuer and orders-api, creates the credentials, and sets the options in `args`.
    pub(crate) async fn start(args: &mut Args) -> Result<Self, Box<dyn Error>> {
        if args.calls < 4 {
            return Err(format!(
                "--calls {} is too few for the demonstration, which rotates a secret in three steps: give 4 or more",
                args.calls
            )
            .into());
        }
        let secrets = [secret()?, secret()?];
        let issuer = TestIssuer::builder()
            .client(CLIENT, secrets[0].as_str(), [READ.as_str()])
            .audience(DEFAULT_AUDIENCE)
            // Short, so that the renewal is visible.
            .token_lifetime(Duration::from_secs((args.interval * 10).as_secs().max(1)))
            .start()
            .await?;

        let folder = tempfile::Builder::new()
            .prefix("billing-worker-")
            .tempdir()?;
        let keys = folder.path().join("keys.toml");
        let key = NewKey::new(CLIENT).scopes(ScopeSet::from_iter([READ]));
        let key = KeyFile::at(&keys).create(key)?;
        write(&folder, API_KEY_FILE, key.key().expose())?;
        write(&folder, SECRET_FILE, &secrets[0])?;

        let url = issuer.url();
        let options = ["orders-api", "--issuer", &url, "--api-keys"].map(OsStr::new);
        let options = options.into_iter().chain([keys.as_os_str()]);
        let router = orders_api::router(&orders_api::Args::try_parse_from(options)?).await?;
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let orders_url = format!("http://{}", listener.local_addr()?);
        let mut orders = JoinSet::new();
        orders.spawn(orders_api::serve(listener, router, pending()));
        say(format_args!(
            "demonstration: issuer {url} and orders-api {orders_url}, both in this process"
        ));

        args.orders_url = Some(orders_url);
        args.issuer = Some(url);
        args.client_id = Some(CLIENT.to_owned());
        args.client_secret_file = Some(folder.path().join(SECRET_FILE));
        args.api_key_file = Some(folder.path().join(API_KEY_FILE));
        args.scopes = vec![READ.to_string()];
        args.resources = vec![DEFAULT_AUDIENCE.to_owned()];
        Ok(Self {
            issuer,
            _orders: orders,
            folder,
            secrets,
            rotation: args.calls / 4,
        })
    }

    /// Rotates the worker's secret, one step after each of three calls. The worker is not informed.
    pub(crate) fn rotate_after(&self, call: u32) -> io::Result<()> {
        let [old, new] = &self.secrets;
        match call.checked_sub(self.rotation) {
            Some(0) => {
                self.issuer.client_secrets(CLIENT, [old.as_str(), new]);
                say(format_args!(
                    "rotation 1/3: the issuer accepts a second secret beside the first"
                ));
            }
            Some(1) => {
                write(&self.folder, SECRET_FILE, new)?;
                say(format_args!(
                    "rotation 2/3: the second secret is in the worker's file, in place of the first"
                ));
            }
            Some(2) => {
                self.issuer.client_secrets(CLIENT, [new.as_str()]);
                say(format_args!(
                    "rotation 3/3: the issuer no longer accepts the first secret"
                ));
            }
            _ => {}
        }
        Ok(())
    }
}

/// The text of an API key is a good secret.
fn secret() -> Result<String, KeyError> {
    let key = NewKey::new(CLIENT).issue(SystemClock.now(), None)?;
    Ok(key.key().expose().to_owned())
}

/// Writes a file that only its owner can read. A reader sees the old or the new content.
fn write(folder: &TempDir, name: &str, content: &str) -> io::Result<()> {
    let mut file = NamedTempFile::new_in(folder)?;
    file.write_all(content.as_bytes())?;
    file.persist(folder.path().join(name))?;
    Ok(())
}
