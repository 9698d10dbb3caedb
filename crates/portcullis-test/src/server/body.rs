//! Response bodies, complete or broken off.

use std::{future::ready, io};

use bytes::Bytes;
use futures_util::{
    Stream, StreamExt as _,
    stream::{iter, once, pending},
};
use http_body::Frame;
use http_body_util::{BodyExt as _, Full, StreamBody, combinators::UnsyncBoxBody};

/// An error ends the connection.
pub(super) type Body = UnsyncBoxBody<Bytes, io::Error>;

pub(super) fn complete(bytes: Bytes) -> Body {
    let body = Full::new(bytes);
    body.map_err(|never| match never {}).boxed_unsync()
}

/// Chunks of unknown total length.
pub(super) fn chunked(chunks: impl Iterator<Item = Bytes> + Send + 'static) -> Body {
    streamed(iter(chunks.map(Ok)))
}

/// These bytes, then a closed connection.
pub(super) fn cut_off(bytes: Bytes) -> Body {
    let end = Err(io::Error::other("cut off"));
    streamed(iter([Ok(bytes), end]))
}

/// These bytes, then nothing more.
pub(super) fn stalled(bytes: Bytes) -> Body {
    streamed(once(ready(Ok(bytes))).chain(pending()))
}

fn streamed(chunks: impl Stream<Item = io::Result<Bytes>> + Send + 'static) -> Body {
    StreamBody::new(chunks.map(|chunk| chunk.map(Frame::data))).boxed_unsync()
}
