use axum_core::extract::FromRequestParts;
use portcullis_axum::Scoped;

fn extracted<T: FromRequestParts<()>>() {}

fn main() {
    extracted::<Scoped<String>>();
    extracted::<Scoped<()>>();
}
