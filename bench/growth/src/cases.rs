//! Cases that grow, how they are measured, and what is printed of them.

use std::{
    fmt,
    pin::pin,
    task::{Context, Poll, Waker},
    time::Duration,
};

use axum::body::Body;
use http::{Request, Response, StatusCode};
use portcullis_bench_harness::{Contender, Turns, run};
use portcullis_bench_suite::{Bare, in_turn};
use serde_json::{Value, json};
use tower::Service;

/// What costs less than this many nanoseconds is not told from nothing.
const NOISE: f64 = 10.0;

/// How much is done for a figure.
#[derive(Clone, Copy, Debug)]
pub struct Effort {
    /// How many rounds there are.
    pub rounds: usize,
    /// How long a case is measured in a round.
    pub batch: Duration,
    /// The largest size that is measured.
    pub largest: usize,
}

impl Effort {
    /// That of `--quick`, or of a real measurement.
    #[must_use]
    pub fn new(quick: bool) -> Self {
        Self {
            rounds: if quick { 7 } else { 60 },
            batch: Duration::from_millis(4),
            largest: if quick { 100_000 } else { 1_000_000 },
        }
    }
}

/// One case at one size.
pub struct Case {
    variant: &'static str,
    size: usize,
    contender: Contender,
}

impl Case {
    /// Requests through a service, which `request` makes of `credentials` in turn, outside the time that is measured.
    /// Each of them is sent once beforehand, so that whatever is kept of it is kept already.
    ///
    /// # Panics
    ///
    /// If one is refused: what is measured then would be refusals.
    pub fn new<S, R>(
        variant: &'static str,
        size: usize,
        mut service: S,
        credentials: Vec<String>,
        request: fn(&str) -> Request<Body>,
    ) -> Self
    where
        S: Service<Request<Body>, Response = Response<R>> + 'static,
    {
        for credential in &credentials {
            assert_accepted(&mut service, request(credential));
        }
        let mut next = in_turn(credentials);
        let requests = move || request(&next());
        Self {
            variant,
            size,
            contender: Contender::service(format!("{variant} {size}"), service, requests),
        }
    }
}

/// Sends a request through a service, and sees that it is let in.
///
/// # Panics
///
/// If it is not.
pub fn assert_accepted<S, R>(service: &mut S, request: Request<Body>)
where
    S: Service<Request<Body>, Response = Response<R>>,
{
    let mut context = Context::from_waker(Waker::noop());
    assert!(service.poll_ready(&mut context).is_ready(), "not ready");
    match pin!(service.call(request)).poll(&mut context) {
        Poll::Ready(Ok(answer)) => assert_eq!(answer.status(), StatusCode::OK, "refused"),
        _ => panic!("the service waits or fails"),
    }
}

/// What the cases of one thing that grows cost.
#[derive(Clone, Debug)]
pub struct Growth {
    title: &'static str,
    bare: f64,
    points: Vec<Point>,
}

#[derive(Clone, Debug)]
struct Point {
    variant: &'static str,
    size: usize,
    over_bare: f64,
}

impl Growth {
    /// Measures cases, together with the service that does nothing, which gets the requests that `bare` makes.
    pub fn measure(
        title: &'static str,
        effort: Effort,
        bare: impl FnMut() -> Request<Body> + 'static,
        cases: Vec<Case>,
    ) -> Self {
        let mut labels = Vec::new();
        let mut contenders = vec![Contender::service("bare", Bare, bare)];
        for case in cases {
            labels.push((case.variant, case.size));
            contenders.push(case.contender);
        }
        run(&mut contenders, Turns::new(effort.rounds, effort.batch));
        let point = |((variant, size), contender): ((_, _), &Contender)| Point {
            variant,
            size,
            over_bare: contender.over(&contenders[0]),
        };
        Self {
            title,
            bare: contenders[0].nanoseconds(),
            points: labels
                .into_iter()
                .zip(&contenders[1..])
                .map(point)
                .collect(),
        }
    }

    fn variants(&self) -> Vec<(&'static str, Vec<&Point>)> {
        let mut variants: Vec<(&str, Vec<&Point>)> = Vec::new();
        for point in &self.points {
            match variants.iter_mut().find(|(name, _)| *name == point.variant) {
                Some((_, points)) => points.push(point),
                None => variants.push((point.variant, vec![point])),
            }
        }
        variants
    }

    /// For programs: nanoseconds a request over the bare service.
    #[must_use]
    pub fn json(&self) -> Value {
        let points = self.points.iter().map(|point| {
            json!({
                "case": point.variant,
                "size": point.size,
                "nanoseconds_over_bare": point.over_bare,
            })
        });
        json!({
            "title": self.title,
            "bare_nanoseconds": self.bare,
            "points": points.collect::<Vec<_>>(),
        })
    }
}

impl fmt::Display for Growth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bare = self.bare;
        writeln!(f, "{}: ns a request over bare ({bare:.0} ns)", self.title)?;
        for (variant, mut points) in self.variants() {
            points.sort_by_key(|point| point.size);
            write!(f, "  {variant:28}")?;
            for point in &points {
                write!(f, " {:>9}: {:<7.0}", point.size, point.over_bare)?;
            }
            if let [first, .., last] = &points[..]
                && first.over_bare > NOISE
            {
                write!(f, " last/first {:.2}", last.over_bare / first.over_bare)?;
            }
            writeln!(f)?;
        }
        Ok(())
    }
}
