//! The nonces that servers want to see in DPoP proofs (RFC 9449 §8, §9).

use std::{
    collections::VecDeque,
    fmt,
    sync::{Arc, Mutex, PoisonError},
};

use reqwest::header::HeaderMap;

/// The newest nonce of each server, by its origin.
#[derive(Default)]
pub struct DpopNonces {
    /// The one that was learnt last in front.
    kept: Mutex<VecDeque<(Box<str>, Arc<str>)>>,
}

impl DpopNonces {
    /// The header that a server gives its nonces in.
    pub const HEADER: &str = "dpop-nonce";
    /// The nonces of how many servers are kept. A server whose nonce is not there asks for it again.
    const KEPT: usize = 64;
    /// The longest that is kept, in bytes: it goes into every proof.
    const LONGEST: usize = 512;

    /// The newest nonce of the server at this origin.
    #[must_use]
    pub fn get(&self, origin: &str) -> Option<Arc<str>> {
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let (_, nonce) = kept.iter().find(|(other, _)| **other == *origin)?;
        Some(nonce.clone())
    }

    /// Keeps the nonce that an answer of this server gives, and says whether it is another than before. One that is
    /// given twice, is too long, or has characters that no nonce has (RFC 9449 §8.1) counts as none.
    pub fn learn(&self, origin: &str, headers: &HeaderMap) -> bool {
        let mut values = headers.get_all(Self::HEADER).iter();
        let (Some(value), None) = (values.next(), values.next()) else {
            return false;
        };
        let is_nonce = |text: &&str| {
            let bytes = text.as_bytes();
            (1..=Self::LONGEST).contains(&bytes.len())
                && bytes
                    .iter()
                    .all(|byte| matches!(byte, 0x21 | 0x23..=0x5b | 0x5d..=0x7e))
        };
        let Some(nonce) = value.to_str().ok().filter(is_nonce) else {
            return false;
        };
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let place = kept.iter().position(|(other, _)| **other == *origin);
        match place {
            Some(place) if *kept[place].1 == *nonce => return false,
            Some(place) => drop(kept.remove(place)),
            None => kept.truncate(Self::KEPT - 1),
        }
        kept.push_front((origin.into(), nonce.into()));
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
    fn the_newest_nonce_of_each_server() {
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
    fn what_is_no_nonce_changes_nothing() {
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
    fn servers_without_end_do_not_fill_the_memory() {
        let nonces = DpopNonces::default();
        for server in 0..1_000 {
            assert!(nonces.learn(&server.to_string(), &headers(&["n"])));
        }
        assert!(nonces.get("999").is_some() && nonces.get("936").is_some());
        assert!(nonces.get("935").is_none());
    }
}
