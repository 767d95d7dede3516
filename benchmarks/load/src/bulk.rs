//! One large body over one connection, up or down, as fast as it goes, timed from the first byte to the last.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use crate::Failure;
use crate::answer::{Head, parse_head};
use crate::arguments::Arguments;

/// Large enough that the load's own system calls do not count, small enough to stay in the second-level cache.
const BLOCK: usize = 256 * 1024;

/// Posts `--bytes` bytes; the application is expected to answer with their count.
pub fn upload(arguments: &Arguments) -> Result<(), Failure> {
    let bytes: u64 = arguments.value("bytes")?;
    let (mut stream, deadline) = connect(arguments)?;
    let start = Instant::now();
    let length = format!("Content-Type: application/octet-stream\r\nContent-Length: {bytes}\r\n");
    send_head(&mut stream, arguments, "POST", &length)?;
    let block = vec![b'x'; BLOCK];
    let mut left = bytes;
    while left > 0 {
        let size = left.min(BLOCK as u64) as usize;
        stream.write_all(&block[..size])?;
        left -= size as u64;
        within(deadline)?;
    }
    let (head, mut body) = receive_head(&mut stream, deadline)?;
    stream.take(head.content_length - body.len() as u64).read_to_end(&mut body)?;
    let seconds = start.elapsed().as_secs_f64();
    let counted = String::from_utf8_lossy(&body).trim().parse::<u64>().map_or("null".into(), |count| count.to_string());
    println!("{{\"status\": {}, \"seconds\": {seconds:.6}, \"bytes\": {bytes}, \"counted\": {counted}}}", head.status);
    Ok(())
}

/// Gets one answer, expected to be of `--bytes` bytes, and throws it away.
pub fn download(arguments: &Arguments) -> Result<(), Failure> {
    let expected: u64 = arguments.value("bytes")?;
    let (mut stream, deadline) = connect(arguments)?;
    let start = Instant::now();
    send_head(&mut stream, arguments, "GET", "")?;
    let (head, body) = receive_head(&mut stream, deadline)?;
    if head.content_length != expected {
        return Err(format!("Content-Length {} instead of {expected}", head.content_length).into());
    }
    let mut block = vec![0; BLOCK];
    let mut bytes = body.len() as u64;
    while bytes < expected {
        match stream.read(&mut block)? {
            0 => return Err(format!("closed after {bytes} of {expected} bytes").into()),
            size => bytes += size as u64,
        }
        within(deadline)?;
    }
    let seconds = start.elapsed().as_secs_f64();
    println!("{{\"status\": {}, \"seconds\": {seconds:.6}, \"bytes\": {bytes}}}", head.status);
    Ok(())
}

fn connect(arguments: &Arguments) -> Result<(TcpStream, Instant), Failure> {
    let address: SocketAddr = arguments.value("address")?;
    let limit = Duration::from_secs_f64(arguments.value("seconds")?);
    let stream = TcpStream::connect(address)?;
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(limit))?;
    stream.set_write_timeout(Some(limit))?;
    Ok((stream, Instant::now() + limit))
}

fn send_head(stream: &mut TcpStream, arguments: &Arguments, method: &str, fields: &str) -> Result<(), Failure> {
    let (address, path): (String, String) = (arguments.value("address")?, arguments.value("path")?);
    let head = format!("{method} {path} HTTP/1.1\r\nHost: {address}\r\n{fields}\r\n");
    Ok(stream.write_all(head.as_bytes())?)
}

/// The head of the answer and what came of its body with it.
fn receive_head(stream: &mut TcpStream, deadline: Instant) -> Result<(Head, Vec<u8>), Failure> {
    let mut received = Vec::new();
    let mut block = [0; 4096];
    loop {
        match stream.read(&mut block)? {
            0 => return Err("closed before the answer".into()),
            size => received.extend_from_slice(&block[..size]),
        }
        if let Some(head) = parse_head(&received)? {
            return Ok((head, received.split_off(head.size)));
        }
        within(deadline)?;
    }
}

fn within(deadline: Instant) -> Result<(), Failure> {
    if Instant::now() > deadline { Err("took longer than --seconds".into()) } else { Ok(()) }
}
