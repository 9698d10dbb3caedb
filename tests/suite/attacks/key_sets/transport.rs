//! Key sets that do not arrive completely, and redirects.

use std::time::Duration;

use portcullis_test::Fault;

use super::{KeySetCases, KeySetItem, LONGEST_WAIT, Served, base, fresh, set};
use crate::attacks::scripted::Script;
use crate::attacks::world::World;

const CLASS: &str = "JWKS";

pub(super) fn cases(world: &World, cases: &mut KeySetCases) {
    let probe = world.token_by(&fresh()).mint();
    down(&probe, &mut cases.item(CLASS, "down"));
    slow(&probe, &mut cases.item(CLASS, "slow"));
    hanging(&probe, &mut cases.item(CLASS, "hanging"));
    redirected(world, &probe, &mut cases.item(CLASS, "redirected"));
}

fn down(probe: &str, item: &mut KeySetItem<'_>) {
    item.served("nobody listens", Served::Nothing, probe.to_owned());
    item.fault("hangs up", Fault::Down, probe.to_owned());
    item.fault("hangs up half-way", Fault::CutOff, probe.to_owned());
    for status in [400, 401, 403, 404, 410, 500, 502, 503, 504] {
        item.fault(format!("{status}"), Fault::Status(status), probe.to_owned());
    }
    for retry_after in [
        None,
        Some(Duration::ZERO),
        Some(Duration::from_secs(86_400)),
    ] {
        let name = retry_after.map_or("no time".to_owned(), |after| {
            format!("{} s", after.as_secs())
        });
        item.fault(
            format!("429, Retry-After {name}"),
            Fault::TooManyRequests { retry_after },
            probe.to_owned(),
        );
    }
}

fn slow(probe: &str, item: &mut KeySetItem<'_>) {
    for millis in [10, 30, 60, 100, 200] {
        let fault = Fault::Slow(Duration::from_millis(millis));
        item.fault(format!("{millis} ms"), fault, probe.to_owned());
    }
    // Two requests wait: the one that causes the fetch, and the one of the case.
    for times in [10, 20, 60] {
        let fault = Fault::Slow(LONGEST_WAIT * times);
        item.fault(
            format!("{times} times what a request waits"),
            fault,
            probe.to_owned(),
        );
    }
}

fn hanging(probe: &str, item: &mut KeySetItem<'_>) {
    item.fault("no answer", Fault::Hang, probe.to_owned());
    item.fault("half an answer", Fault::Stalled, probe.to_owned());
    let good = match Script::good(&set([base(), fresh().public_jwk()])) {
        Script::Answer(bytes) => bytes,
        other => unreachable!("{other:?}"),
    };
    let head = good
        .windows(4)
        .position(|end| end == b"\r\n\r\n")
        .expect("a head")
        + 4;
    for (name, script) in [
        ("not even read", Script::Silence),
        ("half a status line", Script::Unfinished(good[..6].into())),
        ("half a head", Script::Unfinished(good[..head / 2].into())),
        ("a head", Script::Unfinished(good[..head].into())),
        (
            "all but one byte",
            Script::Unfinished(good[..good.len() - 1].into()),
        ),
        ("byte by byte", Script::Drip(good.clone())),
    ] {
        item.served(name, Served::Script(script), probe.to_owned());
    }
}

/// The body of the redirect and its target contain a set. Neither is used.
fn redirected(world: &World, probe: &str, item: &mut KeySetItem<'_>) {
    let body = String::from_utf8(set([base(), fresh().public_jwk()])).expect("JSON");
    let mut redirect = |name: String, status: u16, location: &str| {
        let answer = format!(
            "HTTP/1.1 {status} Elsewhere\r\nlocation: {location}\r\ncontent-type: application/json\r\n\
             content-length: {}\r\nconnection: close\r\n\r\n{body}",
            body.len()
        );
        item.served(
            name,
            Served::Script(Script::Answer(answer.into_bytes())),
            probe.to_owned(),
        );
    };
    for status in [300, 301, 302, 303, 305, 307, 308] {
        redirect(format!("{status}"), status, &world.elsewhere);
    }
    redirect("302 to a path".to_owned(), 302, "/jwks");
    redirect("302 to a file".to_owned(), 302, "file:///etc/passwd");
    redirect(
        "302 to the cloud's metadata".to_owned(),
        302,
        "http://169.254.169.254/",
    );
    redirect("302 to nothing".to_owned(), 302, "");
    redirect("304 unasked".to_owned(), 304, &world.elsewhere);
}
