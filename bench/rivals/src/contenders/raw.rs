//! The signature alone.

use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, ED25519, ParsedPublicKey, RSA_PKCS1_2048_8192_SHA256,
};
use portcullis_jose::{Algorithm, CompactJws, SignatureBuffer};

use super::{Absent, Built, RAW, Rival};
use crate::{Site, Through, bare::Baseline, function::Function};

/// aws-lc-rs on a prepared key, over bytes that are decoded already: what no check can be below.
pub struct Raw;

struct Signed {
    message: Vec<u8>,
    signature: Vec<u8>,
}

impl Rival for Raw {
    fn name(&self) -> &'static str {
        RAW
    }

    fn note(&self) -> &'static str {
        "1.19; ParsedPublicKey::verify_sig over the same tokens, split and decoded beforehand: the signature and nothing else"
    }

    fn ways(&self) -> &'static [Through] {
        &[Through::Function]
    }

    fn build(&self, site: &Site, _: Through) -> Result<Built, Absent> {
        let der = site.signer.key().public_der();
        let key = match site.algorithm() {
            Algorithm::RS256 => ParsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, der),
            Algorithm::ES256 => ParsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, der),
            _ => ParsedPublicKey::new(&ED25519, der),
        }?;
        let check =
            move |signed: &Signed| key.verify_sig(&signed.message, &signed.signature).is_ok();
        Ok(Built::over(Baseline::Nothing, Function::new(split, check)))
    }
}

fn split(token: &str) -> Option<Signed> {
    let jws = CompactJws::parse(token).ok()?;
    let mut buffer = SignatureBuffer::new();
    Some(Signed {
        message: jws.signing_input().to_vec(),
        signature: jws.signature(&mut buffer).ok()?.to_vec(),
    })
}
