//! A load generator that does less for a request than `wrk`, so that one core of it outruns any service on another.
//!
//! Each connection sends one request after the other, as those of `wrk` do. Its saving: it waits for answers only, and
//! it compares an answer with the first instead of parsing it.

use std::{
    error::Error,
    io::{Read, Write},
    net::TcpStream,
    time::{Duration, Instant},
};

use rustix::{
    buffer::spare_capacity,
    event::{
        Timespec,
        epoll::{self, CreateFlags, EventData, EventFlags},
    },
};

use crate::{load::CONNECTIONS, service::PATH};

/// What is to be loaded, as the process is told on the command line.
#[derive(Clone, Debug)]
pub(crate) struct Load {
    /// The port of 127.0.0.1.
    pub(crate) port: u16,
    /// For how long.
    pub(crate) duration: Duration,
    /// The token of all requests.
    pub(crate) token: String,
}

/// How each answer begins.
const GOOD: &[u8] = b"HTTP/1.1 200 ";
/// How long an answer may be.
const LONGEST: usize = 4096;
/// How long all connections may be silent.
const PATIENCE: Timespec = Timespec {
    tv_sec: 2,
    tv_nsec: 0,
};

struct Connection {
    stream: TcpStream,
    sent: Instant,
}

/// Loads a service, and prints what `figures.lua` makes `wrk` print.
pub(crate) fn generate(load: &Load) -> Result<(), Box<dyn Error>> {
    let request = format!(
        "GET {PATH} HTTP/1.1\r\nHost: 127.0.0.1:{}\r\nAuthorization: Bearer {}\r\n\r\n",
        load.port, load.token
    );
    let poll = epoll::create(CreateFlags::CLOEXEC)?;
    let mut connections = Vec::with_capacity(CONNECTIONS);
    for at in 0..CONNECTIONS {
        let stream = TcpStream::connect(("127.0.0.1", load.port))?;
        stream.set_nodelay(true)?;
        epoll::add(
            &poll,
            &stream,
            EventData::new_u64(at as u64),
            EventFlags::IN,
        )?;
        let sent = Instant::now();
        connections.push(Connection { stream, sent });
    }
    let start = Instant::now();
    for connection in &mut connections {
        connection.sent = Instant::now();
        connection.stream.write_all(request.as_bytes())?;
    }
    let mut events = Vec::with_capacity(CONNECTIONS);
    let mut answer = [0; LONGEST];
    let mut length = None;
    let (mut took, mut refused): (Vec<u32>, usize) = (Vec::with_capacity(1 << 20), 0);
    let mut now = start;
    while now.duration_since(start) < load.duration {
        events.clear();
        if epoll::wait(&poll, spare_capacity(&mut events), Some(&PATIENCE))? == 0 {
            return Err("the service has stopped answering".into());
        }
        for event in &events {
            let connection = &mut connections[event.data.u64() as usize];
            let read = connection.stream.read(&mut answer)?;
            now = Instant::now();
            took.push(now.duration_since(connection.sent).as_nanos() as u32);
            // An answer that comes in two parts has another length, and would be counted as a refusal.
            let good = answer[..read].starts_with(GOOD) && read == *length.get_or_insert(read);
            refused += usize::from(!good);
            connection.sent = now;
            connection.stream.write_all(request.as_bytes())?;
        }
    }
    let microseconds = now.duration_since(start).as_micros();
    took.sort_unstable();
    let quantile = |part: f64| f64::from(took[(took.len() as f64 * part) as usize]) / 1e3;
    let (p50, p99) = (quantile(0.5), quantile(0.99));
    println!(
        "figures {} {microseconds} {p50} {p99} {refused} 0",
        took.len()
    );
    Ok(())
}
