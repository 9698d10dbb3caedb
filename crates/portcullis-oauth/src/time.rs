//! Times in messages.

use portcullis_core::clock::UnixTime;
use x509_cert::der::DateTime;

/// The time as text (RFC 3339, UTC), to the second. A time after the year 9999 becomes the last of that year.
pub fn to_rfc3339(time: UnixTime) -> String {
    let time = DateTime::from_unix_duration(time.as_duration());
    time.unwrap_or(DateTime::INFINITY).to_string()
}
