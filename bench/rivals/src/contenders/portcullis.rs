//! The suite.

use portcullis_core::{AuthenticateLayer, RequireScopeLayer, Scope};
use portcullis_jose::KeySet;
use portcullis_jwt::{Bearer, BearerBuilder, IssuerKeys, JwtVerifier, TrustedIssuers};
use tower::ServiceBuilder;

use super::{Absent, Built, Rival, SUITE};
use crate::{AUDIENCE, Site, Through, layered::layered};

const READ: Scope = Scope::from_static("orders:read");

/// The suite, in the ways it is used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Suite {
    /// As it comes: with its cache of verified tokens.
    Default,
    /// Without that cache.
    WithoutCache,
    /// As it comes, with a guard that asks for a scope.
    Guarded,
    /// As it comes, for four issuers.
    Trusting,
}

impl Rival for Suite {
    fn name(&self) -> &'static str {
        match self {
            Self::Default => SUITE,
            Self::WithoutCache => "portcullis, no cache",
            Self::Guarded => "portcullis + scope guard",
            Self::Trusting => "portcullis, 4 issuers",
        }
    }

    fn note(&self) -> &'static str {
        match self {
            Self::Default => {
                "AuthenticateLayer over Bearer::jwt as it comes, its token cache on; aws-lc-rs"
            }
            Self::WithoutCache => "the same without_token_cache",
            Self::Guarded => "as it comes, and RequireScopeLayer::all of one scope",
            Self::Trusting => "Bearer::trusting over TrustedIssuers of four, its token cache on",
        }
    }

    fn remembers(&self) -> bool {
        *self != Self::WithoutCache
    }

    fn build(&self, site: &Site, through: Through) -> Result<Built, Absent> {
        let bearer = match self {
            Self::Default | Self::Guarded => builder(site)?.build()?,
            Self::WithoutCache => builder(site)?.without_token_cache().build()?,
            Self::Trusting => trusting(site)?,
        };
        let layer = AuthenticateLayer::new(bearer);
        if *self == Self::Guarded {
            let guard = RequireScopeLayer::all([READ]);
            return layered(ServiceBuilder::new().layer(layer).layer(guard), through);
        }
        layered(layer, through)
    }
}

fn builder(site: &Site) -> Result<BearerBuilder, Absent> {
    Ok(Bearer::jwt(&keys(site, &site.url)?)
        .audience(AUDIENCE)
        .algorithms([site.algorithm()]))
}

fn trusting(site: &Site) -> Result<Bearer, Absent> {
    let others = ["a", "b", "c"].map(|name| format!("https://{name}.example.com"));
    let mut verifiers = Vec::new();
    for issuer in others.iter().chain([&site.url]) {
        let verifier = JwtVerifier::of(&keys(site, issuer)?)
            .audience(AUDIENCE)
            .algorithms([site.algorithm()]);
        verifiers.push(verifier.build()?);
    }
    Ok(Bearer::trusting(&TrustedIssuers::new(verifiers)?).build()?)
}

fn keys(site: &Site, issuer: &str) -> Result<IssuerKeys, Absent> {
    let keys = KeySet::parse(site.signer.jwks().as_bytes())?;
    Ok(IssuerKeys::fixed(issuer, keys)?)
}
