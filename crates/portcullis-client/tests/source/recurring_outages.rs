//! Recurring outages of an issuer, for ten minutes of tokio's paused time.

use std::time::Duration;

use portcullis_client::{AuthorizationServer, TokenSource};
use portcullis_core::clock::{Clock, SharedClock, SystemClock, UnixTime};
use portcullis_test::{Endpoint, Fault, TestIssuer};
use tokio::time::{Instant, MissedTickBehavior, interval, sleep, timeout};

use crate::{client, secs};

const PERIOD: Duration = secs(20);
const DOWN: Duration = secs(5);
/// How long calls may still fail after the issuer has recovered.
const RECOVERY: Duration = secs(6);
/// How long a call waits for a token, as `billing-worker` does.
const TIMEOUT: Duration = secs(5);

/// A clock that follows tokio's time.
#[derive(Debug)]
pub(crate) struct TokioClock {
    started: Instant,
    started_at: UnixTime,
}

impl TokioClock {
    pub(crate) fn shared() -> SharedClock {
        std::sync::Arc::new(Self {
            started: Instant::now(),
            started_at: SystemClock.now(),
        })
    }
}

impl Clock for TokioClock {
    fn now(&self) -> UnixTime {
        self.started_at.saturating_add(self.started.elapsed())
    }
}

#[derive(Clone, Copy, Debug)]
enum Outage {
    /// Connections are closed without an answer.
    Down,
    /// Nothing listens.
    Stopped,
    /// Every request is answered 429, without `Retry-After`.
    TooManyRequests,
}

impl Outage {
    async fn begin(self, issuer: &TestIssuer) {
        match self {
            Self::Down => issuer.fault(Endpoint::Token, Fault::Down),
            Self::Stopped => issuer.stop().await,
            Self::TooManyRequests => {
                let fault = Fault::TooManyRequests { retry_after: None };
                issuer.fault(Endpoint::Token, fault);
            }
        }
    }

    async fn end(self, issuer: &TestIssuer) {
        match self {
            Self::Stopped => issuer.restart().await,
            Self::Down | Self::TooManyRequests => issuer.heal(Endpoint::Token),
        }
    }
}

/// Calls every tenth of a second for ten minutes, with tokens that live 4 s.
async fn outlives(outage: Outage) {
    let clock = TokioClock::shared();
    let issuer = TestIssuer::builder()
        .clock(clock.clone())
        .token_lifetime(secs(4))
        .start()
        .await
        .expect("an issuer");
    let server = AuthorizationServer::discover(issuer.url()).clock(clock);
    let source = TokenSource::builder(&server.build().expect("a server"), client());
    let source = source.build().expect("a source");

    let started = Instant::now();
    let outages = async {
        loop {
            sleep(PERIOD - DOWN).await;
            outage.begin(&issuer).await;
            sleep(DOWN).await;
            outage.end(&issuer).await;
        }
    };
    let mut lost = Vec::new();
    let calls = async {
        let mut ticks = interval(Duration::from_millis(100));
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        while started.elapsed() < secs(600) {
            ticks.tick().await;
            let at = started.elapsed();
            let since_return = secs(at.as_secs() % PERIOD.as_secs());
            let is_down = since_return >= PERIOD - DOWN;
            let has_recovered = at < PERIOD || since_return >= RECOVERY;
            let call = timeout(TIMEOUT, source.token()).await;
            if !matches!(call, Ok(Ok(_))) && has_recovered && !is_down {
                lost.push(at);
            }
        }
    };
    tokio::select! {
        () = outages => unreachable!("the outages never end"),
        () = calls => {}
    }
    assert!(lost.is_empty(), "{outage:?}: calls lost at {lost:?}");
    assert!(
        issuer.requests(Endpoint::Token) > 100,
        "the token was renewed"
    );
}

#[tokio::test(start_paused = true)]
async fn no_call_fails_6_s_after_each_recurring_outage() {
    for outage in [Outage::Down, Outage::Stopped, Outage::TooManyRequests] {
        outlives(outage).await;
    }
}
