//! Listeners: what they refuse, whom they accept, what the accepted sockets are like.

#![allow(clippy::unwrap_used)]

mod sockets;

use std::io::ErrorKind;
use std::net::{TcpListener, TcpStream, UdpSocket};
use std::os::fd::{OwnedFd, RawFd};
use std::os::unix::net::{UnixDatagram, UnixListener, UnixStream};

use net::listener::{Listener, Local, Peer};
use net::stream::Read;
use sockets::{accept, file, linger_zero, listener, path, wait};

fn flags(fd: RawFd, command: libc::c_int) -> libc::c_int {
    // SAFETY: reads flags; no memory is passed.
    unsafe { libc::fcntl(fd, command) }
}

#[test]
fn refuses_what_does_not_listen() {
    let bound = TcpListener::bind("127.0.0.1:0").unwrap();
    let connected = TcpStream::connect(bound.local_addr().unwrap()).unwrap();
    let refused: [(OwnedFd, &str); 5] = [
        (connected.into(), "listen()"),
        (UnixStream::pair().unwrap().0.into(), "listen()"),
        (UdpSocket::bind("127.0.0.1:0").unwrap().into(), "socket type"),
        (UnixDatagram::unbound().unwrap().into(), "socket type"),
        (file(b"").into(), ""),
    ];
    for (fd, reason) in refused {
        let error = Listener::from_fd(fd).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
        let text = error.to_string();
        assert!(text.contains("is not a listening stream socket") && text.contains(reason), "{text}");
    }
}

#[test]
fn accepts_until_none_waits() {
    let (listener, address) = listener();
    assert!(listener.accept().unwrap().is_none(), "never waits");
    let first = TcpStream::connect(address).unwrap();
    let second = TcpStream::connect(address).unwrap();
    let (stream, peer) = accept(&listener);
    assert_eq!(peer, Peer::Tcp(first.local_addr().unwrap()));
    assert_eq!(accept(&listener).1, Peer::Tcp(second.local_addr().unwrap()));
    assert!(listener.accept().unwrap().is_none());
    assert_eq!(stream.local_tcp(), Some(address));
    assert!(matches!(stream.read(&mut [0; 1]), Read::Empty), "accepted sockets do not wait either");
}

#[test]
fn accepted_sockets_are_nonblocking_closed_on_exec_and_without_delay() {
    let (listener, address) = listener();
    let _peer = TcpStream::connect(address).unwrap();
    let (stream, _) = accept(&listener);
    let fd = stream.as_raw_fd();
    assert_ne!(flags(fd, libc::F_GETFL) & libc::O_NONBLOCK, 0);
    assert_ne!(flags(fd, libc::F_GETFD) & libc::FD_CLOEXEC, 0);
    let (mut value, mut length) = (0_i32, 4);
    // SAFETY: `value` has room for `length` bytes.
    unsafe { libc::getsockopt(fd, libc::IPPROTO_TCP, libc::TCP_NODELAY, (&raw mut value).cast(), &mut length) };
    assert_ne!(value, 0);
}

#[test]
fn ipv6_addresses_come_through() {
    let Ok(socket) = TcpListener::bind("[::1]:0") else { return };
    let address = socket.local_addr().unwrap();
    let listener = Listener::from_fd(socket.into()).unwrap();
    assert_eq!(listener.local(), Local::Tcp(address));
    let peer = TcpStream::connect(address).unwrap();
    let (stream, from) = accept(&listener);
    assert_eq!(from, Peer::Tcp(peer.local_addr().unwrap()));
    assert_eq!(stream.local_tcp(), Some(address));
}

#[test]
fn wildcard_listeners_learn_the_address_from_the_stream() {
    let listener = Listener::from_fd(TcpListener::bind("0.0.0.0:0").unwrap().into()).unwrap();
    let Local::Tcp(local) = listener.local() else { panic!() };
    assert!(local.ip().is_unspecified());
    let _peer = TcpStream::connect(("127.0.0.1", local.port())).unwrap();
    assert_eq!(accept(&listener).0.local_tcp().unwrap(), ([127, 0, 0, 1], local.port()).into());
}

#[test]
fn unix_listeners_have_a_path_and_nameless_peers() {
    let path = path("socket");
    let listener = Listener::from_fd(UnixListener::bind(&path).unwrap().into()).unwrap();
    assert_eq!(listener.local(), Local::Unix(path.clone()));
    let _peer = UnixStream::connect(&path).unwrap();
    std::fs::remove_file(&path).unwrap();
    let (stream, peer) = accept(&listener);
    assert_eq!((peer, stream.local_tcp()), (Peer::Unix, None));
    assert!(listener.accept().unwrap().is_none());
}

#[cfg(target_os = "linux")]
#[test]
fn abstract_names_start_with_an_at_sign() {
    use std::os::linux::net::SocketAddrExt;
    use std::os::unix::net::SocketAddr;

    let name = path("abstract").file_name().unwrap().to_str().unwrap().to_owned();
    let socket = UnixListener::bind_addr(&SocketAddr::from_abstract_name(&name).unwrap()).unwrap();
    let listener = Listener::from_fd(socket.into()).unwrap();
    assert_eq!(listener.local(), Local::Unix(std::path::PathBuf::from(format!("@{name}"))));
}

#[test]
fn a_connection_aborted_in_the_queue_does_no_harm() {
    let (listener, address) = listener();
    let aborted = TcpStream::connect(address).unwrap();
    linger_zero(&aborted);
    drop(aborted);
    let alive = TcpStream::connect(address).unwrap();
    let mut accepted = Vec::new();
    while accepted.last() != Some(&Peer::Tcp(alive.local_addr().unwrap())) {
        wait(listener.as_raw_fd(), libc::POLLIN);
        // Linux delivers the dead one as well; its first read says so.
        let (stream, peer) = listener.accept().unwrap().unwrap();
        if peer != Peer::Tcp(alive.local_addr().unwrap()) {
            assert!(matches!(stream.read(&mut [0; 1]), Read::Lost(_)));
        }
        accepted.push(peer);
    }
}
