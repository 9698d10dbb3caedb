//! The bearer token for metadata and key sets, read from a file.

use std::{
    io,
    path::{Path, PathBuf},
    time::Duration,
};

use portcullis_file::MAX_CREDENTIAL_BYTES;
use reqwest::header::HeaderValue;
use tokio::time::timeout;
use zeroize::Zeroizing;

use super::headers::secret_header;
use crate::{Blocking, FetchError};

const SCHEME: &[u8] = b"Bearer ";

#[derive(Debug)]
pub(super) struct TokenFile {
    pub(super) path: PathBuf,
    pub(super) reads: Blocking<()>,
}

impl TokenFile {
    /// Reads the value of `Authorization`, for each request: Kubernetes replaces its tokens every hour.
    pub(super) async fn read(&self, limit: Duration) -> Result<HeaderValue, FetchError> {
        let path = self.path.clone();
        let reading = self.reads.run(move |()| header_value(&path));
        let value = timeout(limit, reading).await.unwrap_or_else(|_| {
            Err(io::Error::other(format!(
                "no result within the `timeout` of {limit:?}: check the volume that the file is on"
            )))
        });
        value.map_err(|error| {
            let path = self.path.display();
            FetchError::credential(format!("cannot read the bearer token file {path}: {error}"))
        })
    }
}

/// The token in a value that [`TokenFile::read`] returned.
pub(super) fn token(value: &HeaderValue) -> &[u8] {
    &value.as_bytes()[SCHEME.len()..]
}

fn header_value(path: &Path) -> io::Result<HeaderValue> {
    let contents = portcullis_file::read_trusted(path, MAX_CREDENTIAL_BYTES)?;
    let token = contents.bytes().trim_ascii();
    if token.is_empty() || !token.iter().all(u8::is_ascii_graphic) {
        let problem =
            "it must have one token of visible ASCII characters: write the token alone to it";
        return Err(io::Error::other(problem));
    }
    let value = Zeroizing::new([SCHEME, token].concat());
    secret_header(value).map_err(io::Error::other)
}
