//! scratch
use portcullis_bench_harness::call; use portcullis_bench_suite::*; use portcullis_core::AuthenticateLayer; use tower::Layer; use portcullis_api_key::*;
fn main() {
    let pepper = std::env::args().nth(1).is_some();
    let peppers = Peppers::new(1, &portcullis_core::Secret::new(vec![7; 32])).unwrap();
    let mut store = MemoryStore::new();
    if pepper { store = store.peppers(peppers.clone()); }
    let key = store.create(NewKey::new("billing").scopes(scopes())).unwrap();
    let mut b = ApiKeys::builder(store); if pepper { b = b.peppers(peppers); }
    let mut s = AuthenticateLayer::new(b.build().unwrap()).layer(Bare);
    for _ in 0..5_000_000 { call(&mut s, with_key(key.key().expose())); }
}
