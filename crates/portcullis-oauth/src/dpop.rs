//! Proofs of DPoP keys, and the server nonces in them (RFC 9449).

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex},
};

use portcullis_core::lock;
use portcullis_jose::{DpopKey, DpopRequest};
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};

use crate::FetchError;

/// The latest nonce of each server, by origin (RFC 9449 §8, §9).
#[derive(Debug, Default)]
pub struct DpopNonces {
    /// The most recently learned nonce is in front.
    nonces: Mutex<VecDeque<(Box<str>, Arc<str>)>>,
}

impl DpopNonces {
    /// The request header with a proof (RFC 9449 §4.1).
    pub const PROOF_HEADER: HeaderName = HeaderName::from_static("dpop");
    /// The response header with a nonce (RFC 9449 §8.1).
    pub const NONCE_HEADER: &str = "dpop-nonce";
    /// The maximum number of servers. A server whose nonce was evicted asks for it again.
    const MAX_SERVERS: usize = 64;
    /// The maximum length of a nonce, in bytes: it is part of every proof.
    const MAX_BYTES: usize = 512;

    /// The value of [`PROOF_HEADER`](Self::PROOF_HEADER) for a request to the server at this origin, marked as sensitive. Also returns the
    /// nonce in it: the server's latest.
    ///
    /// # Errors
    ///
    /// When the proof cannot be signed.
    pub fn proof(
        &self,
        key: &DpopKey,
        origin: &str,
        request: &DpopRequest<'_>,
    ) -> Result<(HeaderValue, Option<Arc<str>>), FetchError> {
        let nonce = self.get(origin);
        let proof = key.proof(request, nonce.as_deref());
        let proof = proof.map_err(|error| error.to_string());
        let value = proof.and_then(|proof| HeaderValue::try_from(proof).map_err(|e| e.to_string()));
        let mut value = value.map_err(|error| {
            let message = format!("cannot sign the DPoP proof for {origin}: {error}");
            FetchError::credential(message)
        })?;
        value.set_sensitive(true);
        Ok((value, nonce))
    }

    fn get(&self, origin: &str) -> Option<Arc<str>> {
        let nonces = lock(&self.nonces);
        let (_, nonce) = nonces.iter().find(|(other, _)| **other == *origin)?;
        Some(nonce.clone())
    }

    /// Takes the nonce from the headers of an answer and stores it. Returns whether the server's latest nonce differs from `sent`, the
    /// nonce in the proof. A repeated header, and a nonce that is too long or not allowed by RFC 9449 §8.1, are ignored.
    pub fn learn(&self, origin: &str, headers: &HeaderMap, sent: Option<&str>) -> bool {
        let mut values = headers.get_all(Self::NONCE_HEADER).iter();
        if let (Some(value), None) = (values.next(), values.next())
            && let Ok(nonce) = value.to_str()
            && (1..=Self::MAX_BYTES).contains(&nonce.len())
            && nonce
                .bytes()
                .all(|byte| matches!(byte, 0x21 | 0x23..=0x5b | 0x5d..=0x7e))
        {
            let mut nonces = lock(&self.nonces);
            nonces.retain(|(other, _)| **other != *origin);
            nonces.truncate(Self::MAX_SERVERS - 1);
            nonces.push_front((origin.into(), nonce.into()));
        }
        self.get(origin).as_deref() != sent
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(nonces: &[&str]) -> HeaderMap {
        let nonces = nonces.iter().map(|nonce| {
            let value = nonce.parse().expect("a header value");
            (DpopNonces::NONCE_HEADER.parse().expect("a name"), value)
        });
        let mut headers = HeaderMap::new();
        for (name, value) in nonces {
            headers.append::<reqwest::header::HeaderName>(name, value);
        }
        headers
    }

    #[test]
    fn latest_nonce_of_each_server_is_kept() {
        let nonces = DpopNonces::default();
        assert_eq!(nonces.get("a"), None);
        assert!(nonces.learn("a", &headers(&["1"]), None));
        assert!(!nonces.learn("a", &headers(&["1"]), Some("1")));
        assert!(nonces.learn("b", &headers(&["x"]), Some("1")));
        assert!(nonces.learn("a", &headers(&["2"]), Some("1")));
        assert_eq!(nonces.get("a").as_deref(), Some("2"));
        assert_eq!(nonces.get("b").as_deref(), Some("x"));
    }

    #[test]
    fn invalid_nonce_is_ignored() {
        let nonces = DpopNonces::default();
        let long = "n".repeat(513);
        for bad in [
            &[][..],
            &[""],
            &["1", "2"],
            &["a b"],
            &["a\"b"],
            &["a\\b"],
            &[&long],
        ] {
            assert!(!nonces.learn("a", &headers(bad), None), "{bad:?}");
        }
        assert_eq!(nonces.get("a"), None);
    }

    #[test]
    fn number_of_servers_is_bounded() {
        let nonces = DpopNonces::default();
        for server in 0..1_000 {
            assert!(nonces.learn(&server.to_string(), &headers(&["n"]), None));
        }
        assert!(nonces.get("999").is_some() && nonces.get("936").is_some());
        assert!(nonces.get("935").is_none());
    }
}
