//! The poller: edges, batches, and its own descriptor as another poll sees it.

#![allow(clippy::unwrap_used)]

mod sockets;

use std::collections::BTreeSet;
use std::io::Write;
use std::net::TcpStream;

use net::poller::{Poller, Ready};
use net::stream::Read;
use sockets::{is_readable, linger_zero, listener, tcp, unix, wait};

/// Waits for the poller as the loop would, then polls it.
fn turn(poller: &mut Poller, ready: &mut Vec<Ready>) {
    wait(poller.fileno(), libc::POLLIN);
    poller.poll(ready).unwrap();
}

/// Polls until all of what is ready was told.
fn settle(poller: &mut Poller, ready: &mut Vec<Ready>) {
    while is_readable(poller.fileno()) {
        poller.poll(ready).unwrap();
    }
}

#[test]
fn descriptor_is_readable_exactly_while_something_is_ready() {
    let mut poller = Poller::new(8).unwrap();
    let mut ready = vec![Ready { key: 1, readable: true, writable: true, read_closed: true, error: true }];
    assert!(!is_readable(poller.fileno()));
    poller.poll(&mut ready).unwrap();
    assert_eq!(ready, [], "the old content is gone");

    let (stream, mut peer) = unix();
    poller.register(stream.as_raw_fd(), 42).unwrap();
    turn(&mut poller, &mut ready);
    assert!(ready.iter().all(|event| event.key == 42 && event.writable && !event.readable), "{ready:?}");
    settle(&mut poller, &mut ready);
    assert!(!is_readable(poller.fileno()));

    peer.write_all(b"ping").unwrap();
    turn(&mut poller, &mut ready);
    assert!(ready.iter().any(|event| event.key == 42 && event.readable && !event.read_closed && !event.error));
    settle(&mut poller, &mut ready);
    assert!(!is_readable(poller.fileno()), "an edge is told once, read or not");

    peer.write_all(b"pong").unwrap();
    turn(&mut poller, &mut ready);
    assert!(ready.iter().any(|event| event.readable), "new bytes are a new edge");
    let mut buffer = [0; 16];
    assert!(matches!(stream.read(&mut buffer), Read::Bytes(8)));
}

#[test]
fn the_rest_of_a_batch_stays_in_the_kernel() {
    let mut poller = Poller::new(4).unwrap();
    let pairs: Vec<_> = (0..10).map(|_| unix()).collect();
    for (key, (stream, _)) in pairs.iter().enumerate() {
        poller.register(stream.as_raw_fd(), key).unwrap();
    }
    let (mut seen, mut turns) = (BTreeSet::new(), 0);
    let mut ready = Vec::new();
    while is_readable(poller.fileno()) {
        poller.poll(&mut ready).unwrap();
        assert!((1..=4).contains(&ready.len()));
        seen.extend(ready.iter().map(|event| event.key));
        turns += 1;
    }
    assert_eq!(seen, (0..10).collect());
    assert_eq!(turns, 3, "4 + 4 + 2");
}

#[test]
fn end_and_abort_of_the_peer_are_told() {
    let mut poller = Poller::new(8).unwrap();
    let mut ready = Vec::new();
    let (ended, peer) = tcp();
    poller.register(ended.as_raw_fd(), 1).unwrap();
    settle(&mut poller, &mut ready);
    peer.shutdown(std::net::Shutdown::Write).unwrap();
    turn(&mut poller, &mut ready);
    assert!(ready.iter().any(|event| event.key == 1 && event.read_closed && !event.error), "{ready:?}");

    let (aborted, peer) = tcp();
    poller.register(aborted.as_raw_fd(), 2).unwrap();
    settle(&mut poller, &mut ready);
    linger_zero(&peer);
    drop(peer);
    turn(&mut poller, &mut ready);
    assert!(ready.iter().any(|event| event.key == 2 && event.read_closed), "{ready:?}");
    #[cfg(target_os = "linux")]
    assert!(ready.iter().any(|event| event.key == 2 && event.error), "{ready:?}");
    assert!(matches!(aborted.read(&mut [0; 8]), Read::Lost(_)));
}

#[test]
fn listeners_become_readable_and_never_writable() {
    let mut poller = Poller::new(8).unwrap();
    let mut ready = Vec::new();
    let (listener, address) = listener();
    poller.register_readable(listener.as_raw_fd(), usize::MAX).unwrap();
    assert!(!is_readable(poller.fileno()));
    let _peers = [TcpStream::connect(address).unwrap(), TcpStream::connect(address).unwrap()];
    turn(&mut poller, &mut ready);
    assert_eq!((ready[0].key, ready[0].readable, ready[0].writable), (usize::MAX, true, false));
}

#[test]
fn deregistered_and_closed_descriptors_are_forgotten() {
    let mut poller = Poller::new(8).unwrap();
    let (stream, mut peer) = unix();
    poller.register(stream.as_raw_fd(), 1).unwrap();
    #[cfg(target_os = "linux")]
    assert_eq!(poller.register(stream.as_raw_fd(), 2).unwrap_err().kind(), std::io::ErrorKind::AlreadyExists);
    poller.deregister(stream.as_raw_fd()).unwrap();
    assert!(poller.deregister(stream.as_raw_fd()).is_err());
    peer.write_all(b"x").unwrap();
    assert!(!is_readable(poller.fileno()));

    poller.register(stream.as_raw_fd(), 3).unwrap();
    assert!(is_readable(poller.fileno()));
    drop(stream);
    assert!(!is_readable(poller.fileno()), "closing takes a pending event away");
    let mut ready = Vec::new();
    poller.poll(&mut ready).unwrap();
    assert_eq!(ready, []);
}

#[test]
fn a_full_socket_becomes_writable_when_the_peer_has_read() {
    let mut poller = Poller::new(8).unwrap();
    let mut ready = Vec::new();
    let (stream, mut peer) = tcp();
    poller.register(stream.as_raw_fd(), 7).unwrap();
    let block = vec![0; 1 << 16];
    let mut written = 0;
    // A short write is enough to arm the edge: no second call that says EAGAIN.
    loop {
        match stream.send(&block, false) {
            Ok(length) => written += length,
            Err(error) => panic!("{error} after {written}"),
        }
        if written % block.len() != 0 {
            break;
        }
    }
    settle(&mut poller, &mut ready);
    let mut buffer = vec![0; written];
    std::io::Read::read_exact(&mut peer, &mut buffer).unwrap();
    turn(&mut poller, &mut ready);
    assert!(ready.iter().any(|event| event.key == 7 && event.writable));
}
