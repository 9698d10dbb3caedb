//! Counts instructions with callgrind. Run by `cargo xtask instructions`, which compares them with `counts.tsv`.

use gungraun::{
    Callgrind, LibraryBenchmarkConfig, library_benchmark, library_benchmark_group, main,
};
use portcullis_bench_common::Bare;
use portcullis_bench_instructions::{
    Case, RawCheck, api_key, bare, cached_api_key, cold, malformed, warm, warm_scoped, wrong_algorithm,
};
use portcullis_core::service::{Authenticate, Guard};
use portcullis_jwt::Algorithm::{ES256, EdDSA, RS256};

type Authenticated<S = Bare> = Box<Case<Authenticate<S>>>;

// Each returns its argument, so that dropping it is not counted.

#[library_benchmark(setup = bare)]
fn floor(mut case: Box<Case<Bare>>) -> Box<Case<Bare>> {
    case.run();
    case
}

#[library_benchmark]
#[bench::rs256(warm(RS256))]
fn jwt_warm(mut case: Authenticated) -> Authenticated {
    case.run();
    case
}

#[library_benchmark]
#[bench::rs256(warm_scoped(RS256))]
fn jwt_warm_scoped(mut case: Authenticated<Guard<Bare>>) -> Authenticated<Guard<Bare>> {
    case.run();
    case
}

#[library_benchmark]
#[bench::rs256(cold(RS256))]
#[bench::es256(cold(ES256))]
#[bench::eddsa(cold(EdDSA))]
fn jwt_cold(mut case: Authenticated) -> Authenticated {
    case.run();
    case
}

#[library_benchmark]
#[bench::rs256(RawCheck::new(RS256))]
#[bench::es256(RawCheck::new(ES256))]
#[bench::eddsa(RawCheck::new(EdDSA))]
fn jwt_raw(check: Box<RawCheck>) -> Box<RawCheck> {
    check.run();
    check
}

#[library_benchmark]
#[bench::wrong_algorithm(wrong_algorithm())]
#[bench::malformed(malformed())]
fn jwt_refused(mut case: Authenticated) -> Authenticated {
    case.run();
    case
}

#[library_benchmark]
#[bench::plain(api_key(false))]
#[bench::peppered(api_key(true))]
fn api_key_in_memory(mut case: Authenticated) -> Authenticated {
    case.run();
    case
}

#[library_benchmark]
#[bench::plain(cached_api_key(false))]
#[bench::peppered(cached_api_key(true))]
fn api_key_cached(mut case: Authenticated) -> Authenticated {
    case.run();
    case
}

library_benchmark_group!(
    name = paths,
    benchmarks = [
        floor,
        jwt_warm,
        jwt_warm_scoped,
        jwt_cold,
        jwt_raw,
        jwt_refused,
        api_key_in_memory,
        api_key_cached
    ]
);

main!(
    config = LibraryBenchmarkConfig::default().tool(Callgrind::with_args(["--cache-sim=no"])),
    library_benchmark_groups = paths
);
