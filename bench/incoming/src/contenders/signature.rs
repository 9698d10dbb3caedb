//! The signature check alone.

use std::sync::Arc;

use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, ED25519, ParsedPublicKey, RSA_PKCS1_2048_8192_SHA256,
};
use portcullis_jose::{Algorithm, CompactJws};

use super::{Rival, filter};
use crate::check::Through;

/// The least that verifying a new token costs.
pub(super) const RIVAL: Rival = Rival {
    through: &[Through::Tower],
    is_signature_alone: true,
    ..Rival::new(
        "aws-lc-rs verify_sig",
        "1.19 in a tower filter; ParsedPublicKey::verify_sig over the decoded signature: claims are not read",
        |site, _| {
            let der = site.signer.key.public_der();
            let key = Arc::new(match site.signer.algorithm {
                Algorithm::RS256 => ParsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, der),
                Algorithm::ES256 => ParsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, der),
                _ => ParsedPublicKey::new(&ED25519, der),
            }?);
            Ok(filter(move |token| {
                CompactJws::parse(token).is_ok_and(|jws| {
                    jws.signature().is_ok_and(|signature| {
                        key.verify_sig(jws.signing_input(), &signature).is_ok()
                    })
                })
            }))
        },
    )
};
