//! scratch
use portcullis_bench_harness::call; use portcullis_bench_suite::*; use portcullis_core::AuthenticateLayer; use portcullis_jwt::Algorithm; use tower::Layer;
fn main() {
    let mode = std::env::args().nth(1).unwrap();
    let signer = Signer::new(match mode.as_str() { "cold-rs" => Algorithm::RS256, _ => Algorithm::EdDSA });
    let token = signer.token();
    let mut b = signer.bearer();
    if mode.starts_with("cold") { b = b.without_token_cache(); }
    let mut s = AuthenticateLayer::new(b.build().unwrap()).layer(Bare);
    { use tower::Service; let f = s.call(with_token(&token)); eprintln!("future {} request {} response {} auth {}", std::mem::size_of_val(&f), size_of::<http::Request<axum::body::Body>>(), size_of::<http::Response<axum::body::Body>>(), size_of::<portcullis_core::Authentication>()); }
    let n = if mode.starts_with("cold") { std::env::args().nth(2).map_or(200_000, |n| n.parse().unwrap()) } else { std::env::args().nth(2).map_or(3_000_000, |n| n.parse().unwrap()) };
    for _ in 0..n { call(&mut s, with_token(&token)); }
}
