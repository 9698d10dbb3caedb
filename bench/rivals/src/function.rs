//! A function of a token as a target.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    rc::Rc,
    time::{Duration, Instant},
};

use http::{HeaderMap, header::AUTHORIZATION};
use portcullis_bench_harness::Contender;
use tokio::runtime::Runtime;

use crate::{Load, Target, Verdict};

/// How many arguments are made before they are timed; as the harness does for requests.
const IN_CACHE: usize = 16;

/// A check without HTTP, in two steps: what is made of a token beforehand, and what is timed.
pub struct Function<P, C> {
    prepare: Rc<P>,
    check: Rc<C>,
}

impl<P, C> Function<P, C> {
    /// `prepare` is given the token and gives nothing where it cannot be such an argument.
    pub fn new(prepare: P, check: C) -> Self {
        Self {
            prepare: Rc::new(prepare),
            check: Rc::new(check),
        }
    }
}

impl<P, C, A> Target for Function<P, C>
where
    P: Fn(&str) -> Option<A> + 'static,
    C: Fn(&A) -> bool + 'static,
    A: 'static,
{
    #[expect(
        clippy::disallowed_methods,
        reason = "a stopwatch, not the time of day"
    )]
    fn contender(&self, name: String, mut load: Load) -> Contender {
        let (prepare, check) = (Rc::clone(&self.prepare), Rc::clone(&self.check));
        let mut arguments = Vec::with_capacity(IN_CACHE);
        Contender::new(name, move |calls| {
            let mut took = Duration::ZERO;
            let mut left = calls;
            while left > 0 {
                let now = left.min(IN_CACHE);
                left -= now;
                arguments.extend((0..now).filter_map(|_| prepare(token(load.next_value()))));
                let start = Instant::now();
                for argument in arguments.drain(..) {
                    std::hint::black_box(check(&argument));
                }
                took += start.elapsed();
            }
            took
        })
    }

    fn verdict(&mut self, _: &Runtime, headers: &HeaderMap) -> Verdict {
        let value = headers
            .get(AUTHORIZATION)
            .and_then(|value| value.to_str().ok());
        let value = token(value.unwrap_or_default());
        let passes = || (self.prepare)(value).is_some_and(|argument| (self.check)(&argument));
        match catch_unwind(AssertUnwindSafe(passes)) {
            Ok(true) => Verdict::Pass,
            Ok(false) => Verdict::Refuse,
            Err(_) => Verdict::Panic,
        }
    }

    fn watched(&mut self, headers: &HeaderMap, watch: &mut dyn FnMut(&mut dyn FnMut())) {
        let value = headers
            .get(AUTHORIZATION)
            .and_then(|value| value.to_str().ok());
        let argument = (self.prepare)(token(value.unwrap_or_default()));
        if let Some(argument) = argument {
            watch(&mut || {
                std::hint::black_box((self.check)(&argument));
            });
        }
    }
}

/// The credentials behind the scheme, which is of seven characters.
fn token(value: &str) -> &str {
    value.get(7..).unwrap_or_default()
}
