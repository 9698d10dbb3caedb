#![deny(unused_must_use)]

use portcullis_core::{Anonymous, Principal};

// The request would be served.
fn guard(anonymous: &Anonymous, caller: &Principal) {
    anonymous.refuse();
    caller.scopes().contains("orders:read");
}

fn main() {
    let _ = guard;
}
