//! Makes new fixtures. The private keys are not kept.

use std::fs;
use std::path::Path;
use std::time::Duration;

use portcullis_api_key::{ApiKey, KeyPrefix};
use portcullis_bench_common::Signer;
use portcullis_bench_instructions::NOW;
use portcullis_jwt::Algorithm;

fn main() -> std::io::Result<()> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures");
    let write = |name: String, text: &[u8]| fs::write(folder.join(name), text);
    for algorithm in [Algorithm::RS256, Algorithm::ES256, Algorithm::EdDSA] {
        let signer = Signer::new(algorithm);
        let issued = NOW.saturating_sub(Duration::from_mins(10));
        let token = signer
            .builder()
            .issued_at(issued)
            .expires_at(issued.saturating_add(Duration::from_hours(1)))
            .mint();
        write(format!("{algorithm}.jwks.json"), signer.jwks().as_bytes())?;
        write(format!("{algorithm}.jwt"), token.as_bytes())?;
        write(format!("{algorithm}.der"), &signer.key.public_der())?;
    }
    let key = ApiKey::generate(&KeyPrefix::default()).expect("random numbers");
    write("api-key.txt".to_owned(), key.expose().as_bytes())
}
