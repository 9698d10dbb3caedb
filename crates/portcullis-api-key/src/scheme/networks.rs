//! The networks that a key may be used from.

use std::net::SocketAddr;

use portcullis_core::scheme::Failure;

use crate::record::KeyRecord;

/// Refuses a key that may not be used from the peer's address. `peer` is called only for a key with networks.
pub(super) fn check_network(
    record: &KeyRecord,
    peer: impl FnOnce() -> Option<SocketAddr>,
) -> Result<(), Failure> {
    match record.networks.are_all() {
        true => Ok(()),
        false => check_address(record, peer()),
    }
}

#[cold]
fn unknown_address(record: &KeyRecord) -> Failure {
    Failure::misconfigured(format!(
        "API key {} may be used from certain networks only, but the peer's address is unknown: insert `facts::PeerAddress` in the \
         extensions of each request, or set `fact_finders` of the `AuthenticateLayer` (for axum `portcullis_axum::fact_finders()`, \
         with `into_make_service_with_connect_info::<SocketAddr>()`)",
        record.id
    ))
}

fn check_address(record: &KeyRecord, peer: Option<SocketAddr>) -> Result<(), Failure> {
    let peer = peer.ok_or_else(|| unknown_address(record))?.ip();
    if record.networks.contain(peer) {
        return Ok(());
    }
    let for_log = format!(
        "API key {} was used from {}, but may be used from {} only: change its networks, or call from one of them",
        record.id,
        peer.to_canonical(),
        record.networks
    );
    let external = "the API key may not be used from your network";
    Err(Failure::network_not_allowed(external).with_internal(for_log))
}
