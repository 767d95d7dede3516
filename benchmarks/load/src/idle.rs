//! Many connections, each of which has made one request and then keeps quiet.
//!
//! Prints `{"open": N}` when all are open, waits until standard input ends (the caller weighs the server meanwhile),
//! then prints `{"alive": M}`: how many the server has not closed.

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use crate::Failure;
use crate::answer::parse_head;
use crate::arguments::Arguments;

pub fn run(arguments: &Arguments) -> Result<(), Failure> {
    let address: SocketAddr = arguments.value("address")?;
    let path: String = arguments.value("path")?;
    let wanted: usize = arguments.value("connections")?;
    let limit = Duration::from_secs_f64(arguments.value("seconds")?);
    let deadline = Instant::now() + limit;
    let request = format!("GET {path} HTTP/1.1\r\nHost: {address}\r\n\r\n");
    let mut streams = Vec::with_capacity(wanted);
    while streams.len() < wanted {
        let opened = open(address, request.as_bytes(), limit);
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

/// A quiet, living connection has nothing to read: neither bytes nor the end.
fn is_open(mut stream: &TcpStream) -> bool {
    let quiet = |error: std::io::Error| error.kind() == ErrorKind::WouldBlock;
    stream.set_nonblocking(true).is_ok() && stream.read(&mut [0; 1]).is_err_and(quiet)
}
