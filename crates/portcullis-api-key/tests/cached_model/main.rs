//! Random sequences of changes, faults and look-ups, checked against a plain model.
//!
//! `PORTCULLIS_CACHE_STEPS` sets the number of steps, `PORTCULLIS_CACHE_SEED` repeats a failed run.

#![cfg(feature = "cached")]

mod changes;
mod faults;
mod look_ups;
mod random;
#[path = "../support/mod.rs"]
mod support;
mod world;

use std::{
    env,
    hash::{BuildHasher, RandomState},
    time::Duration,
};

use world::{SECOND, World};

/// The steps of one world, before the next begins.
const STEPS_PER_WORLD: usize = 2_000;

#[tokio::test(start_paused = true)]
async fn cache_keeps_its_bounds_whatever_happens() {
    let number = |name| {
        env::var(name)
            .ok()
            .map(|text| text.parse().expect("a number"))
    };
    let steps = number("PORTCULLIS_CACHE_STEPS").unwrap_or(20_000) as usize;
    let seed = number("PORTCULLIS_CACHE_SEED").unwrap_or_else(|| RandomState::new().hash_one(0));
    for world in 0..steps.div_ceil(STEPS_PER_WORLD) {
        let seed = seed.wrapping_add(world as u64);
        let mut world = World::start(seed).await;
        for step in 0..STEPS_PER_WORLD {
            if let Err(problem) = take_step(&mut world).await {
                panic!(
                    "PORTCULLIS_CACHE_SEED={seed} fails at step {step}: {problem}\nlast steps: {:#?}",
                    world.done
                );
            }
        }
        let (accepted, refused) = (world.accepted, world.refused);
        assert!(
            accepted > 50 && refused > 50,
            "{accepted} accepted, {refused} refused, seed {seed}"
        );
    }
}

async fn take_step(world: &mut World) -> Result<(), String> {
    match world.random.below(100) {
        0..5 => world.create().await,
        5 => world.rotate().await,
        6..8 => world.revoke().await,
        8..60 => world.look_up().await?,
        60..70 => world.poll_held().await?,
        70..90 => {
            let millis = world.random.pick(&[1, 20, 100, 400, 1_000]);
            world.pass(Duration::from_millis(millis)).await;
        }
        90..92 => world.pass(6 * SECOND).await,
        92..95 => world.change_store().await,
        95..97 => world.change_bus(),
        97 => world.jump(),
        98 => world.sleep_machine(),
        _ => drop(world.held.pop_front()),
    }
    Ok(())
}
