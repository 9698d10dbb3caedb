//! An issuer that fails while a token lives, and after that.

use std::{collections::BTreeMap, time::Duration};

use http::HeaderValue;
use portcullis_test::Endpoint;
use serde::Serialize;
use tokio::{
    task::JoinSet,
    time::{Instant, sleep, sleep_until},
};

use super::{
    Effort,
    calls::{Client, Outcome, call, client},
    faults::fault,
};
use crate::{Absent, Contender, Site};

/// Calls after the token has expired.
const CALLS: u32 = 100;
/// Calls in its last fifth, from here on, each a hundredth of its life later.
const LIVE_CALLS: u32 = 8;
const LIVE: f64 = 0.81;

/// How many calls ended in which way.
pub type Outcomes = BTreeMap<&'static str, u32>;

/// How it went. What became of calls is `goes on` with the good token, `new token` with another good one, `error`,
/// `hang`, `panic`, `expired` when the token was sent after its end, `bare` when nothing was, `empty` when the header
/// was there without a token, or `sends it`: what the issuer answered.
#[derive(Clone, Debug, Serialize)]
pub struct Outage {
    /// Who.
    pub contender: &'static str,
    /// How the issuer fails.
    pub fault: &'static str,
    /// Calls while the token at hand lives and is due to be renewed, in the last fifth of its life and not the last
    /// tenth: how many ended in which way.
    pub live: Outcomes,
    /// How long the slowest of them took, in milliseconds.
    pub live_ms: f64,
    /// Calls after its end.
    pub after: Outcomes,
    /// How many requests the issuer saw during these.
    pub requests: usize,
    /// How many it saw from the beginning of the outage on.
    pub requests_in_all: usize,
    /// The first call of one that has had no token.
    pub cold: &'static str,
    /// What callers were told, when they were.
    pub errors: Vec<String>,
}

/// Has the issuer fail, and calls.
///
/// # Errors
/// Where the contender cannot be had.
pub async fn outage(
    contender: Contender,
    name: &'static str,
    effort: Effort,
) -> Result<Outage, Absent> {
    let site = Site::start(effort.lifetime, effort.timeout).await;
    let warm = client(contender, &site).await?;
    let obtained = Instant::now();
    let (first, _) = call(&warm, effort.patience).await;
    let Outcome::Sent(good) = first else {
        return Err(Absent(format!("no token at first: {first:?}")));
    };
    site.issuer.fault(Endpoint::Token, fault(name, effort));
    let at_first = site.issuer.requests(Endpoint::Token);

    let mut errors = Vec::new();
    let mut note = |outcome: &Outcome| {
        if let Outcome::Failed(error) = outcome
            && !errors.contains(error)
        {
            errors.push(error.clone());
        }
    };
    sleep_until(obtained + effort.lifetime.mul_f64(LIVE)).await;
    let mut live = Outcomes::new();
    let mut live_took = Duration::ZERO;
    let calls = many(&warm, effort, LIVE_CALLS, effort.lifetime / 100).await;
    for (outcome, took) in calls {
        note(&outcome);
        live_took = live_took.max(took);
        *live.entry(word(&outcome, &good, "goes on")).or_default() += 1;
    }

    sleep_until(obtained + effort.lifetime.mul_f64(1.2)).await;
    let before = site.issuer.requests(Endpoint::Token);
    let mut after = Outcomes::new();
    for (outcome, _) in many(&warm, effort, CALLS, effort.spread / CALLS).await {
        note(&outcome);
        *after.entry(word(&outcome, &good, "expired")).or_default() += 1;
    }
    let at_last = site.issuer.requests(Endpoint::Token);

    let cold = client(contender, &site).await?;
    let (outcome, _) = call(&cold, effort.patience).await;
    note(&outcome);
    Ok(Outage {
        contender: contender.name(),
        fault: name,
        live,
        live_ms: live_took.as_secs_f64() * 1e3,
        after,
        requests: at_last - before,
        requests_in_all: at_last - at_first,
        cold: word(&outcome, &good, "expired"),
        errors,
    })
}

/// What became of a call; `good` is the token from before the outage, which a call that has it is told by.
fn word(outcome: &Outcome, good: &HeaderValue, with_good: &'static str) -> &'static str {
    match outcome {
        Outcome::Sent(header) if header == good => with_good,
        // Only the issuer's own are JWTs.
        Outcome::Sent(header) if header.as_bytes().starts_with(b"Bearer ey") => "new token",
        Outcome::Sent(header) if header.as_bytes().trim_ascii() == b"Bearer" => "empty",
        Outcome::Sent(_) => "sends it",
        Outcome::Unauthenticated => "bare",
        Outcome::Failed(_) => "error",
        Outcome::Hung => "hang",
        Outcome::Panicked => "panic",
    }
}

/// So many calls, each so much later than the last, whatever becomes of that.
async fn many(
    client: &Client,
    effort: Effort,
    count: u32,
    every: Duration,
) -> Vec<(Outcome, Duration)> {
    let mut calls = JoinSet::new();
    for at in 0..count {
        let client = client.clone();
        calls.spawn(async move {
            sleep(every * at).await;
            call(&client, effort.patience).await
        });
    }
    calls.join_all().await
}
