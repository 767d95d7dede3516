//! GETs as fast as they are answered, one outstanding on each connection, bodies thrown away in large reads.
//!
//! For large answers: wrk reads 8 KiB at a time and becomes the limit long before the server does.

use std::io::{ErrorKind, Read, Write};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use mio::net::TcpStream;
use mio::{Events, Interest, Poll, Token};

use crate::Failure;
use crate::answer::parse_head;
use crate::arguments::Arguments;

const BLOCK: usize = 256 * 1024;
/// Silence of all connections together that counts as a hanging server.
const PATIENCE: Duration = Duration::from_secs(5);

pub fn run(arguments: &Arguments) -> Result<(), Failure> {
    let address: SocketAddr = arguments.value("address")?;
    let path: String = arguments.value("path")?;
    let request = format!("GET {path} HTTP/1.1\r\nHost: {address}\r\n\r\n").into_bytes();
    let mut poll = Poll::new()?;
    let mut connections = Vec::new();
    for number in 0..arguments.value("connections")? {
        let mut stream = std::net::TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        stream.write_all(&request)?;
        stream.set_nonblocking(true)?;
        let mut stream = TcpStream::from_std(stream);
        poll.registry().register(&mut stream, Token(number), Interest::READABLE)?;
        connections.push(Connection { stream, head: Vec::new(), body_left: 0 });
    }
    let limit = Duration::from_secs_f64(arguments.value("seconds")?);
    let (answers, elapsed) = exchange(&mut poll, &mut connections, &request, limit)?;
    println!("{{\"requests\": {answers}, \"seconds\": {:.6}}}", elapsed.as_secs_f64());
    Ok(())
}

/// Keeps all connections busy until the limit; the number of complete answers and the time they took.
fn exchange(
    poll: &mut Poll,
    connections: &mut [Connection],
    request: &[u8],
    limit: Duration,
) -> Result<(u64, Duration), Failure> {
    let start = Instant::now();
    let mut events = Events::with_capacity(connections.len());
    let mut block = vec![0; BLOCK];
    let mut answers = 0;
    while start.elapsed() < limit {
        poll.poll(&mut events, Some(PATIENCE))?;
        if events.is_empty() {
            return Err(format!("nothing was answered for {PATIENCE:?}").into());
        }
        for event in &events {
            answers += connections[event.token().0].read(&mut block, request)?;
        }
    }
    Ok((answers, start.elapsed()))
}

struct Connection {
    stream: TcpStream,
    /// What has arrived of a head that is not complete yet.
    head: Vec<u8>,
    /// How much of the body is still to come; 0 while a head is awaited.
    body_left: u64,
}

impl Connection {
    /// Reads until the socket is empty, asking anew after each complete answer; how many were completed.
    fn read(&mut self, block: &mut [u8], request: &[u8]) -> Result<u64, Failure> {
        let mut answers = 0;
        loop {
            match self.stream.read(block) {
                Ok(0) => return Err("the server closed a connection".into()),
                Ok(size) if self.take(&block[..size])? => {
                    answers += 1;
                    self.stream.write_all(request)?;
                }
                Ok(_) => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(answers),
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// Takes the next bytes; whether they complete the answer.
    fn take(&mut self, bytes: &[u8]) -> Result<bool, Failure> {
        if self.body_left == 0 {
            self.head.extend_from_slice(bytes);
            let Some(head) = parse_head(&self.head)? else {
                return Ok(false);
            };
            if head.status != 200 || head.content_length == 0 {
                return Err(format!("status {}, {} bytes", head.status, head.content_length).into());
            }
            let body = (self.head.len() - head.size) as u64;
            self.body_left = head.content_length.checked_sub(body).ok_or("more than was asked for")?;
            self.head.clear();
        } else {
            self.body_left = self.body_left.checked_sub(bytes.len() as u64).ok_or("more than was asked for")?;
        }
        Ok(self.body_left == 0)
    }
}
