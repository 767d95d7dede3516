//! Many connections, each of which has made one exchange (here a request) and then keeps quiet.
//!
//! Prints `{"open": N}` when all are open, waits until standard input ends (the caller weighs the server meanwhile),
//! then prints `{"alive": M}`: how many the server has not closed.

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use crate::Failure;
use crate::answer::parse_head;
use crate::arguments::Arguments;

/// The first byte of a ping (RFC 6455 section 5.5.2).
const PING: u8 = 0x89;

pub fn run(arguments: &Arguments) -> Result<(), Failure> {
    let path: String = arguments.value("path")?;
    hold(arguments, |address, limit| {
        let request = format!("GET {path} HTTP/1.1\r\nHost: {address}\r\n\r\n");
        open(address, request.as_bytes(), limit)
    })
}

/// Opens `--connections` connections one after the other and holds them; `open` makes one that has done its exchange.
pub fn hold(
    arguments: &Arguments,
    mut open: impl FnMut(SocketAddr, Duration) -> Result<TcpStream, Failure>,
) -> Result<(), Failure> {
    let address: SocketAddr = arguments.value("address")?;
    let wanted: usize = arguments.value("connections")?;
    let limit = Duration::from_secs_f64(arguments.value("seconds")?);
    let deadline = Instant::now() + limit;
    let mut streams = Vec::with_capacity(wanted);
    while streams.len() < wanted {
        let opened = open(address, limit);
        streams.push(opened.map_err(|failure| format!("connection {}: {failure}", streams.len() + 1))?);
        if Instant::now() > deadline {
            return Err(format!("only {} connections within --seconds", streams.len()).into());
        }
    }
    println!("{{\"open\": {}}}", streams.len());
    std::io::stdin().read_to_end(&mut Vec::new())?;
    println!("{{\"alive\": {}}}", streams.iter().filter(|stream| is_open(stream)).count());
    Ok(())
}

fn open(address: SocketAddr, request: &[u8], limit: Duration) -> Result<TcpStream, Failure> {
    let mut stream = TcpStream::connect_timeout(&address, limit)?;
    stream.set_read_timeout(Some(limit))?;
    stream.write_all(request)?;
    let mut received = Vec::new();
    let mut block = [0; 1024];
    loop {
        match stream.read(&mut block)? {
            0 => return Err("closed before the answer was complete".into()),
            size => received.extend_from_slice(&block[..size]),
        }
        let Some(head) = parse_head(&received)? else { continue };
        if head.status != 200 {
            return Err(format!("status {}", head.status).into());
        }
        if received.len() as u64 >= head.size as u64 + head.content_length {
            return Ok(stream);
        }
    }
}

/// A quiet, living connection has nothing to read, neither bytes nor the end; a WebSocket may have been pinged.
fn is_open(mut stream: &TcpStream) -> bool {
    let mut first = [0; 1];
    stream.set_nonblocking(true).is_ok()
        && match stream.read(&mut first) {
            Ok(size) => size == 1 && first[0] == PING,
            Err(error) => error.kind() == ErrorKind::WouldBlock,
        }
}
