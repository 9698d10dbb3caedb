use std::time::Duration;

use portcullis_core::{ScopeSet, clock::UnixTime};

use super::*;
use crate::{
    issue::NewKey, limit::Limit, networks::Networks, record::Idempotency,
    store::file::render::render,
};

const NOW: UnixTime = UnixTime::from_secs(1_800_000_000);

const ENTRY: &str = r#"version = 1

[[keys]]
id = "4fXq0ZbT9kLm"
digest = "sha256:4bf5d10291372cf316a37a5edb59185ac3eb5cc06d082df78e60b8c210af10af"
prefix = "acme"
owner = "billing"
scopes = ["orders:read"]
created_at = 2026-01-31T12:00:00Z
expires_at = "never"
revision = 1
"#;

fn problems(text: &str) -> Vec<String> {
    parse(text).expect_err("malformed")
}

#[test]
fn written_records_are_read_back() {
    let record = |new: NewKey| new.issue(NOW, None).expect("issued").record().clone();
    let plain = record(NewKey::new("Zürich \"x\" \\ ]]").scopes(ScopeSet::parse("r w")));
    let mut revoked = record(NewKey::new("b").never_expires());
    revoked.revoke(NOW, None).expect("no reason");
    let mut rotated = record(NewKey::new("c"));
    rotated.successor = Some(plain.id);
    let records = vec![plain, revoked, rotated, full_record()];
    let mut last = records[0].clone();
    last.revision = u64::MAX;
    let written = parse(&render(&[last])).expect("valid");
    assert_eq!(written[0].revision, i64::MAX as u64);
    assert_eq!(parse(&render(&records)), Ok(records));
    assert_eq!(parse(&render(&[])), Ok(Vec::new()));
}

/// A record with all the fields that may be left out.
fn full_record() -> KeyRecord {
    let networks = Networks::parse(["192.0.2.0/24", "2001:db8::1"]).expect("networks");
    let limit = Limit::new(100, Duration::from_millis(1_500)).expect("a limit");
    let idempotency = Idempotency {
        key: [0xab; 32],
        request: [0; 32],
    };
    let new = NewKey::new("d")
        .name("nightly \"invoices\" ]]")
        .tags(["eu", "batch = 1"])
        .networks(networks)
        .limit(limit.burst(7).expect("a burst"))
        .idempotency(idempotency);
    let mut record = new.issue(NOW, None).expect("issued").record().clone();
    record
        .revoke(NOW, Some("leaked\\ in CI"))
        .expect("a reason");
    record.is_foreign = true;
    record
}

#[test]
fn malformed_optional_field_is_reported_with_its_line() {
    for (field, problem) in [
        ("name = 7", "`name` must be a text"),
        ("name = \"a\\nb\"", "the name of an API key must"),
        ("tags = \"eu\"", "`tags` must be"),
        ("tags = [\" \"]", "an API key can have at most 32 tags"),
        ("networks = [\"192.0.2.1/24\"]", "`networks` must be"),
        ("limit = 7", "`limit` must be"),
        ("limit = { requests = 1 }", "`limit` must be"),
        (
            "limit = { requests = 0, period_ms = 1000 }",
            "`limit` must be",
        ),
        (
            "limit = { requests = 1, period_ms = 999 }",
            "`limit` must be",
        ),
        (
            "limit = { requests = 1, period_ms = 1000, burst = 0 }",
            "`limit` must be",
        ),
        (
            "limit = { requests = 1, period_ms = 1000, bursts = 2 }",
            "`limit` must be",
        ),
        (
            "revoke_reason = \"a\\u0000\"",
            "the reason for a revocation must",
        ),
        ("foreign = 1", "`foreign` must be"),
        ("idempotency = [\"ab\", \"cd\"]", "`idempotency` must be"),
    ] {
        let text = ENTRY.replacen("revision", &format!("{field}\nrevision"), 1);
        let expected = format!("line 11, key 4fXq0ZbT9kLm: {problem}");
        let found = problems(&text);
        assert!(found[0].starts_with(&expected), "{field}: {found:?}");
    }
    let limit = "limit = { requests = 9, period_ms = 1000 }";
    let text = ENTRY.replacen("revision", &format!("{limit}\nrevision"), 1);
    let read = parse(&text).expect("valid")[0].limit.expect("a limit");
    assert_eq!(read.burst_size().get(), 9);
}

#[test]
fn malformed_entry_is_reported_with_its_line() {
    for (from, to, problem) in [
        (
            "billing",
            "",
            "line 7, key 4fXq0ZbT9kLm: the owner of an API key must",
        ),
        (
            "\"billing\"",
            "7",
            "line 7, key 4fXq0ZbT9kLm: `owner` must be a text",
        ),
        (
            "4fXq0ZbT9kLm",
            "4fXq0ZbT9kL",
            "line 4, key number 1: `id` must be",
        ),
        (
            "sha256:",
            "sha1:",
            "line 5, key 4fXq0ZbT9kLm: `digest` must be `sha256:` (as `portcullis keys create` writes it) or \
             `hmac-sha256:VERSION:`",
        ),
        (
            "\"acme\"",
            "\"ACME\"",
            "line 6, key 4fXq0ZbT9kLm: `prefix` must be",
        ),
        (
            "orders:read",
            "orders read",
            "line 8, key 4fXq0ZbT9kLm: `scopes` must be",
        ),
        (
            "[\"orders:read\"]",
            "\"a\"",
            "line 8, key 4fXq0ZbT9kLm: `scopes` must be",
        ),
        (
            "12:00:00Z",
            "12:00:00",
            "line 9, key 4fXq0ZbT9kLm: `created_at` must be",
        ),
        (
            "\"never\"",
            "\"later\"",
            "line 10, key 4fXq0ZbT9kLm: `expires_at` must be",
        ),
        (
            "\"never\"",
            "1800000000",
            "line 10, key 4fXq0ZbT9kLm: `expires_at` must be",
        ),
        (
            "revision = 1",
            "revision = 0",
            "line 11, key 4fXq0ZbT9kLm: `revision` must be",
        ),
        (
            "revision = 1",
            "revoked = 1\nrevision = 1",
            "line 11, key 4fXq0ZbT9kLm: unknown field `revoked`",
        ),
        (
            "expires_at = \"never\"\n",
            "",
            "line 3, key 4fXq0ZbT9kLm: `expires_at` is missing",
        ),
        ("version = 1\n", "", "line 1: `version = 1` is missing"),
        ("version = 1", "version = 2", "line 1: `version` must be 1"),
        (
            "version = 1",
            "version = 1\nmode = 2",
            "line 2: unknown field `mode`",
        ),
        ("[[keys]]", "[keys]", "line 3: `keys` must be"),
        ("owner =", "owner", "line 7: "),
    ] {
        let text = ENTRY.replacen(from, to, 1);
        assert_ne!(text, ENTRY);
        let found = problems(&text);
        assert!(
            found.iter().any(|found| found.starts_with(problem)),
            "{from} → {to}: {found:?}"
        );
    }
}

#[test]
fn all_problems_are_reported_at_once() {
    let second = ENTRY.replace("version = 1\n", "");
    let text = format!("{ENTRY}{second}{}", second.replace("billing", ""));
    let found = problems(&text);
    assert_eq!(found.len(), 2, "{found:?}");
    assert!(
        found[0].ends_with("line 3 has a key of this id too: keep the revoked one, or the one with the higher `revision`"),
        "{found:?}"
    );
}

#[test]
fn truncated_file_without_count_is_rejected_unless_it_ends_between_entries() {
    for length in 0..ENTRY.len() - 1 {
        let cut = &ENTRY[..length];
        if let Ok(records) = parse(cut) {
            assert!(records.is_empty() && !cut.contains("[["), "{cut}");
        }
    }
}

#[test]
fn truncated_file_with_count_is_rejected() {
    let record = || {
        NewKey::new("a")
            .issue(NOW, None)
            .expect("issued")
            .record()
            .clone()
    };
    let text = render(&[record(), full_record()]);
    for length in 0..text.len() {
        assert!(parse(&text[..length]).is_err(), "{}", &text[..length]);
    }
    for (from, to, problem) in [
        (
            "count = 2",
            "count = 3",
            "line 3: `count` is 3, but the file has 2 keys",
        ),
        ("count = 2", "count = \"2\"", "line 3: `count` must be"),
        ("count = 2\n", "", ""),
    ] {
        let edited = text.replacen(from, to, 1);
        match problem {
            "" => assert_eq!(parse(&edited).expect("a file without a count").len(), 2),
            problem => assert!(problems(&edited)[0].starts_with(problem), "{edited}"),
        }
    }
}

#[test]
fn problems_do_not_contain_values() {
    let secret = "portcullis_4fXq0ZbT9kLm_0123456789ABCDEFGHIJKLMNOPQ0jAnNB";
    for line in [
        "id",
        "digest",
        "prefix",
        "scopes",
        "revision",
        "created_at",
        "expires_at",
    ] {
        let text: String = ENTRY
            .lines()
            .map(|text| match text.starts_with(line) {
                true => format!("{line} = \"{secret}\"\n"),
                false => format!("{text}\n"),
            })
            .collect();
        let found = problems(&text).join(" ");
        assert!(!found.contains("0123456789ABC"), "{found}");
    }
}
