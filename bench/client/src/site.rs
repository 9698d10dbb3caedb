//! An issuer on loopback.

use std::time::Duration;

use portcullis_test::TestIssuer;

/// An issuer of tokens, and how long one waits for it.
pub struct Site {
    /// It.
    pub issuer: TestIssuer,
    /// How long its tokens live.
    pub lifetime: Duration,
    /// How long one request to it may take: the same for every contender.
    pub timeout: Duration,
}

impl Site {
    /// Starts one whose tokens live so long.
    ///
    /// # Panics
    /// Where no port can be had.
    pub async fn start(lifetime: Duration, timeout: Duration) -> Self {
        let issuer = TestIssuer::builder().token_lifetime(lifetime);
        Self {
            issuer: issuer.start().await.expect("a free port"),
            lifetime,
            timeout,
        }
    }
}
