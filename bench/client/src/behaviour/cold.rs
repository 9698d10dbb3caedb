//! Many callers, and no token yet.

use std::time::Duration;

use portcullis_test::{Endpoint, Fault};
use serde::Serialize;

use super::{
    Effort,
    calls::{Outcome, client, outcome, start_call},
};
use crate::{Absent, Contender, Site};

/// Longer than that takes.
const LIFETIME: Duration = Duration::from_hours(1);
/// The timeout is not what is looked at here.
const TIMEOUT: Duration = Duration::from_secs(10);
const PATIENCE: Duration = Duration::from_secs(20);

/// How it went.
#[derive(Clone, Debug, Serialize)]
pub struct Cold {
    /// Who.
    pub contender: &'static str,
    /// How many called.
    pub callers: usize,
    /// How many of them left while the token was fetched; the one whose call began that is among them.
    pub left: usize,
    /// How many calls were sent with a token.
    pub sent: usize,
    /// How many times the issuer was asked for one.
    pub requests: usize,
}

/// Has so many call at once; with `half_leave`, every other of them gives up while the token is fetched.
///
/// # Errors
/// Where the contender cannot be had.
pub async fn cold(contender: Contender, effort: Effort, half_leave: bool) -> Result<Cold, Absent> {
    let site = Site::start(LIFETIME, TIMEOUT).await;
    let client = client(contender, &site).await?;
    let slow = Fault::Slow(effort.answer);
    site.issuer.fault_for(Endpoint::Token, slow, 1);
    let (mut staying, mut leaving) = (Vec::new(), Vec::new());
    for caller in 0..effort.callers {
        let call = start_call(&client);
        if half_leave && caller % 2 == 0 {
            leaving.push(call);
        } else {
            staying.push(call);
        }
        if caller == 0 {
            site.issuer.wait_for_requests(Endpoint::Token, 1).await;
        }
    }
    // Until all of them wait.
    tokio::time::sleep(Duration::from_millis(100)).await;
    let left = leaving.len();
    for call in &leaving {
        call.abort();
    }
    for call in leaving {
        // Each has ended, by that or before.
        let _ = call.await;
    }
    let mut sent = 0;
    for mut call in staying {
        let outcome = outcome(&mut call, PATIENCE).await;
        sent += usize::from(matches!(outcome, Outcome::Sent(_)));
    }
    Ok(Cold {
        contender: contender.name(),
        callers: effort.callers,
        left,
        sent,
        requests: site.issuer.requests(Endpoint::Token),
    })
}
