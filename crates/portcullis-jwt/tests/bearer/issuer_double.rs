//! An issuer whose keys and answers the test sets.

use std::{
    future::poll_fn,
    pin::pin,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    task::Poll,
    time::Duration,
};

use portcullis_core::{
    Principal,
    clock::UnixTime,
    scheme::{Failure, Outcome},
};
use portcullis_jose::KeySet;
use portcullis_jwt::{Bearer, IssuerKeys, KeyPublisher, RefreshAnswer, Refresher};

use crate::{
    bearer, next_signer, poll, send,
    support::{ISSUER, ManualClock, NOW, Signer, claims, signer},
};

/// An owner of keys with prepared answers, which counts its calls.
#[derive(Clone, Default)]
pub(crate) struct Owner(pub(crate) Arc<OwnerState>);

#[derive(Default)]
pub(crate) struct OwnerState {
    pub(crate) answer: Mutex<Answer>,
    pub(crate) unknown_keys: AtomicUsize,
    pub(crate) bad_signatures: AtomicUsize,
    pub(crate) no_keys: AtomicUsize,
    /// Runs once before the next answer to an unknown key.
    pub(crate) action: Mutex<Option<Box<dyn FnOnce() + Send>>>,
}

#[derive(Clone, Copy, Default)]
pub(crate) enum Answer {
    /// Waits until the test sets another answer.
    #[default]
    Wait,
    Done,
    Failed,
    Exhausted,
    Saturated,
}

impl Owner {
    pub(crate) fn answer(&self, answer: Answer) {
        *self.0.answer.lock().expect("no panic") = answer;
    }

    pub(crate) fn signals(&self) -> (usize, usize) {
        (
            self.0.unknown_keys.load(Ordering::SeqCst),
            self.0.bad_signatures.load(Ordering::SeqCst),
        )
    }
}

impl Refresher for Owner {
    fn request_newer_keys(&self, _: u64) -> RefreshAnswer {
        self.0.unknown_keys.fetch_add(1, Ordering::SeqCst);
        if let Some(action) = self.0.action.lock().expect("no panic").take() {
            action();
        }
        match *self.0.answer.lock().expect("no panic") {
            Answer::Exhausted => RefreshAnswer::Exhausted,
            Answer::Saturated => RefreshAnswer::Saturated,
            Answer::Wait | Answer::Done | Answer::Failed => {
                let state = self.0.clone();
                RefreshAnswer::Wait(Box::pin(poll_fn(move |_| {
                    match *state.answer.lock().expect("no panic") {
                        Answer::Done => Poll::Ready(true),
                        Answer::Failed => Poll::Ready(false),
                        _ => Poll::Pending,
                    }
                })))
            }
        }
    }

    fn report_bad_signature(&self) {
        self.0.bad_signatures.fetch_add(1, Ordering::SeqCst);
    }

    fn report_no_keys(&self) {
        self.0.no_keys.fetch_add(1, Ordering::SeqCst);
    }

    fn next_attempt(&self) -> Option<Duration> {
        Some(Duration::from_secs(20))
    }
}

pub(crate) struct Scene {
    pub(crate) owner: Owner,
    pub(crate) publisher: KeyPublisher,
    pub(crate) bearer: Bearer,
    pub(crate) clock: ManualClock,
}

impl Scene {
    /// An issuer without keys.
    pub(crate) fn empty() -> Self {
        let (owner, clock) = (Owner::default(), ManualClock::new());
        let (keys, publisher) =
            IssuerKeys::refreshed(ISSUER, Box::new(owner.clone())).expect("an issuer");
        Self {
            owner,
            publisher,
            bearer: bearer(&keys, &clock),
            clock,
        }
    }

    /// An issuer that has published [`signer`]'s key.
    pub(crate) fn loaded() -> Self {
        let mut scene = Self::empty();
        scene.publish(signer().key_set());
        scene
    }

    pub(crate) fn publish(&mut self, keys: KeySet) {
        self.publisher.publish(
            keys,
            UnixTime::from_secs(NOW),
            UnixTime::from_secs(NOW + 3_600),
        );
    }

    pub(crate) fn send(&self, signer: &Signer) -> Outcome {
        send(&self.bearer, &signer.access_token(&claims()))
    }

    /// Sends a token of an unknown key, which waits. Runs `action`, and returns the verdict.
    pub(crate) fn wait(&mut self, action: impl FnOnce(&mut Self)) -> Result<Principal, Failure> {
        self.wait_for(Answer::Done, action)
    }

    pub(crate) fn wait_for(
        &mut self,
        end: Answer,
        action: impl FnOnce(&mut Self),
    ) -> Result<Principal, Failure> {
        let Outcome::Pending(future) = self.send(&next_signer()) else {
            panic!("the request does not wait")
        };
        let mut future = pin!(future);
        assert!(poll(future.as_mut()).is_pending());
        action(self);
        self.owner.answer(end);
        let Poll::Ready(verdict) = poll(future) else {
            panic!("the request still waits")
        };
        verdict
    }
}
