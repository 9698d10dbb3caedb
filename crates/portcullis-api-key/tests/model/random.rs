use std::{
    env,
    hash::{BuildHasher, RandomState},
};

/// The seed of a run, which it prints: `PORTCULLIS_MODEL_SEED`, or another one each time.
pub(crate) fn seed() -> u64 {
    let seed = env::var("PORTCULLIS_MODEL_SEED").ok();
    let seed = seed.map(|seed| seed.parse().expect("PORTCULLIS_MODEL_SEED is a number"));
    let seed = seed.unwrap_or_else(|| RandomState::new().hash_one(0));
    println!("PORTCULLIS_MODEL_SEED={seed}");
    seed
}

/// The steps of all runs together: `PORTCULLIS_MODEL_STEPS`, or 20,000.
pub(crate) fn steps() -> u64 {
    let steps = env::var("PORTCULLIS_MODEL_STEPS").ok();
    let steps = steps.map(|steps| steps.parse().expect("PORTCULLIS_MODEL_STEPS is a number"));
    steps.unwrap_or(20_000)
}

/// Random numbers that a seed repeats (SplitMix64).
#[derive(Debug)]
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub(crate) fn number(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below `limit`.
    pub(crate) fn below(&mut self, limit: usize) -> usize {
        let limit = u64::try_from(limit.max(1)).expect("64 bits");
        usize::try_from(self.number() % limit).expect("below a usize")
    }

    /// True once in `times`.
    pub(crate) fn once_in(&mut self, times: usize) -> bool {
        self.below(times) == 0
    }

    pub(crate) fn pick<T: Clone>(&mut self, from: &[T]) -> T {
        from[self.below(from.len())].clone()
    }
}
