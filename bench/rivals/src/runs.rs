//! What is sent to contenders: the runs that time and allocations are taken over.

use http::HeaderMap;
use portcullis_jwt::Algorithm;
use portcullis_test::Broken;

use crate::{
    Load, Options, Site, Through,
    contenders::{ApiKey, Floor, StaticBearer},
    rows::Entry,
};

/// The algorithms that are compared.
pub const ALGORITHMS: [Algorithm; 3] = [Algorithm::RS256, Algorithm::ES256, Algorithm::EdDSA];

/// How many tokens the suite's cache holds as it comes.
pub const CACHED: usize = 16 * 1024;

/// How many tokens leave next to no place of it free: their hashes are not spread evenly.
const FILLING: usize = 2 * CACHED;

/// Tokens in a rotation that a cache can hold.
pub const ROTATION: usize = 4096;

/// How requests follow each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Traffic {
    /// One token again and again.
    Hot,
    /// [`ROTATION`] tokens.
    Rotation,
    /// Tokens that have not been seen, or so long ago that no cache holds them.
    Distinct,
}

impl Traffic {
    /// Every one.
    pub const ALL: [Self; 3] = [Self::Hot, Self::Rotation, Self::Distinct];

    /// Its name in tables.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Hot => "one token",
            Self::Rotation => "4096 tokens",
            Self::Distinct => "all distinct",
        }
    }

    /// The name of its run with tokens of an algorithm.
    #[must_use]
    pub fn of(self, algorithm: Algorithm) -> String {
        format!("{algorithm}, {}", self.name())
    }

    /// The load made of a site's tokens, of which `tokens` are to be had.
    ///
    /// # Panics
    /// Where there are too few.
    #[must_use]
    pub fn load(self, tokens: &[String]) -> Load {
        match self {
            Self::Hot => Load::tokens(&tokens[..1]),
            Self::Rotation => Load::tokens(&tokens[..ROTATION]),
            // The first ones fill the caches, and what is measured begins behind them.
            Self::Distinct => Load::tokens(tokens).starting_at(FILLING),
        }
    }

    /// Shows a contender that remembers tokens those that it will have seen by then.
    pub fn show(self, entry: &mut Entry, load: &Load) {
        let shown = match self {
            _ if !entry.remembers => 0,
            Self::Hot => 1,
            Self::Rotation => ROTATION,
            Self::Distinct => FILLING,
        };
        let mut load = load.clone().starting_at(0);
        for _ in 0..shown {
            let headers = load.next_headers();
            entry.target.watched(&headers, &mut |call| call());
        }
    }
}

/// How many tokens are made for a site.
#[must_use]
pub fn tokens(algorithm: Algorithm, options: &Options) -> usize {
    match algorithm {
        _ if options.quick => FILLING + 4096,
        Algorithm::RS256 => FILLING + CACHED,
        _ => 4 * CACHED,
    }
}

/// Credentials that are no tokens of an issuer: the suite's API keys, a fixed bearer value, and the floors.
#[must_use]
pub fn keys(options: &Options) -> Vec<(Entry, Load)> {
    let mut entries = Vec::new();
    for through in [Through::Tower, Through::Axum] {
        let built = [
            (ApiKey::Plain.name(), ApiKey::Plain.build(through)),
            (ApiKey::Peppered.name(), ApiKey::Peppered.build(through)),
            (StaticBearer::NAME, StaticBearer.build(through)),
            (Floor::Token.name(), Floor::Token.build(through)),
            (Floor::Key.name(), Floor::Key.build(through)),
            (Floor::NewToken.name(), Floor::NewToken.build(through)),
        ];
        for (name, built) in built {
            let Ok((built, load)) = built else { continue };
            if options.wants(name) {
                let entry = Entry {
                    name,
                    through,
                    baseline: built.baseline,
                    remembers: false,
                    target: built.target,
                };
                entries.push((entry, load));
            }
        }
    }
    entries
}

/// Tokens that are refused at some cost, and what is wrong with them.
#[must_use]
pub fn refused(site: &Site) -> Vec<(&'static str, Load)> {
    let token = |broken| site.builder().mint_broken(broken);
    [
        ("refused: alg", token(Broken::AlgOther)),
        ("refused: malformed", "a.!.b".to_owned()),
        ("refused: not base64", token(Broken::IllegalCharacter)),
        ("refused: issuer", token(Broken::IssuerOther)),
        ("refused: signature", token(Broken::WrongKey)),
        ("refused: expired", token(Broken::Expired)),
    ]
    .map(|(name, token)| (name, Load::tokens(&[token])))
    .into()
}

/// The headers of a load's first request.
#[must_use]
pub fn first(load: &Load) -> HeaderMap {
    load.clone().next_headers()
}
