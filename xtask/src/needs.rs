//! Programs that some tests need beyond Rust and a C compiler, and how they are installed.

use std::env;
use std::fs;
use std::path::PathBuf;
use std::process::Command;

use crate::shell::{answers, root};
use crate::{Failure, apt, node, python};

/// A requirement of part of the tests.
pub(crate) struct Need {
    /// The tests that are left out without it, for the terminal.
    pub(crate) part: &'static str,
    /// A string in the path of every test of that part, and of no other, for `--skip`.
    pub(crate) tests: &'static str,
    /// Whether continuous integration may run without it.
    pub(crate) may_be_absent: bool,
    /// The environment variable that tells the tests where it is, or advice on how to get it.
    pub(crate) found: Result<Option<(&'static str, PathBuf)>, Failure>,
}

/// Installs what is missing, and reports which requirements are met.
pub(crate) fn provide() -> Vec<Need> {
    vec![
        Need {
            part: "the tests against a real authorization server",
            tests: "oidc_provider",
            may_be_absent: false,
            found: node::provide().map(|node| Some(("PORTCULLIS_NODE", node))),
        },
        Need {
            part: "the tests against a second authorization server",
            tests: "glewlwyd",
            may_be_absent: false,
            // It keeps its state in tables that the tests create.
            found: from_debian(&["glewlwyd", "sqlite3"]).map(|()| None),
        },
        Need {
            part: "the tests against LemonLDAP::NG",
            tests: "lemonldap_ng",
            may_be_absent: false,
            found: lemonldap_ng().map(|()| None),
        },
        Need {
            part: "the tests against django-oauth-toolkit",
            tests: "django_oauth_toolkit",
            may_be_absent: false,
            found: python::provide("tests/django-oauth-toolkit", "oauth2_provider")
                .map(|python| Some(("PORTCULLIS_PYTHON", python))),
        },
        Need {
            part: "the tests with PostgreSQL",
            tests: "postgresql",
            may_be_absent: false,
            found: postgresql().map(|()| None),
        },
        Need {
            part: "the tests with Redis",
            tests: "redis_server",
            may_be_absent: false,
            found: redis().map(|()| None),
        },
        Need {
            part: "the tests of the page in a browser",
            tests: "browser",
            may_be_absent: false,
            found: from_debian(&["chromium"])
                .and_then(|()| node::provide_browser_driver())
                .map(|node| Some(("PORTCULLIS_NODE", node))),
        },
        Need {
            part: "the tests of the management API by schemathesis",
            tests: "schemathesis",
            may_be_absent: false,
            found: python::provide("tests/schemathesis", "schemathesis").map(|python| {
                Some((
                    "PORTCULLIS_SCHEMATHESIS",
                    python.with_file_name("schemathesis"),
                ))
            }),
        },
        Need {
            part: "the tests that paste commands into a shell",
            tests: "printed_curl_commands",
            may_be_absent: false,
            found: from_debian(&["curl"]).map(|()| None),
        },
        Need {
            part: "the shared test vectors",
            tests: "shared_vectors",
            may_be_absent: true,
            found: vectors().map(|folder| Some(("PORTCULLIS_VECTORS", folder))),
        },
    ]
}

/// Installs valgrind, which counts instructions.
pub(crate) fn valgrind() -> Result<(), Failure> {
    from_debian(&["valgrind"])
}

/// Installs wrk, which makes load over HTTP.
pub(crate) fn wrk() -> Result<(), Failure> {
    // It exits with an error whatever it is asked.
    if Command::new("wrk").arg("--version").output().is_ok() {
        return Ok(());
    }
    apt::install(&["wrk"])
}

/// Installs programs whose Debian packages have the same names.
fn from_debian(programs: &[&str]) -> Result<(), Failure> {
    let missing: Vec<&str> = programs
        .iter()
        .copied()
        .filter(|program| !answers(program, &["--version"]))
        .collect();
    if missing.is_empty() {
        Ok(())
    } else {
        apt::install(&missing)
    }
}

/// Installs PostgreSQL. Debian keeps the server's programs in a folder for each version.
fn postgresql() -> Result<(), Failure> {
    let versions = fs::read_dir("/usr/lib/postgresql").into_iter().flatten();
    let mut servers = versions
        .flatten()
        .map(|version| version.path().join("bin/postgres"));
    if servers.any(|server| server.exists()) {
        return Ok(());
    }
    apt::install_without_services(&["postgresql"])
}

fn redis() -> Result<(), Failure> {
    if answers("redis-server", &["--version"]) {
        return Ok(());
    }
    apt::install_without_services(&["redis-server"])
}

/// Installs the portal of LemonLDAP::NG, and the recommended packages that its OpenID Connect service loads.
fn lemonldap_ng() -> Result<(), Failure> {
    let loads = [
        "-MLemonldap::NG::Portal::Main",
        "-MLemonldap::NG::Portal::Issuer::OpenIDConnect",
        "-MHTTP::Server::PSGI",
        "-e1",
    ];
    if answers("perl", &loads) {
        return Ok(());
    }
    apt::install(&[
        "liblemonldap-ng-portal-perl",
        "libcrypt-jwt-perl",
        "libio-string-perl",
        "libstring-random-perl",
    ])
}

fn vectors() -> Result<PathBuf, Failure> {
    let folder = env::var_os("PORTCULLIS_VECTORS")
        .map_or_else(|| root().join("../shared/vectors"), PathBuf::from);
    folder.canonicalize().map_err(|_| {
        "put them in a folder `shared/vectors` beside the checkout, or point PORTCULLIS_VECTORS at them".to_owned()
    })
}
