//! Headers that were read before: an issuer signs all its tokens under the same few.

use std::hash::BuildHasher;
use std::sync::Arc;

use arc_swap::ArcSwapOption;
use foldhash::fast::RandomState;
use portcullis_jose::{CompactJws, Header, HeaderBuffer, JwsError};

/// The headers of tokens that were verified, each in the one place that its text has.
///
/// What a header says follows from its text alone, so nothing here is ever out of date. Only verified tokens bring
/// theirs, so that junk drives none out.
pub(crate) struct KnownHeaders {
    seed: RandomState,
    places: [ArcSwapOption<Known>; Self::PLACES],
}

struct Known {
    encoded: Box<[u8]>,
    header: Header<'static>,
}

impl KnownHeaders {
    /// For a few issuers, each with a key or two.
    const PLACES: usize = 32;
    /// Longer ones carry what is no use here, such as certificates, and are parsed each time.
    const MAX_BYTES: usize = 512;

    pub(crate) fn new() -> Self {
        Self {
            seed: RandomState::default(),
            places: [const { ArcSwapOption::const_empty() }; Self::PLACES],
        }
    }

    /// What `judge` says of a token with this header, which is parsed if it was not met before.
    pub(crate) fn read<R, E: From<JwsError>>(
        &self,
        jws: &CompactJws<'_>,
        judge: impl FnOnce(&Header<'_>) -> Result<R, E>,
    ) -> Result<R, E> {
        let encoded = jws.encoded_header();
        let place = &self.places[self.seed.hash_one(encoded) as usize % Self::PLACES];
        if let Some(known) = place
            .load()
            .as_ref()
            .filter(|known| *known.encoded == *encoded)
        {
            return judge(&known.header);
        }
        let mut buffer = HeaderBuffer::new();
        let header = jws.header(&mut buffer)?;
        let verified = judge(&header)?;
        if encoded.len() <= Self::MAX_BYTES {
            place.store(Some(Arc::new(Known {
                encoded: encoded.into(),
                header: header.into_owned(),
            })));
        }
        Ok(verified)
    }
}

#[cfg(test)]
mod tests {
    use base64::Engine as _;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;
    use portcullis_jose::Algorithm;

    use super::*;

    fn token(header: &str) -> String {
        format!("{}.e30.", URL_SAFE_NO_PAD.encode(header))
    }

    /// The algorithm of a header, and whether the token is then taken for verified.
    fn read(known: &KnownHeaders, token: &str, verified: bool) -> Result<Algorithm, JwsError> {
        let jws = CompactJws::parse(token)?;
        known.read(&jws, |header| {
            if verified {
                Ok(header.algorithm())
            } else {
                Err(JwsError::KidTooLong)
            }
        })
    }

    fn count(known: &KnownHeaders) -> usize {
        let places = known.places.iter();
        places.filter(|place| place.load().is_some()).count()
    }

    #[test]
    fn a_header_reads_the_same_each_time() {
        let known = KnownHeaders::new();
        for _ in 0..2 {
            for algorithm in Algorithm::ASYMMETRIC {
                let token = token(&format!(r#"{{"alg":"{algorithm}","kid":"a"}}"#));
                assert_eq!(read(&known, &token, true), Ok(algorithm));
                let jws = CompactJws::parse(&token).expect("three parts");
                let kid = known.read(&jws, |header| {
                    Ok::<_, JwsError>(header.kid().map(str::to_owned))
                });
                assert_eq!(kid, Ok(Some("a".to_owned())));
            }
        }
        assert!(count(&known) > 5);
    }

    #[test]
    fn only_short_headers_of_verified_tokens_are_kept() {
        let known = KnownHeaders::new();
        let token_of = |length: usize| {
            token(&format!(
                r#"{{"alg":"ES256","x":"{}"}}"#,
                "x".repeat(length)
            ))
        };
        assert!(read(&known, &token_of(1), false).is_err());
        assert!(read(&known, &token(r#"{"alg":"none"}"#), true).is_err());
        assert_eq!(read(&known, &token_of(500), true), Ok(Algorithm::ES256));
        assert_eq!(count(&known), 0);
        assert_eq!(read(&known, &token_of(1), true), Ok(Algorithm::ES256));
        assert_eq!(count(&known), 1);
    }
}
