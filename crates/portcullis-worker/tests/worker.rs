//! The worker: ownership, wake-ups, waits, and deaths.

use std::{
    convert::Infallible,
    future::{pending, poll_fn},
    pin::pin,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Context, Poll, Waker},
    time::Duration,
};

use portcullis_core::clock::{Clock, Deadline, UnixTime, system_clock};
use portcullis_worker::{Death, State, Task, TaskEnded, Worker};
use tokio::{
    runtime::{Builder, Handle, Runtime},
    sync::broadcast::error::TryRecvError,
    task::JoinSet,
    time::Instant,
};

#[derive(Clone, Debug, Default)]
struct Counter {
    runs: u64,
    death: Option<Death>,
    log: Arc<Mutex<Vec<String>>>,
}

impl State for Counter {
    type Event = &'static str;

    fn died(&mut self, death: Death) -> &'static str {
        self.death = Some(death);
        "died"
    }

    fn log(&self, event: &&'static str) {
        self.log.lock().expect("the log").push((*event).to_owned());
    }
}

const HOUR: Duration = Duration::from_secs(3600);

/// A worker that counts its runs, which take `takes`. The first run starts at once, the others one each hour.
async fn count(task: Task<Counter>, takes: Duration) -> Infallible {
    loop {
        task.begin_run();
        tokio::time::sleep(takes).await;
        task.update(|counter| counter.runs += 1);
        task.announce("counted");
        task.end_run();
        let due = Deadline::after(task.now(), HOUR);
        task.wait_for_run(due).await;
    }
}

fn idle() -> (Worker<Counter>, Task<Counter>) {
    Worker::new(Counter::default(), system_clock(), Handle::current())
}

fn started(takes: Duration) -> Worker<Counter> {
    let (worker, task) = idle();
    task.spawn(move |task| count(task, takes));
    worker
}

async fn settle() {
    for _ in 0..10 {
        tokio::task::yield_now().await;
    }
}

#[tokio::test(start_paused = true)]
async fn run_publishes_a_state_and_an_event() {
    let worker = started(Duration::ZERO);
    let mut events = worker.events();
    worker.wait_for(|counter| counter.runs == 1).await.unwrap();
    assert_eq!(events.recv().await, Ok("counted"));
    assert_eq!(*worker.state().log.lock().unwrap(), ["counted"]);
    let start = Instant::now();
    worker.wait_for(|counter| counter.runs == 2).await.unwrap();
    assert_eq!(
        start.elapsed().as_secs(),
        HOUR.as_secs(),
        "the scheduled run"
    );
    worker.run_once().await.unwrap();
    assert_eq!(worker.state().runs, 3, "the requested run");
}

#[tokio::test(start_paused = true)]
async fn dropping_the_last_worker_stops_the_task_in_the_middle_of_a_run() {
    let worker = started(HOUR);
    let (mut events, alive) = (worker.events(), Arc::downgrade(&worker.state().log));
    let clone = worker.clone();
    drop(worker);
    settle().await;
    assert!(alive.upgrade().is_some(), "a clone keeps the task alive");
    drop(clone);
    settle().await;
    assert!(alive.upgrade().is_none());
    assert_eq!(events.try_recv(), Err(TryRecvError::Closed), "no death");
}

#[tokio::test(start_paused = true)]
async fn stop_ends_the_task_and_all_waits() {
    let worker = started(HOUR);
    settle().await;
    let other = worker.clone();
    let (stopped, waited, run) = tokio::join!(
        worker.stop(),
        other.wait_for(|counter| counter.runs == 9),
        other.run_once(),
    );
    assert_eq!((stopped, waited, run), ((), Err(TaskEnded), Err(TaskEnded)));
    assert!(worker.is_stopped() && worker.state().death.is_none());
    assert_eq!(worker.run_once().await, Err(TaskEnded));
}

async fn panic(task: Task<Counter>) -> Infallible {
    task.wait_for_run(Deadline::after(task.now(), HOUR)).await;
    panic!("as expected");
}

#[tokio::test(start_paused = true)]
async fn panic_is_in_the_state_the_events_and_the_log() {
    let (worker, task) = idle();
    task.spawn(panic);
    let mut events = worker.events();
    assert_eq!(worker.run_once().await, Err(TaskEnded));
    assert_eq!(worker.state().death, Some(Death::Panicked));
    assert_eq!(events.recv().await, Ok("died"));
    assert_eq!(*worker.state().log.lock().unwrap(), ["died"]);
    assert!(worker.is_stopped());
}

fn runtime() -> Runtime {
    Builder::new_current_thread()
        .enable_time()
        .build()
        .expect("a runtime")
}

#[test]
fn end_of_the_runtime_is_in_the_state_the_events_and_the_log() {
    let first = runtime();
    let worker = first.block_on(async { started(HOUR) });
    first.block_on(settle());
    let mut events = worker.events();
    drop(first);
    assert_eq!(worker.state().death, Some(Death::RuntimeEnded));
    assert_eq!(events.try_recv(), Ok("died"));
    assert_eq!(runtime().block_on(worker.run_once()), Err(TaskEnded));
}

#[test]
fn task_on_a_thread_of_its_own_needs_no_other_runtime() {
    let runtime = runtime();
    let handle = runtime.handle().clone();
    let (worker, task) = Worker::new(Counter::default(), system_clock(), handle);
    let spawned = task.spawn_thread(runtime, |task| count(task, Duration::ZERO));
    spawned.unwrap();
    let log = worker.state().log.clone();
    while worker.state().runs == 0 {
        std::thread::yield_now();
    }
    drop(worker);
    while Arc::strong_count(&log) > 1 {
        std::thread::yield_now();
    }
    assert_eq!(*log.lock().unwrap(), ["counted"]);
}

#[test]
fn end_of_the_runtime_after_the_worker_is_not_reported() {
    let runtime = runtime();
    let worker = runtime.block_on(async { started(HOUR) });
    let log = worker.state().log.clone();
    drop(worker);
    drop(runtime);
    assert!(log.lock().unwrap().is_empty());
}

#[tokio::test(start_paused = true)]
async fn requests_share_one_run_and_are_admitted_once() {
    let worker = started(Duration::from_secs(1));
    worker.wait_for(|counter| counter.runs == 1).await.unwrap();
    settle().await;
    assert_eq!(worker.request_run_if(|| false), None);
    assert!(!worker.is_busy());
    let admitted = AtomicUsize::new(0);
    let request = || {
        let admit = || admitted.fetch_add(1, Ordering::Relaxed) < 9;
        worker.request_run_if(admit).expect("admitted")
    };
    let first = request();
    assert!((0..100).all(|_| request() == first) && !first.joined_running());
    settle().await;
    assert!(worker.is_busy());
    let joined = request();
    assert!(joined.joined_running(), "the run has begun");
    let next = worker.request_next_run();
    assert!(!next.joined_running(), "the run has not begun");
    worker.wait_until_ended(joined).await.unwrap();
    worker.wait_until_ended(first).await.unwrap();
    assert_eq!(worker.state().runs, 2);
    worker.wait_until_ended(next).await.unwrap();
    assert_eq!(worker.state().runs, 3);
    assert_eq!(admitted.load(Ordering::Relaxed), 1);
}

#[tokio::test]
async fn one_of_many_threads_starts_a_run() {
    for _ in 0..50 {
        let (worker, _task) = idle();
        let admitted = AtomicUsize::new(0);
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    for _ in 0..100 {
                        let admit = || admitted.fetch_add(1, Ordering::Relaxed) == 0;
                        assert!(worker.request_run_if(admit).is_some());
                    }
                });
            }
        });
        assert_eq!(admitted.into_inner(), 1);
    }
}

#[tokio::test(start_paused = true)]
async fn run_goes_on_when_the_caller_leaves() {
    let worker = started(Duration::from_secs(1));
    worker.wait_for(|counter| counter.runs == 1).await.unwrap();
    {
        let mut run = pin!(worker.run_once());
        poll_fn(|context| {
            assert!(run.as_mut().poll(context).is_pending());
            Poll::Ready(())
        })
        .await;
    }
    worker.wait_for(|counter| counter.runs == 2).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn wait_is_bounded() {
    let worker = started(HOUR);
    let start = Instant::now();
    let wait = worker.within(Duration::from_secs(1), worker.run_once());
    assert_eq!(wait.await, None);
    assert_eq!(start.elapsed(), Duration::from_secs(1));
    assert_eq!(
        worker.within(HOUR * 3, worker.run_once()).await,
        Some(Ok(()))
    );
}

#[test]
fn bounded_wait_works_outside_a_runtime() {
    let runtime = runtime();
    let worker = runtime.block_on(async { started(HOUR) });
    let mut wait = Box::pin(worker.within(HOUR, worker.run_once()));
    let mut context = Context::from_waker(Waker::noop());
    assert!(wait.as_mut().poll(&mut context).is_pending());
    drop(runtime);
    let ended = wait.as_mut().poll(&mut context);
    assert_eq!(ended, Poll::Ready(Some(Err(TaskEnded))));
}

#[tokio::test(start_paused = true)]
async fn wake_ends_a_pause_and_a_pause_ends_after_10_s() {
    let (worker, task) = idle();
    let (sender, mut pauses) = tokio::sync::mpsc::unbounded_channel();
    task.spawn(|task| async move {
        loop {
            task.pause(Deadline::after(task.now(), HOUR)).await;
            sender.send(Instant::now()).unwrap();
        }
    });
    let start = Instant::now();
    let first = pauses.recv().await.unwrap();
    assert_eq!((first - start).as_secs(), 10);
    tokio::time::sleep(Duration::from_secs(3)).await;
    worker.wake();
    let second = pauses.recv().await.unwrap();
    assert_eq!((second - first).as_secs(), 3);
}

/// A clock that follows tokio's, and can be set.
#[derive(Debug)]
struct Wall(Mutex<Duration>, Instant);

impl Clock for Wall {
    fn now(&self) -> UnixTime {
        UnixTime::from_duration(*self.0.lock().expect("the time") + self.1.elapsed())
    }
}

#[tokio::test(start_paused = true)]
async fn due_run_is_not_late_when_the_clock_jumps() {
    const DAY: Duration = Duration::from_secs(24 * 3600);
    for (jump, latest) in [(DAY * 101, 10), (DAY * 99, HOUR.as_secs())] {
        let wall = Arc::new(Wall(Mutex::new(DAY * 100), Instant::now()));
        let (worker, task) = Worker::new(Counter::default(), wall.clone(), Handle::current());
        task.spawn(|task| count(task, Duration::ZERO));
        worker.wait_for(|counter| counter.runs == 1).await.unwrap();
        let start = Instant::now();
        *wall.0.lock().unwrap() = jump;
        worker.wait_for(|counter| counter.runs == 2).await.unwrap();
        assert!(start.elapsed().as_secs() <= latest, "{jump:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn updates_of_many_threads_are_all_kept() {
    let (worker, task) = idle();
    task.spawn(|_| pending());
    let mut updates = JoinSet::new();
    for _ in 0..8 {
        let worker = worker.clone();
        updates.spawn(async move {
            for _ in 0..500 {
                worker.update(|counter| counter.runs += 1);
            }
        });
    }
    updates.join_all().await;
    assert_eq!(worker.state().runs, 8 * 500);
}
