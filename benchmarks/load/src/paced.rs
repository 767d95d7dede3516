//! GETs at a constant rate over kept-alive connections, each timed from the moment it was *due*.
//!
//! The schedule never waits for the server: request k is due at k / rate, on connection k mod N, and queues there
//! while an earlier one is unanswered. A stall is therefore felt by every request that should have run meanwhile
//! (no coordinated omission). The loop spins on its own core: a sleeping load would measure its own wake-up.
//!
//! On a virtual machine the host takes a core away now and then, for milliseconds, and the tail of a whole run is then
//! the host's. So the run is also cut into windows by the time at which requests were due: the median of the windows'
//! 99th percentiles is that of the server and the load. What a server does to itself less often than in every second
//! window shows in the tail of the whole run only.

use std::collections::VecDeque;
use std::io::{ErrorKind, Read, Write};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use mio::net::TcpStream;
use mio::{Events, Interest, Poll, Token};

use crate::Failure;
use crate::answer::parse_head;
use crate::arguments::Arguments;
use crate::histogram::Histogram;

/// The first part of a run is sent but not counted: caches, frequency and the server's pools settle in it.
const WARM_UP: Duration = Duration::from_millis(500);
/// Long enough for a thousand requests of the slowest server, short enough that most windows are left alone.
const WINDOW: Duration = Duration::from_millis(100);
/// How long the last requests may take after the schedule has ended.
const PATIENCE: Duration = Duration::from_secs(5);

pub fn run(arguments: &Arguments) -> Result<(), Failure> {
    let mut load = Load::connect(arguments)?;
    load.run(arguments.value("rate")?, Duration::from_secs_f64(arguments.value("seconds")?))?;
    load.print();
    Ok(())
}

struct Load {
    poll: Poll,
    connections: Vec<Connection>,
    request: Vec<u8>,
    latencies: Latencies,
    unanswered: u64,
}

struct Connection {
    stream: TcpStream,
    /// When its requests were due, the one in flight first.
    due: VecDeque<Instant>,
    received: Vec<u8>,
}

impl Load {
    fn connect(arguments: &Arguments) -> Result<Self, Failure> {
        let address: SocketAddr = arguments.value("address")?;
        let path: String = arguments.value("path")?;
        let poll = Poll::new()?;
        let mut connections = Vec::new();
        for number in 0..arguments.value("connections")? {
            let connected = std::net::TcpStream::connect(address)?;
            connected.set_nodelay(true)?;
            connected.set_nonblocking(true)?;
            let mut stream = TcpStream::from_std(connected);
            poll.registry().register(&mut stream, Token(number), Interest::READABLE)?;
            connections.push(Connection { stream, due: VecDeque::new(), received: Vec::new() });
        }
        let request = format!("GET {path} HTTP/1.1\r\nHost: {address}\r\n\r\n").into_bytes();
        Ok(Self { poll, connections, request, latencies: Latencies::default(), unanswered: 0 })
    }

    fn run(&mut self, rate: f64, duration: Duration) -> Result<(), Failure> {
        let start = Instant::now();
        self.latencies.counted_from = Some(start + WARM_UP);
        let last_due = start + WARM_UP + duration;
        let interval = Duration::from_secs_f64(1.0 / rate);
        let mut events = Events::with_capacity(self.connections.len());
        let mut scheduled = 0_u32;
        loop {
            let now = Instant::now();
            let mut due = start + interval * scheduled;
            while due <= now && due < last_due {
                self.schedule(scheduled as usize, due)?;
                scheduled += 1;
                due = start + interval * scheduled;
            }
            self.poll.poll(&mut events, Some(Duration::ZERO))?;
            for event in &events {
                self.connections[event.token().0].read(&self.request, &mut self.latencies)?;
            }
            self.unanswered = self.connections.iter().map(|connection| connection.due.len() as u64).sum();
            let ended = due >= last_due && self.unanswered == 0;
            if ended || now > last_due + PATIENCE {
                return Ok(());
            }
        }
    }

    fn schedule(&mut self, number: usize, due: Instant) -> Result<(), Failure> {
        let index = number % self.connections.len();
        let connection = &mut self.connections[index];
        connection.due.push_back(due);
        if connection.due.len() == 1 {
            connection.stream.write_all(&self.request)?;
        }
        Ok(())
    }

    fn print(&self) {
        let micros = |share| self.latencies.whole.quantile(share).as_secs_f64() * 1e6;
        println!(
            "{{\"answered\": {}, \"unanswered\": {}, \"p50\": {:.1}, \"p90\": {:.1}, \"p99\": {:.1}, \"window_p99\": {:.1}, \"p999\": {:.1}, \"max\": {:.1}}}",
            self.latencies.whole.total(),
            self.unanswered,
            micros(0.50),
            micros(0.90),
            micros(0.99),
            self.latencies.window_tail().as_secs_f64() * 1e6,
            micros(0.999),
            micros(1.0),
        );
    }
}

/// What was measured from `counted_from` on: of the whole run, and of each window.
#[derive(Default)]
struct Latencies {
    counted_from: Option<Instant>,
    whole: Histogram,
    windows: Vec<Histogram>,
}

impl Latencies {
    fn record(&mut self, due: Instant) {
        let Some(offset) = self.counted_from.and_then(|from| due.checked_duration_since(from)) else {
            return;
        };
        let latency = due.elapsed();
        self.whole.record(latency);
        let window = (offset.as_nanos() / WINDOW.as_nanos()) as usize;
        if self.windows.len() <= window {
            self.windows.resize_with(window + 1, Histogram::default);
        }
        self.windows[window].record(latency);
    }

    /// The median of the windows' 99th percentiles.
    fn window_tail(&self) -> Duration {
        let mut tails: Vec<Duration> = self.windows.iter().map(|window| window.quantile(0.99)).collect();
        tails.sort_unstable();
        tails.get(tails.len() / 2).copied().unwrap_or_default()
    }
}

impl Connection {
    /// Takes what has arrived; a complete answer is recorded and the next due request sent.
    fn read(&mut self, request: &[u8], latencies: &mut Latencies) -> Result<(), Failure> {
        self.fill()?;
        while let Some(size) = self.complete_answer()? {
            self.received.drain(..size);
            let due = self.due.pop_front().ok_or("an answer that nobody asked for")?;
            latencies.record(due);
            if !self.due.is_empty() {
                self.stream.write_all(request)?;
            }
        }
        Ok(())
    }

    /// Reads until the socket is empty, as an edge-triggered poller demands.
    fn fill(&mut self) -> Result<(), Failure> {
        let mut block = [0; 4096];
        loop {
            match self.stream.read(&mut block) {
                Ok(0) => return Err("the server closed a connection".into()),
                Ok(size) => self.received.extend_from_slice(&block[..size]),
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// The size of the answer at the front of what was received, once all of it is there.
    fn complete_answer(&self) -> Result<Option<usize>, Failure> {
        let Some(head) = parse_head(&self.received)? else {
            return Ok(None);
        };
        if head.status != 200 {
            return Err(format!("status {}", head.status).into());
        }
        let size = head.size + head.content_length as usize;
        Ok((self.received.len() >= size).then_some(size))
    }
}
