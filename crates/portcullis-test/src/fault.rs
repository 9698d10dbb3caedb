//! What can go wrong at an endpoint.

use std::time::Duration;

use serde_json::Value;

use crate::Endpoint;

/// A way for an endpoint to fail its callers. Set one with [`TestIssuer::fault`](crate::TestIssuer::fault).
///
/// To have nothing listen at all, see [`TestIssuer::stop`](crate::TestIssuer::stop).
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Fault {
    /// The connection closes without an answer.
    Down,
    /// The good answer, this much later.
    Slow(Duration),
    /// The request is taken and never answered.
    Hang,
    /// The head and half of the good answer come, then nothing more, with the connection open.
    Stalled,
    /// The head and half of the good answer come, then the connection closes.
    CutOff,
    /// This status, with a JSON error for a body. Outside 100 to 999 it answers 500.
    Status(u16),
    /// 429 (RFC 6585 §4), with `Retry-After` in whole seconds when given.
    TooManyRequests {
        /// What `Retry-After` asks for.
        retry_after: Option<Duration>,
    },
    /// 200 with a page for people, as a login wall or a proxy sends.
    Html,
    /// 200 with no body at all.
    Empty,
    /// 200 with an empty key set, `{"keys":[]}`; at the other endpoints, an empty object.
    EmptySet,
    /// 200 with `null`.
    Null,
    /// 200 with the first half of the good answer, as if that were all of it.
    Truncated,
    /// 200 with a body of about this many bytes, streamed in chunks of unknown total: JSON that does not end before.
    Huge {
        /// How much to stream.
        bytes: usize,
    },
    /// 200 with a key set of a thousand keys of strangers, before the published ones. At the other endpoints, the
    /// good answer with a thousand members more.
    ThousandKeys,
    /// 302 to this URL.
    Redirect(String),
    /// 200 with the published keys among others that are of no use: of unknown type, broken, symmetric, with private
    /// members, for encryption. At the other endpoints, the good answer with unknown members.
    NoisyKeys,
    /// The good answer as `text/plain`.
    WrongContentType,
    /// 200 with this JSON.
    Json(Value),
    /// This status, content type and body.
    Answer {
        /// The status; outside 100 to 999 it answers 500.
        status: u16,
        /// The `Content-Type`.
        content_type: &'static str,
        /// The body.
        body: Vec<u8>,
    },
}

/// The faults in force.
#[derive(Default)]
pub(crate) struct Faults([Option<InForce>; Endpoint::ALL.len()]);

struct InForce {
    fault: Fault,
    /// Requests it is still for; `None`: until healed.
    left: Option<usize>,
}

impl Faults {
    pub(crate) fn set(&mut self, endpoint: Endpoint, fault: Fault, times: Option<usize>) {
        self.0[endpoint.index()] = Some(InForce { fault, left: times });
    }

    pub(crate) fn heal(&mut self, endpoint: Endpoint) {
        self.0[endpoint.index()] = None;
    }

    /// The fault that the request now coming in meets.
    pub(crate) fn meet(&mut self, endpoint: Endpoint) -> Option<Fault> {
        let slot = &mut self.0[endpoint.index()];
        match slot.as_mut()?.left.as_mut() {
            Some(0) => {
                *slot = None;
                return None;
            }
            Some(left) => *left -= 1,
            None => {}
        }
        slot.as_ref().map(|in_force| in_force.fault.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_for_two_requests_meets_two() {
        let mut faults = Faults::default();
        faults.set(Endpoint::Jwks, Fault::Null, Some(2));
        assert_eq!(faults.meet(Endpoint::Token), None);
        assert_eq!(faults.meet(Endpoint::Jwks), Some(Fault::Null));
        assert_eq!(faults.meet(Endpoint::Jwks), Some(Fault::Null));
        assert_eq!(faults.meet(Endpoint::Jwks), None);
    }

    #[test]
    fn a_lasting_fault_lasts_until_healed() {
        let mut faults = Faults::default();
        faults.set(Endpoint::Jwks, Fault::Hang, None);
        assert_eq!(faults.meet(Endpoint::Jwks), Some(Fault::Hang));
        assert_eq!(faults.meet(Endpoint::Jwks), Some(Fault::Hang));
        faults.heal(Endpoint::Jwks);
        assert_eq!(faults.meet(Endpoint::Jwks), None);
    }
}
