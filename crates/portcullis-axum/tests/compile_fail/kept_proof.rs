use portcullis_axum::Proof;
use portcullis_core::scope;

scope!(Admin = "admin");

// A proof is for the request it was made in: it cannot be copied to keep one.
fn keep(proof: &Proof<Admin>) -> Proof<Admin> {
    Clone::clone(proof)
}

fn main() {
    let _ = keep;
}
