//! Tests that header values with secrets are zeroed on drop.

use std::{fs::File, os::unix::fs::FileExt as _};

use http::{HeaderMap, HeaderValue, header::AUTHORIZATION};
use portcullis_core::Secret;

use crate::{AccessToken, ApiKeySource};

/// Reads this process's memory, without allocating: an allocation could overwrite freed memory.
struct Probe {
    memory: File,
    found: Vec<u8>,
    secret: Vec<u8>,
}

impl Probe {
    fn new() -> Self {
        let secret = secret();
        Self {
            memory: File::open("/proc/self/mem").expect("this process's memory"),
            found: vec![0; secret.len()],
            secret,
        }
    }

    /// How many bytes at this address equal those of the secret.
    fn left_at(&mut self, address: usize) -> usize {
        self.memory
            .read_exact_at(&mut self.found, address as u64)
            .expect("mapped memory");
        let pairs = self.found.iter().zip(&self.secret);
        pairs.filter(|(found, secret)| found == secret).count()
    }
}

/// Contains no zero byte.
fn secret() -> Vec<u8> {
    (0..4096).map(|index| b'A' + (index % 50) as u8).collect()
}

fn assert_wiped(header: HeaderValue, scheme: &str, drop_others: impl FnOnce()) {
    let mut probe = Probe::new();
    let all = probe.secret.len();
    assert!(header.is_sensitive());
    let address = header.as_bytes()[scheme.len()..].as_ptr() as usize;
    assert_eq!(probe.left_at(address), all);
    drop_others();
    assert_eq!(probe.left_at(address), all, "a clone still uses it");
    drop(header);
    let left = probe.left_at(address);
    assert!(left < 64, "{left} bytes are left in freed memory");
}

#[test]
fn token_header_is_zeroed_when_its_last_clone_is_dropped() {
    let text = String::from_utf8(secret()).expect("text");
    let token = AccessToken::example(&text, None);
    let mut headers = HeaderMap::new();
    token.insert_header(&mut headers);
    let header = headers.remove(AUTHORIZATION).expect("the header");
    assert_wiped(header, "Bearer ", || drop(token));
}

#[test]
fn replaced_api_key_is_zeroed() {
    let source = ApiKeySource::new(&Secret::new(secret())).expect("a key");
    let header = source.value();
    assert_wiped(header, "", || {
        let other = Secret::new("another-key");
        source.replace(&other).expect("replaced");
    });
}
