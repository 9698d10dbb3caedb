use std::marker::PhantomData;

use portcullis_axum::Proof;
use portcullis_core::scope;

scope!(Admin = "admin");

fn main() {
    let _: Proof<Admin> = Proof(PhantomData);
}
