use portcullis_axum::Proof;
use portcullis_core::scope;

scope!(Admin = "admin");

// A proof is valid for one request: it cannot be cloned.
fn keep(proof: &Proof<Admin>) -> Proof<Admin> {
    Clone::clone(proof)
}

fn main() {
    let _ = keep;
}
