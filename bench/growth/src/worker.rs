//! Threads that call services when told, each on a core of its own.

use std::{
    fs,
    sync::{
        Arc, Barrier,
        mpsc::{Receiver, Sender, channel},
    },
    thread,
    time::{Duration, Instant},
};

use axum::body::Body;
use http::{Request, Response};
use portcullis_bench_harness::call;
use rustix::thread::{CpuSet, sched_setaffinity};
use tower::Service;

use crate::cases::assert_accepted;

/// How many requests are made before they are timed.
const IN_CACHE: usize = 16;
/// A window does not count when other processes had more than this part of it.
const DISTURBED: u32 = 100;
/// How often it is tried again then.
const ATTEMPTS: usize = 5;

/// Makes calls for a while, and says how many a second: of the time spent in calls, not that spent in making requests.
pub(crate) type Work = Box<dyn FnMut(Duration) -> f64 + Send>;

/// Work through a clone of a service. The requests are made outside the time that counts.
pub(crate) fn work<S, R>(service: &S, request: impl Fn() -> Request<Body> + Send + 'static) -> Work
where
    S: Service<Request<Body>, Response = Response<R>> + Clone + Send + 'static,
{
    let mut service = service.clone();
    assert_accepted(&mut service, request());
    let mut requests = Vec::with_capacity(IN_CACHE);
    Box::new(move |window| {
        let (mut calls, mut took) = (0_usize, Duration::ZERO);
        let begin = Instant::now();
        while begin.elapsed() < window {
            requests.extend((0..IN_CACHE).map(|_| request()));
            let start = Instant::now();
            for request in requests.drain(..) {
                call(&mut service, request);
            }
            took += start.elapsed();
            calls += IN_CACHE;
        }
        calls as f64 / took.as_secs_f64()
    })
}

/// A thread that works when told, on a core of its own.
pub(crate) struct Worker {
    orders: Sender<(usize, Duration, Arc<Barrier>)>,
    /// The rate, and whether another process had the core for a part of the window.
    rates: Receiver<(f64, bool)>,
    /// Whether the core is its own: not where the system forbids it.
    pub(crate) pinned: bool,
}

impl Worker {
    /// Starts it, with what it may be told to do.
    pub(crate) fn start(core: usize, mut work: Vec<Work>) -> Self {
        let (orders, received) = channel::<(usize, Duration, Arc<Barrier>)>();
        let (send, rates) = channel();
        let (tell, pinned) = channel();
        thread::spawn(move || {
            let mut cores = CpuSet::new();
            cores.set(core);
            tell.send(sched_setaffinity(None, &cores).is_ok()).ok();
            for (subject, window, start) in received {
                start.wait();
                let before = queued();
                let rate = work[subject](window);
                let disturbed = queued().saturating_sub(before) > window / DISTURBED;
                send.send((rate, disturbed)).ok();
            }
        });
        Self {
            orders,
            rates,
            pinned: pinned.recv().unwrap_or(false),
        }
    }
}

/// How long the current thread has been waiting for its core so far. Nothing where the system does not tell.
fn queued() -> Duration {
    let stat = fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    let nanoseconds = stat.split(' ').nth(1).and_then(|time| time.parse().ok());
    Duration::from_nanos(nanoseconds.unwrap_or(0))
}

/// The calls a second of these threads together. A window in which other processes had a core is tried again.
pub(crate) fn together(workers: &[&Worker], subject: usize, window: Duration) -> f64 {
    let mut sum = 0.0;
    for _ in 0..ATTEMPTS {
        let start = Arc::new(Barrier::new(workers.len()));
        for worker in workers {
            let order = (subject, window, start.clone());
            worker.orders.send(order).expect("the thread lives");
        }
        let rates = workers.iter().map(|worker| worker.rates.recv());
        let rates: Vec<_> = rates.map(|rate| rate.expect("the thread lives")).collect();
        sum = rates.iter().map(|(rate, _)| rate).sum();
        if rates.iter().all(|(_, disturbed)| !disturbed) {
            break;
        }
    }
    sum
}
