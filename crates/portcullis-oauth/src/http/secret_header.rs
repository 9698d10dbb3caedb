//! Header values that are zeroed on drop.

use bytes::Bytes;
use reqwest::header::{HeaderValue, InvalidHeaderValue};
use zeroize::Zeroizing;

/// A header value whose memory is zeroed when the last clone is dropped. It is marked as sensitive.
///
/// # Errors
///
/// When the text has characters that a header cannot carry.
pub fn secret_header(text: Zeroizing<Vec<u8>>) -> Result<HeaderValue, InvalidHeaderValue> {
    // `HeaderValue` keeps a `Bytes` without copying. It copies other buffers, and a copy would not be zeroed.
    let mut value = HeaderValue::from_maybe_shared(Bytes::from_owner(text))?;
    value.set_sensitive(true);
    Ok(value)
}
