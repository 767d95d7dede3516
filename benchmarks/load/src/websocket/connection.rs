//! The connections of a load: opened one after the other, then all watched by one poll, edge-triggered.

use std::io::{ErrorKind, Read, Write};
use std::net::SocketAddr;
use std::time::Duration;

use mio::net::TcpStream;
use mio::{Events, Interest, Poll, Token};

use crate::Failure;
use crate::arguments::Arguments;
use crate::websocket::PATIENCE;
use crate::websocket::frame::client_frame;
use crate::websocket::handshake::{Offer, open};
use crate::websocket::message::{deflate, json_lines};
use crate::websocket::receiver::{Receiver, Right};

const BLOCK: usize = 256 * 1024;

/// One open connection, and how far the frame that it is sending has gone.
pub struct Connection {
    stream: TcpStream,
    receiver: Receiver,
    sent: usize,
}

/// What all connections of a load have in common: the frame they send, the message that must come back.
pub struct Load {
    pub poll: Poll,
    pub events: Events,
    pub frame: Vec<u8>,
    pub right: Right,
    block: Vec<u8>,
}

impl Load {
    /// Opens `--connections` connections for messages of `--size` bytes, `--deflate` being the offer.
    pub fn open(arguments: &Arguments) -> Result<(Self, Vec<Connection>), Failure> {
        let (address, path): (SocketAddr, String) = (arguments.value("address")?, arguments.value("path")?);
        let (wanted, offer) = (arguments.value("connections")?, arguments.value("deflate")?);
        let poll = Poll::new()?;
        let mut connections = Vec::with_capacity(wanted);
        for number in 0..wanted {
            let stream = open(address, &path, offer, PATIENCE)
                .map_err(|failure| format!("connection {}: {failure}", number + 1))?;
            stream.set_nonblocking(true)?;
            let mut stream = TcpStream::from_std(stream);
            poll.registry().register(&mut stream, Token(number), Interest::READABLE | Interest::WRITABLE)?;
            connections.push(Connection { stream, receiver: Receiver::default(), sent: usize::MAX });
        }
        let (frame, right) = frame_and_right(arguments.value("size")?, offer)?;
        let (events, block) = (Events::with_capacity(wanted.max(1)), vec![0; BLOCK]);
        Ok((Self { poll, events, frame, right, block }, connections))
    }

    /// Waits until something happens; silence is a failure.
    pub fn wait(&mut self) -> Result<(), Failure> {
        self.poll.poll(&mut self.events, Some(PATIENCE))?;
        if self.events.is_empty() { Err(format!("nothing came back for {PATIENCE:?}").into()) } else { Ok(()) }
    }

    /// Begins to send the frame; the rest goes when the socket takes it again.
    pub fn send(&self, connection: &mut Connection) -> Result<(), Failure> {
        connection.sent = 0;
        self.continue_sending(connection)
    }

    pub fn continue_sending(&self, connection: &mut Connection) -> Result<(), Failure> {
        while connection.sent < self.frame.len() {
            match connection.stream.write(&self.frame[connection.sent..]) {
                Ok(size) => connection.sent += size,
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }

    /// Reads what is there; how many messages it completes, each of them right.
    pub fn receive(&mut self, connection: &mut Connection) -> Result<u64, Failure> {
        let mut messages = 0;
        loop {
            match connection.stream.read(&mut self.block) {
                Ok(0) => return Err("the server closed a connection".into()),
                Ok(size) => {
                    messages += connection.receiver.take(&self.block[..size], &mut self.right)?;
                    // A short read has emptied the socket (epoll(7)): what comes later is a new event.
                    if size < BLOCK {
                        return Ok(messages);
                    }
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(messages),
                Err(error) => return Err(error.into()),
            }
        }
    }
}

/// The frame a load sends, compressed where that was offered, and the message that it carries.
pub fn frame_and_right(size: usize, offer: Offer) -> Result<(Vec<u8>, Right), Failure> {
    let plain = json_lines(size);
    let compressed = offer != Offer::None;
    let frame = if compressed { client_frame(&deflate(&plain)?, true) } else { client_frame(&plain, false) };
    Ok((frame, Right::new(plain)))
}

/// A duration in µs, as the results give it.
pub fn micros(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e6
}
