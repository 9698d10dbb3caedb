//! Measures how a spray of unknown `kid`s affects the latency of valid requests to `orders-api`: beside the spray, beside
//! the same number of tokens that are refused before a key is selected, and without other load.
//!
//! ```sh
//! cargo build --release -p orders-api
//! PORTCULLIS_PROGRAMS=$PWD/target/release cargo run --release -p portcullis-tests --example spray -- [ROUNDS [PER_SECOND [CONNECTIONS [failing]]]]
//! ```
//!
//! The service runs as another process. One thread sends the valid requests at a fixed rate over one connection. Other
//! threads send the rest: by default 1,000 a second over one connection, and without a limit if the rate is 0. With
//! `failing` the key set endpoint answers 500, so unknown `kid`s are answered 503.
//!
//! A round measures each of the three for two seconds in turn, so that other work of the machine affects all three. The
//! program prints the median over the rounds of each quantile, and of its ratio within a round. On a busy machine, run
//! it under `chrt -f 10`.

use std::{
    io::{self, Read, Write},
    net::{SocketAddr, TcpStream},
    sync::atomic::{AtomicBool, AtomicU32, Ordering},
    thread,
    time::Duration,
};

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use portcullis_test::{Endpoint, Fault, TestIssuer};
use portcullis_tests::Service;
use tokio::time::Instant;

const PHASE: Duration = Duration::from_secs(2);
const VALID_PER_SECOND: u32 = 500;

/// The other load of the service.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Load {
    Nothing,
    Control,
    Spray,
}

const LOADS: [Load; 3] = [Load::Nothing, Load::Control, Load::Spray];

#[tokio::main]
async fn main() -> io::Result<()> {
    let mut arguments = std::env::args().skip(1);
    let mut number = |default| {
        let argument = arguments.next();
        argument.map_or(default, |text| text.parse().expect("a whole number"))
    };
    let (rounds, per_second, connections) = (number(15), number(1000), number(1));
    let failing = arguments.next().is_some_and(|word| word == "failing");

    let issuer = TestIssuer::start().await;
    let service = Service::spawn("orders-api", &["--issuer", &issuer.url()]).await;
    if failing {
        issuer.fault(Endpoint::Jwks, Fault::Status(500));
    }
    let before = issuer.requests(Endpoint::Jwks);
    let started = Instant::now();
    let token = issuer.token().scope("orders:read");
    let valid = token.expires_in(Duration::from_secs(40 * 60 * 60)).mint();
    let bench = Bench {
        address: service.address(),
        valid,
        per_second,
        connections,
        unknown: if failing { 503 } else { 401 },
        sprayed: AtomicU32::new(0),
    };
    let measured = tokio::task::spawn_blocking(move || {
        let phases = bench.run(rounds)?;
        Ok::<_, io::Error>((phases, bench.sprayed.into_inner()))
    });
    let (phases, sprayed) = measured.await.expect("no panic in the measurement")?;

    let fetches = issuer.requests(Endpoint::Jwks) - before;
    let lasted = started.elapsed().as_secs();
    println!(
        "{rounds} rounds; valid: {VALID_PER_SECOND}/s; others: {per_second}/s on {connections} connections"
    );
    let retries = if failing {
        ", and failures are retried"
    } else {
        ""
    };
    println!(
        "{sprayed} unknown kids led to {fetches} fetches in {lasted} s; the budget has {}{retries}",
        2 + lasted / 30
    );
    report(&phases);
    Ok(())
}

struct Bench {
    address: SocketAddr,
    valid: String,
    per_second: u32,
    connections: u32,
    /// The status of an unknown `kid`.
    unknown: u16,
    sprayed: AtomicU32,
}

/// The latencies of valid requests, sorted, by load.
type Round = [Vec<Duration>; LOADS.len()];

impl Bench {
    fn run(&self, rounds: u32) -> io::Result<Vec<Round>> {
        self.phase(Load::Nothing)?; // to warm up
        let round = |round: u32| {
            let mut phases = Round::default();
            for turn in 0..LOADS.len() {
                let load = (round as usize + turn) % LOADS.len();
                phases[load] = self.phase(LOADS[load])?;
                phases[load].sort();
            }
            Ok(phases)
        };
        (0..rounds).map(round).collect()
    }

    fn phase(&self, load: Load) -> io::Result<Vec<Duration>> {
        let ended = AtomicBool::new(false);
        let connections = if load == Load::Nothing {
            0
        } else {
            self.connections
        };
        thread::scope(|scope| {
            let others: Vec<_> = (0..connections)
                .map(|_| scope.spawn(|| self.others(load, &ended)))
                .collect();
            let latencies = self.valid();
            ended.store(true, Ordering::Relaxed);
            for other in others {
                other.join().expect("no panic in the load")?;
            }
            latencies
        })
    }

    fn valid(&self) -> io::Result<Vec<Duration>> {
        let mut connection = Connection::open(self.address)?;
        let mut pace = Pace::new(VALID_PER_SECOND);
        let mut latencies = Vec::new();
        let begun = Instant::now();
        while begun.elapsed() < PHASE {
            pace.wait();
            let sent = Instant::now();
            let status = connection.get(&self.valid)?;
            latencies.push(sent.elapsed());
            assert_eq!(status, 200, "a valid token passes");
        }
        Ok(latencies)
    }

    fn others(&self, load: Load, ended: &AtomicBool) -> io::Result<()> {
        let (_, rest) = self.valid.split_once('.').expect("three parts");
        let mut connection = Connection::open(self.address)?;
        let mut pace = Pace::new(self.per_second / self.connections);
        while !ended.load(Ordering::Relaxed) {
            // With the same length.
            let (typ, status, nth) = match load {
                Load::Spray => (
                    "at+jwt",
                    self.unknown,
                    self.sprayed.fetch_add(1, Ordering::Relaxed),
                ),
                _ => ("no+jwt", 401, 0),
            };
            let header = format!(r#"{{"alg":"ES256","typ":"{typ}","kid":"sprayed-{nth:010}"}}"#);
            let header = BASE64_URL_SAFE_NO_PAD.encode(header);
            pace.wait();
            let answer = connection.get(&format!("{header}.{rest}"))?;
            assert_eq!(answer, status, "no other token passes");
        }
        Ok(())
    }
}

/// Limits the rate. A late caller does not catch up with a burst.
struct Pace {
    every: Duration,
    next: Instant,
}

impl Pace {
    /// A rate of zero means no limit.
    fn new(per_second: u32) -> Self {
        let every = Duration::from_secs(1).checked_div(per_second);
        Self {
            every: every.unwrap_or_default(),
            next: Instant::now(),
        }
    }

    fn wait(&mut self) {
        let now = Instant::now();
        thread::sleep(self.next.saturating_duration_since(now));
        self.next = self.next.max(now) + self.every;
    }
}

/// A blocking, persistent connection, without a client library between the socket and the clock.
struct Connection {
    stream: TcpStream,
    address: SocketAddr,
    answer: Vec<u8>,
}

impl Connection {
    fn open(address: SocketAddr) -> io::Result<Self> {
        let stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        Ok(Self {
            stream,
            address,
            answer: vec![0; 16 * 1024],
        })
    }

    /// Returns the status.
    fn get(&mut self, token: &str) -> io::Result<u16> {
        let request = format!(
            "GET /orders HTTP/1.1\r\nhost: {}\r\nauthorization: Bearer {token}\r\n\r\n",
            self.address
        );
        self.stream.write_all(request.as_bytes())?;
        let mut length = 0;
        loop {
            let read = self.stream.read(&mut self.answer[length..])?;
            if read == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            length += read;
            if let Some(status) = whole(&self.answer[..length]) {
                return Ok(status);
            }
        }
    }
}

/// The status of a response that is complete.
fn whole(answer: &[u8]) -> Option<u16> {
    let mut headers = [httparse::EMPTY_HEADER; 32];
    let mut parsed = httparse::Response::new(&mut headers);
    let head = match parsed.parse(answer).expect("HTTP/1.1") {
        httparse::Status::Complete(head) => head,
        httparse::Status::Partial => return None,
    };
    let length = parsed
        .headers
        .iter()
        .find(|header| header.name.eq_ignore_ascii_case("content-length"))
        .expect("a `Content-Length`");
    let length: usize = str::from_utf8(length.value).ok()?.parse().ok()?;
    (answer.len() >= head + length).then_some(parsed.code?)
}

fn report(rounds: &[Round]) {
    println!();
    println!(
        "| latency of valid requests | alone | beside refused tokens | beside unknown kids | to refused | to alone |"
    );
    println!("|---|---|---|---|---|---|");
    for (name, quantile) in [("p50", 0.50), ("p90", 0.90), ("p99", 0.99)] {
        let rounds: Vec<[f64; 3]> = rounds
            .iter()
            .map(|round| [0, 1, 2].map(|load| micros(&round[load], quantile)))
            .collect();
        let of = |value: fn(&[f64; 3]) -> f64| median(rounds.iter().map(value).collect());
        println!(
            "| {name} | {:.0} µs | {:.0} µs | {:.0} µs | {:.2} | {:.2} |",
            of(|round| round[0]),
            of(|round| round[1]),
            of(|round| round[2]),
            of(|round| round[2] / round[1]),
            of(|round| round[2] / round[0]),
        );
    }
}

fn micros(sorted: &[Duration], quantile: f64) -> f64 {
    let last = sorted.len().saturating_sub(1);
    let index = (last as f64 * quantile) as usize;
    sorted
        .get(index)
        .map_or(f64::NAN, |latency| latency.as_secs_f64() * 1e6)
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}
