//! Many WebSocket connections, each of which has exchanged one message, so that its codecs have been at work.

use std::io::{Read, Write};
use std::net::TcpStream;

use crate::Failure;
use crate::arguments::Arguments;
use crate::idle::hold;
use crate::websocket::connection::frame_and_right;
use crate::websocket::handshake::{Offer, open};
use crate::websocket::receiver::{Receiver, Right};

pub fn run(arguments: &Arguments) -> Result<(), Failure> {
    let path: String = arguments.value("path")?;
    let offer: Offer = arguments.value("deflate")?;
    let (frame, mut right) = frame_and_right(arguments.value("size")?, offer)?;
    hold(arguments, |address, limit| {
        let mut stream = open(address, &path, offer, limit)?;
        exchange_once(&mut stream, &frame, &mut right)?;
        Ok(stream)
    })
}

fn exchange_once(stream: &mut TcpStream, frame: &[u8], right: &mut Right) -> Result<(), Failure> {
    let mut receiver = Receiver::default();
    let mut block = [0; 4096];
    stream.write_all(frame)?;
    loop {
        match stream.read(&mut block)? {
            0 => return Err("closed before the message had come back".into()),
            size if receiver.take(&block[..size], right)? == 1 => return Ok(()),
            _ => {}
        }
    }
}
