//! The end of tokens, while the issuer is well.

use std::{
    collections::HashMap,
    time::{Duration, Instant},
};

use portcullis_test::{Endpoint, Fault};
use serde::Serialize;
use tokio::{
    task::JoinSet,
    time::{MissedTickBehavior, interval},
};

use super::{
    Effort,
    calls::{Client, Outcome, call, client},
};
use crate::{Absent, Contender, Site};

/// How often someone calls.
const EVERY: Duration = Duration::from_millis(20);
/// How many lives of a token are looked at.
const LIVES: u32 = 2;

/// How it went.
#[derive(Clone, Debug, Serialize)]
pub struct Renewal {
    /// Who.
    pub contender: &'static str,
    /// How long a token lives, in seconds.
    pub lifetime: f64,
    /// How long the issuer takes to answer, in milliseconds.
    pub answer_ms: f64,
    /// How many calls there were.
    pub calls: usize,
    /// How many of them were not sent with a token.
    pub failed: usize,
    /// The least that was left of the life of a token that was sent, in seconds: below zero when it had expired. As the
    /// age of a token is taken from when it was first seen, it is somewhat too much.
    pub least_left: f64,
    /// How many calls had one that had expired.
    pub expired: usize,
    /// How many calls waited longer than a quarter of the issuer's answer.
    pub waited: usize,
    /// How many times the issuer was asked.
    pub requests: usize,
}

/// Calls again and again for some lives of a token.
///
/// # Errors
/// Where the contender cannot be had.
pub async fn renewal(contender: Contender, effort: Effort) -> Result<Renewal, Absent> {
    let site = Site::start(effort.lifetime, effort.timeout).await;
    let client = client(contender, &site).await?;
    call(&client, effort.patience).await;
    let answer = effort.timeout / 5;
    site.issuer.fault(Endpoint::Token, Fault::Slow(answer));

    let started = Instant::now();
    let mut calls = JoinSet::new();
    let mut ticks = interval(EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
    while started.elapsed() < effort.lifetime * LIVES {
        ticks.tick().await;
        calls.spawn(one(client.clone(), effort.patience));
    }
    let mut seen = HashMap::new();
    let (mut failed, mut expired, mut waited) = (0, 0, 0);
    let mut least_left = effort.lifetime.as_secs_f64();
    let mut calls = calls.join_all().await;
    calls.sort_by_key(|(at, ..)| *at);
    for (at, outcome, took) in &calls {
        waited += usize::from(*took > answer / 4);
        let Outcome::Sent(token) = outcome else {
            failed += 1;
            continue;
        };
        let first_seen = *seen.entry(token.clone()).or_insert(*at);
        let age = at.duration_since(first_seen).as_secs_f64();
        let left = effort.lifetime.as_secs_f64() - age;
        least_left = least_left.min(left);
        expired += usize::from(left < 0.0);
    }
    Ok(Renewal {
        contender: contender.name(),
        lifetime: effort.lifetime.as_secs_f64(),
        answer_ms: answer.as_secs_f64() * 1e3,
        calls: calls.len(),
        failed,
        least_left,
        expired,
        waited,
        requests: site.issuer.requests(Endpoint::Token),
    })
}

/// When it was sent, and what became of it.
async fn one(client: Client, patience: Duration) -> (Instant, Outcome, Duration) {
    let (outcome, took) = call(&client, patience).await;
    (Instant::now(), outcome, took)
}
