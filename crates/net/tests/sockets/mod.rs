//! Real sockets and files for the tests of this folder, and waiting for them by readiness instead of by time.

#![allow(dead_code, clippy::unwrap_used)]

use std::cell::RefCell;
use std::fs::{File, OpenOptions};
use std::io::Write;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::fd::{AsRawFd, OwnedFd, RawFd};
use std::os::unix::net::{UnixDatagram, UnixStream};
use std::path::PathBuf;
use std::rc::Rc;
use std::sync::atomic::{AtomicU32, Ordering};

use net::listener::{Listener, Local, Peer};
use net::outlet::Payload;
use net::stream::Stream;

/// A listener on a free port of the loopback.
pub fn listener() -> (Listener, SocketAddr) {
    let socket = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = socket.local_addr().unwrap();
    (Listener::from_fd(socket.into()).unwrap(), address)
}

pub fn accept(listener: &Listener) -> (Stream, Peer) {
    wait(listener.as_raw_fd(), libc::POLLIN);
    listener.accept().unwrap().unwrap()
}

/// Our side and the peer's, which waits when it reads.
pub fn tcp() -> (Stream, TcpStream) {
    let (listener, address) = listener();
    let peer = TcpStream::connect(address).unwrap();
    let (stream, from) = accept(&listener);
    assert_eq!(from, Peer::Tcp(peer.local_addr().unwrap()));
    assert!(matches!(listener.local(), Local::Tcp(local) if local == address));
    (stream, peer)
}

pub fn unix() -> (Stream, UnixStream) {
    let (ours, peer) = UnixStream::pair().unwrap();
    (Stream::from_fd(ours.into()).unwrap(), peer)
}

/// Datagrams keep the system calls apart: one received datagram is one send.
pub fn counting() -> (Stream, UnixDatagram) {
    let (ours, peer) = UnixDatagram::pair().unwrap();
    peer.set_nonblocking(true).unwrap();
    (Stream::from_fd(ours.into()).unwrap(), peer)
}

/// What each system call since the last time has sent.
pub fn calls(peer: &UnixDatagram) -> Vec<Vec<u8>> {
    let mut calls = Vec::new();
    let mut buffer = vec![0; 1 << 20];
    while let Ok(length) = peer.recv(&mut buffer) {
        calls.push(buffer[..length].to_vec());
    }
    calls
}

/// Blocks until `fd` has one of `events` (or an error), for 20 s at most.
pub fn wait(fd: RawFd, events: libc::c_short) {
    wait_any(&[(fd, events)]);
}

/// Blocks until one of several descriptors has its events (or an error), for 20 s at most.
pub fn wait_any(wanted: &[(RawFd, libc::c_short)]) {
    assert!(poll(wanted, 20_000), "nothing became ready");
}

pub fn is_readable(fd: RawFd) -> bool {
    poll(&[(fd, libc::POLLIN)], 0)
}

fn poll(wanted: &[(RawFd, libc::c_short)], timeout: i32) -> bool {
    let mut entries: Vec<_> = wanted.iter().map(|&(fd, events)| libc::pollfd { fd, events, revents: 0 }).collect();
    // SAFETY: `entries` is that many entries and lives through the call.
    unsafe { libc::poll(entries.as_mut_ptr(), entries.len() as _, timeout) > 0 }
}

/// Sets an integer option of SOL_SOCKET, such as the smallest possible buffer.
pub fn set(fd: RawFd, option: libc::c_int, value: libc::c_int) {
    // SAFETY: `value` is a c_int and lives through the call.
    let result = unsafe {
        libc::setsockopt(fd, libc::SOL_SOCKET, option, std::ptr::from_ref(&value).cast(), size_of_val(&value) as _)
    };
    assert_eq!(result, 0);
}

/// Makes dropping `peer` abort the connection.
pub fn linger_zero(peer: &TcpStream) {
    let linger = libc::linger { l_onoff: 1, l_linger: 0 };
    // SAFETY: `linger` lives through the call and is what SO_LINGER takes.
    let result = unsafe {
        let value = std::ptr::from_ref(&linger).cast();
        libc::setsockopt(peer.as_raw_fd(), libc::SOL_SOCKET, libc::SO_LINGER, value, size_of_val(&linger) as _)
    };
    assert_eq!(result, 0);
}

/// A path nobody else uses.
pub fn path(name: &str) -> PathBuf {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    std::env::temp_dir().join(format!("asgate-net-{}-{count}-{name}", std::process::id()))
}

/// A nameless file with this content.
pub fn file(content: &[u8]) -> File {
    let path = path("file");
    let mut file = OpenOptions::new().read(true).write(true).create_new(true).open(&path).unwrap();
    std::fs::remove_file(&path).unwrap();
    file.write_all(content).unwrap();
    file
}

/// A second descriptor of the same open file, as the outlet takes it.
pub fn owned(file: &File) -> OwnedFd {
    file.try_clone().unwrap().into()
}

/// Bytes of which one sees which is missing.
pub fn pattern(length: usize) -> Vec<u8> {
    (0..length).map(|at| (at.wrapping_mul(2_654_435_761) >> 13) as u8).collect()
}

/// A payload that notes its drop.
pub struct Chunk {
    pub bytes: Vec<u8>,
    pub name: usize,
    pub dropped: Rc<RefCell<Vec<usize>>>,
}

impl Payload for Chunk {
    fn bytes(&self) -> &[u8] {
        &self.bytes
    }
}

impl Drop for Chunk {
    fn drop(&mut self) {
        self.dropped.borrow_mut().push(self.name);
    }
}

/// Pseudo-random numbers that are the same every time (xorshift64*).
pub struct Random(u64);

impl Random {
    pub fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    pub fn below(&mut self, limit: u64) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 11) % limit
    }
}
