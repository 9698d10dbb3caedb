use portcullis_axum::{Proof, Scoped};
use portcullis_core::scope;

scope!(Admin = "admin");
scope!(Read = "read");

fn delete_everything(_: Proof<Admin>) {}

async fn handler(Scoped(_, proof): Scoped<Read>) {
    delete_everything(proof);
}

fn main() {
    let _ = handler;
}
