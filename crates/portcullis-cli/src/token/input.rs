//! The token on standard input.

use std::io::{self, stdin};

use portcullis_api_key::{ApiKey, InvalidApiKey};
use portcullis_core::Secret;

/// Reads the token, without white space around it and without the name and the scheme of a header.
pub(super) fn read() -> io::Result<Secret> {
    /// A token has at most 8 KiB by default.
    const MAX_BYTES: u64 = 64 * 1024;

    let failed = |problem: &str| io::Error::other(format!("standard input: {problem}"));
    let input = portcullis_file::read_bounded(stdin(), MAX_BYTES)
        .map_err(|error| failed(&error.to_string()))?;
    let Ok(token) = std::str::from_utf8(&input) else {
        return Err(failed("it is not text (UTF-8): pipe in the token alone"));
    };
    let mut token = token.trim_ascii();
    for start in ["Authorization:", "Bearer"] {
        let (found, rest) = token.split_at_checked(start.len()).unwrap_or_default();
        if found.eq_ignore_ascii_case(start) {
            token = rest.trim_ascii();
        }
    }
    if token.is_empty() {
        return Err(failed("it has no token: pipe one in, or use `< FILE`"));
    }
    if token.starts_with('{') && token.contains("\"access_token\"") {
        return Err(failed(
            "it is a whole token response: pipe only the value of `access_token`, for example with `jq -r .access_token`",
        ));
    }
    if !matches!(ApiKey::parse(token), Err(InvalidApiKey::Form)) {
        return Err(failed(
            "it is an API key, not a token: send it as `X-API-Key: <key>`; `portcullis keys` lists and revokes it",
        ));
    }
    Ok(Secret::new(token))
}
