//! Jumps of the service's clock, back and ahead, while a token, a key and a key set are in use.
//!
//! Tokens of an issuer with a wrong clock are among the other [requests](super::requests).

use std::time::Duration;

use http::Request;
use portcullis_api_key::{MemoryStore, NewKey};
use portcullis_core::{ScopeSet, clock::UnixTime};
use portcullis_test::ManualClock;

use super::Findings;
use super::case::{Id, Outcome, Sent};
use super::double::Double;
use super::key_sets::{base, set};
use super::offline::{self, Offline, bearer};
use super::table::Table;
use super::world::{READ, World};

const BACK: &str = "our clock jumps back";
const AHEAD: &str = "our clock jumps ahead";
const MINUTE: i64 = 60;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;
const SINCE_1970: i64 = 1_800_000_000;

struct Jumps {
    item: &'static str,
    name: &'static str,
    credential: Credential,
    /// The jumps in seconds, in order.
    by: &'static [i64],
}

/// The credential that is sent before and after the jumps. All are valid at first.
#[derive(Clone, Copy)]
enum Credential {
    /// Valid for five minutes.
    Token,
    /// Valid for eight hours, which is longer than the stale limit of the keys.
    LongToken,
    /// Valid from now on (`nbf`).
    TokenWithNbf,
    /// Valid for an hour.
    ApiKey,
}

const fn jumps(
    item: &'static str,
    name: &'static str,
    credential: Credential,
    by: &'static [i64],
) -> Jumps {
    Jumps {
        item,
        name,
        credential,
        by,
    }
}

use Credential::{ApiKey, LongToken, Token, TokenWithNbf};

const CASES: [Jumps; 21] = [
    jumps(BACK, "by ten seconds", Token, &[-10]),
    jumps(BACK, "by the leeway", Token, &[-MINUTE]),
    jumps(BACK, "by the leeway and a second", Token, &[-61]),
    jumps(
        BACK,
        "by the leeway and a second, nbf",
        TokenWithNbf,
        &[-61],
    ),
    jumps(BACK, "by an hour", Token, &[-HOUR]),
    jumps(BACK, "by a week", Token, &[-7 * DAY]),
    jumps(BACK, "to 1970", Token, &[-SINCE_1970]),
    jumps(BACK, "by an hour, and ahead again", Token, &[-HOUR, HOUR]),
    jumps(
        BACK,
        "to 1970, and ahead again",
        Token,
        &[-SINCE_1970, SINCE_1970],
    ),
    jumps(
        BACK,
        "to before an exp that had passed",
        Token,
        &[HOUR, -HOUR],
    ),
    jumps(
        BACK,
        "to before the stale limit of the keys",
        LongToken,
        &[7 * HOUR, -7 * HOUR],
    ),
    jumps(BACK, "by an hour, an API key", ApiKey, &[-HOUR]),
    jumps(
        BACK,
        "to before the expiry of an API key",
        ApiKey,
        &[HOUR, -1],
    ),
    jumps(
        AHEAD,
        "to exp and the leeway less a second",
        Token,
        &[5 * MINUTE + 59],
    ),
    jumps(AHEAD, "to exp and the leeway", Token, &[5 * MINUTE + 60]),
    jumps(AHEAD, "by an hour", Token, &[HOUR]),
    jumps(
        AHEAD,
        "to a second before the stale limit",
        LongToken,
        &[6 * HOUR - 1],
    ),
    jumps(AHEAD, "to the stale limit", LongToken, &[6 * HOUR]),
    jumps(
        AHEAD,
        "by a year, past exp and stale limit",
        Token,
        &[365 * DAY],
    ),
    jumps(
        AHEAD,
        "to a second before the expiry of an API key",
        ApiKey,
        &[HOUR - 1],
    ),
    jumps(AHEAD, "to the expiry of an API key", ApiKey, &[HOUR]),
];

pub(super) fn listed() -> impl Iterator<Item = (Id, Sent)> {
    CASES.iter().map(|case| (case.id(), Sent::Pure))
}

impl Jumps {
    fn id(&self) -> Id {
        Id {
            class: "clocks",
            item: self.item,
            name: self.name.to_owned(),
        }
    }
}

#[test]
fn clock_jumps_match_the_table() {
    let (offline, table, mut findings) = (Offline::new(), Table::read(), Findings::default());
    let world = offline.world();
    for case in &CASES {
        let clock = ManualClock::new(world.now);
        let issuer = Double::start(set([base()]), &clock);
        let store = MemoryStore::new().clock(clock.shared());
        let layer = offline::layer(issuer.keys(), store.clone(), &clock);
        let credential = case.credential.make(world, &store);
        let send = || offline::send(&layer, credential.clone()).0;
        let mut outcome = send();
        findings.compare(&case.id(), &Outcome::new(200, []), &outcome);
        for by in case.by {
            let distance = Duration::from_secs(by.unsigned_abs());
            if by.is_negative() {
                clock.rewind(distance);
            } else {
                clock.advance(distance);
            }
            outcome = send();
        }
        findings.compare(&case.id(), &table.expected(&case.id()), &outcome);
    }
    findings.assert_none();
}

impl Credential {
    fn make(self, world: &World, store: &MemoryStore) -> Request<()> {
        let hours = |count: u32| Duration::from_secs(3_600) * count;
        let token = match self {
            Self::Token => world.token(),
            Self::LongToken => world.token().expires_in(hours(8)),
            Self::TokenWithNbf => world.token().not_before(world.now),
            Self::ApiKey => {
                let key = NewKey::new("billing")
                    .scopes(ScopeSet::parse(READ))
                    .expires_in(hours(1));
                let key = store.create(key).expect("a key");
                let request = Request::builder().header("x-api-key", key.key().expose());
                return request.body(()).expect("a key that fits a header");
            }
        };
        bearer(&token.mint())
    }
}

#[test]
fn clock_cases_start_at_their_constant() {
    let now = Offline::new().world().now;
    assert_eq!(now, UnixTime::from_secs(SINCE_1970.unsigned_abs()));
}
