//! Several schemes side by side: which one was used, and what it says.

use std::sync::Arc;

use http::HeaderName;

use crate::{
    ConfigError, CredentialSource, Failure, FailureKind, Head, Outcome, PendingOutcome, Presence,
    Principal, Refusal, Scheme, offer::Offer, refusal_log::RefusalLog,
};

/// The schemes of one layer. No two of them read the same part of a request.
pub(crate) struct Chain {
    links: Box<[Link]>,
    offer: Arc<Offer>,
}

struct Link {
    scheme: Arc<dyn Scheme>,
    source: CredentialSource,
}

/// What the chain found.
pub(crate) enum Finding<'c> {
    /// No scheme's credential was sent.
    Nothing,
    /// The credential holds. It was read from this header.
    Genuine(Principal, Option<&'c HeaderName>),
    /// One scheme must wait for IO.
    Undecided(PendingOutcome, usize),
    /// The request is refused.
    Refused(Refusal),
}

impl Chain {
    pub(crate) fn new(schemes: Vec<Arc<dyn Scheme>>) -> Result<Self, ConfigError> {
        if schemes.is_empty() {
            return Err(ConfigError::new(
                "schemes",
                "the list is empty: give at least one way to authenticate",
            ));
        }
        let offer = Arc::new(Offer::new(&schemes));
        let mut links: Vec<Link> = Vec::with_capacity(schemes.len());
        for scheme in schemes {
            let source = scheme.source();
            if let Some(other) = links.iter().find(|other| other.source.overlaps(&source)) {
                let problem = format!(
                    "{} and {} would read the same credential ({source:?}): give one of them another header, or let one scheme trust both",
                    other.scheme.challenge().name(),
                    scheme.challenge().name(),
                );
                return Err(ConfigError::new("schemes", problem));
            }
            links.push(Link { scheme, source });
        }
        Ok(Self {
            links: links.into(),
            offer,
        })
    }

    /// Finds the one credential that was sent and has its scheme decide. A scheme that fails ends it: no other is
    /// asked instead.
    pub(crate) fn evaluate(&self, head: &Head<'_>) -> Finding<'_> {
        let (index, credential) = match self.find(head) {
            Ok(Some(found)) => found,
            Ok(None) => return Finding::Nothing,
            Err(refusal) => return Finding::Refused(refusal),
        };
        match self.links[index].scheme.authenticate(head, credential) {
            Outcome::Done(Ok(principal)) => Finding::Genuine(principal, self.header(index)),
            Outcome::Done(Err(failure)) => {
                let failure = self.explained(failure, credential, index);
                Finding::Refused(self.refusal(failure, index))
            }
            Outcome::Pending(pending) => Finding::Undecided(pending, index),
        }
    }

    /// The header that the scheme at `index` reads.
    pub(crate) fn header(&self, index: usize) -> Option<&HeaderName> {
        self.links[index].source.header()
    }

    /// The refusal that the scheme at `index` gives.
    pub(crate) fn refusal(&self, failure: Failure, index: usize) -> Refusal {
        Refusal::new(failure, self.offer.challenges(), Some(index))
    }

    /// What counts the refusals that concern no single scheme.
    pub(crate) fn log(&self) -> &Arc<RefusalLog> {
        self.links[0].scheme.challenge().log()
    }

    pub(crate) fn offer(&self) -> &Arc<Offer> {
        &self.offer
    }

    pub(crate) fn names(&self) -> impl Iterator<Item = &'static str> {
        let challenges = self.offer.challenges();
        challenges.iter().map(|challenge| challenge.name())
    }

    /// Says so where the credential that the scheme at `index` refuses has the form of another scheme's.
    #[cold]
    fn explained(&self, failure: Failure, credential: &[u8], index: usize) -> Failure {
        if !matches!(
            failure.kind(),
            FailureKind::Invalid | FailureKind::Malformed
        ) {
            return failure;
        }
        match self.offer.misplaced_credential(credential, index) {
            Some(misplaced) => failure.told(misplaced),
            None => failure,
        }
    }

    /// The scheme whose credential was sent, and the credential. The connection's counts only where no header's was.
    fn find<'h>(&self, head: &Head<'h>) -> Result<Option<(usize, &'h [u8])>, Refusal> {
        let (mut in_header, mut on_connection) = (None, None);
        for (index, link) in self.links.iter().enumerate() {
            match link.scheme.detect(head) {
                Presence::Absent => {}
                Presence::Malformed(failure) => return Err(self.refusal(failure, index)),
                Presence::Present(credential) if link.source == CredentialSource::Connection => {
                    on_connection = Some((index, credential));
                }
                Presence::Present(credential) if in_header.is_none() => {
                    in_header = Some((index, credential));
                }
                Presence::Present(_) => {
                    return Err(self.refusal(
                        Failure::malformed("two credentials were sent at once: send one"),
                        index,
                    ));
                }
            }
        }
        Ok(in_header.or(on_connection))
    }
}
