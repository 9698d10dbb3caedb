//! Server nonces for DPoP proofs (RFC 9449 §8, §9).

use std::{
    collections::VecDeque,
    fmt,
    sync::{Arc, Mutex, PoisonError},
};

use reqwest::header::HeaderMap;

/// The latest nonce of each server, by origin.
#[derive(Default)]
pub struct DpopNonces {
    /// The most recently learned one in front.
    nonces: Mutex<VecDeque<(Box<str>, Arc<str>)>>,
}

impl DpopNonces {
    /// The response header with a nonce.
    pub const HEADER: &str = "dpop-nonce";
    /// The maximum number of servers. A server whose nonce was evicted asks for it again.
    const MAX_SERVERS: usize = 64;
    /// The maximum length of a nonce, in bytes: it is part of every proof.
    const MAX_BYTES: usize = 512;

    /// The latest nonce of the server at this origin.
    #[must_use]
    pub fn get(&self, origin: &str) -> Option<Arc<str>> {
        let nonces = self.nonces.lock().unwrap_or_else(PoisonError::into_inner);
        let (_, nonce) = nonces.iter().find(|(other, _)| **other == *origin)?;
        Some(nonce.clone())
    }

    /// Stores the nonce in an answer of this server, and returns whether it is new. A repeated header, a value that is too
    /// long, or one with characters that RFC 9449 §8.1 does not allow is ignored.
    pub fn learn(&self, origin: &str, headers: &HeaderMap) -> bool {
        let mut values = headers.get_all(Self::HEADER).iter();
        let (Some(value), None) = (values.next(), values.next()) else {
            return false;
        };
        let is_nonce = |text: &&str| {
            let bytes = text.as_bytes();
            (1..=Self::MAX_BYTES).contains(&bytes.len())
                && bytes
                    .iter()
                    .all(|byte| matches!(byte, 0x21 | 0x23..=0x5b | 0x5d..=0x7e))
        };
        let Some(nonce) = value.to_str().ok().filter(is_nonce) else {
            return false;
        };
        let mut nonces = self.nonces.lock().unwrap_or_else(PoisonError::into_inner);
        let index = nonces.iter().position(|(other, _)| **other == *origin);
        match index {
            Some(index) if *nonces[index].1 == *nonce => return false,
            Some(index) => drop(nonces.remove(index)),
            None => nonces.truncate(Self::MAX_SERVERS - 1),
        }
        nonces.push_front((origin.into(), nonce.into()));
        true
    }
}

impl fmt::Debug for DpopNonces {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DpopNonces").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(nonces: &[&str]) -> HeaderMap {
        let nonces = nonces.iter().map(|nonce| {
            let value = nonce.parse().expect("a header value");
            (DpopNonces::HEADER.parse().expect("a name"), value)
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
        assert!(nonces.learn("a", &headers(&["1"])));
        assert!(!nonces.learn("a", &headers(&["1"])), "it is the same");
        assert!(nonces.learn("b", &headers(&["x"])));
        assert!(nonces.learn("a", &headers(&["2"])));
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
            assert!(!nonces.learn("a", &headers(bad)), "{bad:?}");
        }
        assert_eq!(nonces.get("a"), None);
    }

    #[test]
    fn number_of_servers_is_bounded() {
        let nonces = DpopNonces::default();
        for server in 0..1_000 {
            assert!(nonces.learn(&server.to_string(), &headers(&["n"])));
        }
        assert!(nonces.get("999").is_some() && nonces.get("936").is_some());
        assert!(nonces.get("935").is_none());
    }
}
