//! A bearer token for metadata and key sets, from a file.

use std::{io, path::Path, sync::Arc, time::Duration};

use reqwest::header::HeaderValue;
use tokio::time::timeout;

use super::read_secret_file;
use crate::{FetchError, FetchErrorKind};

/// The value of `Authorization`. The file is read for every request, since Kubernetes replaces its tokens every hour.
pub(super) async fn read(path: &Arc<Path>, patience: Duration) -> Result<HeaderValue, FetchError> {
    let shared = path.clone();
    let reading = tokio::task::spawn_blocking(move || value(&shared));
    let value = match timeout(patience, reading).await {
        Ok(read) => read.unwrap_or_else(|error| Err(io::Error::other(error))),
        Err(_) => Err(io::ErrorKind::TimedOut.into()),
    };
    value.map_err(|error| {
        let path = path.display();
        FetchError::new(
            FetchErrorKind::Credential,
            format!("bearer token file {path}: {error}"),
        )
    })
}

fn value(path: &Path) -> io::Result<HeaderValue> {
    let content = read_secret_file(path)?;
    let token = content.expose().trim_ascii();
    if token.is_empty() || !token.iter().all(|byte| matches!(byte, 0x21..=0x7e)) {
        return Err(io::Error::other(
            "it must hold one token, in visible ASCII characters",
        ));
    }
    let mut value = HeaderValue::from_bytes(&[b"Bearer ", token].concat())
        .map_err(|_| io::Error::other("no header can carry the token"))?;
    value.set_sensitive(true);
    Ok(value)
}
