//! The routes against their own description, by schemathesis (<https://schemathesis.readthedocs.io>).

use std::{env, path::Path, sync::Arc};

use axum::Router;
use portcullis_admin::KeyAdmin;
use portcullis_api_key::{ApiKeys, MemoryStore, NewKey};
use portcullis_core::{AuthenticateLayer, ScopeSet};
use tokio::{net::TcpListener, process::Command};

const OPERATIONS: u32 = 6;
/// The random cases of all operations together, besides those that cover the description.
const CASES: u32 = 200;

/// `PORTCULLIS_SCHEMATHESIS` is the program, which `cargo xtask test` installs. `PORTCULLIS_SCHEMATHESIS_CASES` replaces
/// [`CASES`].
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn schemathesis_finds_nothing() {
    let program = env::var_os("PORTCULLIS_SCHEMATHESIS")
        .expect("PORTCULLIS_SCHEMATHESIS is not set: run the tests by `cargo xtask test`");
    let cases = env::var("PORTCULLIS_SCHEMATHESIS_CASES").ok();
    let cases = cases.map_or(CASES, |cases| cases.parse().expect("a number"));

    // The keys of callers are in a store of their own, so that no case revokes the key of the next.
    let callers = MemoryStore::new();
    let new = NewKey::new("schemathesis").scopes(ScopeSet::parse("keys:admin"));
    let caller = callers.create(new).expect("created");
    let managed = MemoryStore::new();
    let admin = KeyAdmin::new(Arc::new(managed.clone()))
        .authenticate(AuthenticateLayer::new(ApiKeys::new(callers)))
        .introspection(ApiKeys::new(managed))
        .build()
        .expect("good settings");
    let app = Router::new().nest("/admin/keys", admin);
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");

    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/schemathesis");
    let mut command = Command::new(program);
    command
        .arg("--config-file")
        .arg(folder.join("schemathesis.toml"))
        .args(["run", "--checks=all"])
        .arg(format!("http://{address}/admin/keys/openapi.json"))
        .arg(format!("--max-examples={}", cases.div_ceil(OPERATIONS)))
        .env("PORTCULLIS_SCHEMATHESIS_KEY", caller.key().expose())
        .env("SCHEMATHESIS_HOOKS", folder.join("hooks.py"))
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .current_dir(env!("CARGO_TARGET_TMPDIR"))
        .kill_on_drop(true);
    let output = tokio::select! {
        output = command.output() => output.expect("schemathesis runs"),
        served = async { axum::serve(listener, app).await } => panic!("the server ended: {served:?}"),
    };
    let text = String::from_utf8_lossy(&output.stdout);
    println!("{text}");
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
}
