//! What some tests need beyond Rust and a C compiler, and how we come by it.

use std::env;
use std::path::PathBuf;

use crate::shell::{answers, root};
use crate::{Failure, apt, node, python};

/// Something that part of the suite cannot run without.
pub(crate) struct Need {
    /// What is left out without it, for the user.
    pub(crate) part: &'static str,
    /// Stands in the path of every test of that part, and of no other: what `--skip` is given.
    pub(crate) tests: &'static str,
    /// Whether continuous integration may go without.
    pub(crate) may_be_absent: bool,
    /// The environment variable that tells the tests where it is, or what the user should do about its absence.
    pub(crate) found: Result<Option<(&'static str, PathBuf)>, Failure>,
}

/// Provides what can be provided, and says of each need whether it is met.
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
            // It keeps its state in tables that the tests make beforehand.
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
            found: python::provide().map(|python| Some(("PORTCULLIS_PYTHON", python))),
        },
        Need {
            part: "the tests that paste commands into a shell",
            tests: "pasted_into_a_shell",
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

/// Provides what counts instructions; no test needs it.
pub(crate) fn valgrind() -> Result<(), Failure> {
    from_debian(&["valgrind"])
}

/// Programs that Debian has in packages of the same names.
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

/// The portal of LemonLDAP::NG, with those of its recommended packages that its OpenID Connect service loads.
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
