//! Streams: every outcome of reading and writing, files, and the ways a connection ends.

#![allow(clippy::unwrap_used)]

mod sockets;

use std::fs::File;
use std::io::{ErrorKind, IoSlice, Read as _, Seek, SeekFrom, Write};
use std::os::fd::AsFd;

use net::stream::{Read, Stream};
use sockets::{file, linger_zero, pattern, set, tcp, unix, wait};

fn fill(stream: &Stream) -> usize {
    let mut written = 0;
    loop {
        match stream.send(&[7; 4096], false) {
            Ok(length) => written += length,
            Err(error) if error.kind() == ErrorKind::WouldBlock => return written,
            Err(error) => panic!("{error}"),
        }
    }
}

#[test]
fn reads_what_is_there_then_nothing_then_the_end() {
    let (stream, mut peer) = tcp();
    let mut buffer = [0; 8];
    assert!(matches!(stream.read(&mut buffer), Read::Empty));
    peer.write_all(b"hello").unwrap();
    wait(stream.as_raw_fd(), libc::POLLIN);
    assert!(matches!(stream.read(&mut []), Read::Bytes(0)), "no room is not the end");
    assert!(matches!(stream.read(&mut buffer[..3]), Read::Bytes(3)));
    assert_eq!(&buffer[..3], b"hel");
    assert!(matches!(stream.read(&mut buffer), Read::Bytes(2)));
    assert_eq!(&buffer[..2], b"lo");
    peer.shutdown(std::net::Shutdown::Write).unwrap();
    wait(stream.as_raw_fd(), libc::POLLIN);
    assert!(matches!(stream.read(&mut buffer), Read::Eof));
    assert!(matches!(stream.read(&mut buffer), Read::Eof), "and stays so");
    assert_eq!(stream.send(b"bye", false).unwrap(), 3, "the other direction is still open");
}

#[test]
fn an_abort_by_the_peer_is_lost() {
    let (stream, peer) = tcp();
    linger_zero(&peer);
    drop(peer);
    wait(stream.as_raw_fd(), libc::POLLIN);
    assert!(matches!(stream.read(&mut [0; 8]), Read::Lost(error) if error.kind() == ErrorKind::ConnectionReset));
    assert_eq!(stream.send(b"x", false).unwrap_err().kind(), ErrorKind::BrokenPipe, "an error, not a signal");
    assert!(matches!(stream.send_file(file(b"x").as_fd(), 0, 1), Err(error) if error.kind() == ErrorKind::BrokenPipe));
}

#[test]
fn writing_stops_when_the_socket_is_full() {
    let (stream, mut peer) = unix();
    let written = fill(&stream);
    assert!(written > 0);
    assert_eq!(
        stream.send_slices(&[IoSlice::new(b"a"), IoSlice::new(b"b")], false).unwrap_err().kind(),
        ErrorKind::WouldBlock
    );
    assert_eq!(stream.send_file(file(b"abc").as_fd(), 0, 3).unwrap_err().kind(), ErrorKind::WouldBlock);
    peer.read_exact(&mut vec![0; written]).unwrap();
    assert_eq!(stream.send_slices(&[IoSlice::new(b"a"), IoSlice::new(b""), IoSlice::new(b"bc")], false).unwrap(), 3);
    assert_eq!(stream.send_slices(&[], false).unwrap(), 0);
    let mut buffer = [0; 3];
    peer.read_exact(&mut buffer).unwrap();
    assert_eq!(&buffer, b"abc");
}

#[test]
fn a_large_write_to_a_tiny_buffer_is_partial() {
    for large in [vec![1; 1 << 20], vec![2; (1 << 20) + 1]] {
        let (stream, _peer) = unix();
        set(stream.as_raw_fd(), libc::SO_SNDBUF, 1);
        let written = stream.send(&large, false).unwrap();
        assert!(0 < written && written < large.len());
    }
}

#[test]
fn shutdown_ends_our_direction_only() {
    let (stream, mut peer) = tcp();
    stream.send(b"last", false).unwrap();
    stream.shutdown_write();
    let mut text = String::new();
    peer.read_to_string(&mut text).unwrap();
    assert_eq!(text, "last");
    peer.write_all(b"still here").unwrap();
    wait(stream.as_raw_fd(), libc::POLLIN);
    assert!(matches!(stream.read(&mut [0; 32]), Read::Bytes(10)));
    drop(peer);
    stream.shutdown_write();
}

#[test]
fn dropping_after_reset_is_visible_as_an_abort() {
    let (stream, mut peer) = tcp();
    stream.reset();
    drop(stream);
    assert_eq!(peer.read(&mut [0; 1]).unwrap_err().kind(), ErrorKind::ConnectionReset);
    let (stream, mut peer) = tcp();
    drop(stream);
    assert_eq!(peer.read(&mut [0; 1]).unwrap(), 0, "without reset it is a plain end");
}

#[test]
fn files_are_sent_from_an_offset_without_moving_the_position() {
    let content = pattern(10_000);
    for (offset, count, expected) in
        [(0, 10_000, 10_000), (100, 50, 50), (9_990, 100, 10), (10_000, 1, 0), (1 << 40, 1, 0), (5, 0, 0)]
    {
        let (stream, mut peer) = unix();
        let mut file = file(&content);
        file.seek(SeekFrom::Start(77)).unwrap();
        let sent = stream.send_file(file.as_fd(), offset, count).unwrap();
        assert_eq!(sent, expected as u64);
        let mut buffer = vec![0; expected];
        peer.read_exact(&mut buffer).unwrap();
        assert!(expected == 0 || buffer == content[offset as usize..offset as usize + expected]);
        assert_eq!(file.stream_position().unwrap(), 77);
    }
}

#[test]
fn files_beyond_two_gibibytes() {
    let mut file = file(b"");
    let offset = (3 << 30) + 123_u64;
    file.seek(SeekFrom::Start(offset)).unwrap();
    file.write_all(b"far away").unwrap();
    let (stream, mut peer) = tcp();
    assert_eq!(stream.send_file(file.as_fd(), offset, u64::MAX).unwrap(), 8);
    let mut buffer = [0; 8];
    peer.read_exact(&mut buffer).unwrap();
    assert_eq!(&buffer, b"far away");
    assert_eq!(stream.send_file(file.as_fd(), u64::MAX, 1).unwrap_err().kind(), ErrorKind::InvalidInput);
}

/// sendfile refuses this one with EINVAL (its driver cannot splice), so it is copied.
#[cfg(target_os = "linux")]
#[test]
fn odd_files_are_copied() {
    let odd = File::open("/proc/self/status").unwrap();
    let (stream, mut peer) = unix();
    let sent = stream.send_file(odd.as_fd(), 1, 1 << 20).unwrap();
    let mut buffer = vec![0; sent as usize];
    peer.read_exact(&mut buffer).unwrap();
    assert!(buffer.starts_with(b"ame:\t"), "from the offset on");
    assert_eq!(stream.send_file(odd.as_fd(), 1 << 20, 1).unwrap(), 0, "beyond its end");
    fill(&stream);
    assert_eq!(stream.send_file(odd.as_fd(), 0, 10).unwrap_err().kind(), ErrorKind::WouldBlock);
}

#[test]
fn what_has_no_offset_or_no_content_is_an_error() {
    let (stream, _peer) = unix();
    let (pipe, mut writer) = std::io::pipe().unwrap();
    writer.write_all(b"abc").unwrap();
    let error = stream.send_file(pipe.as_fd(), 0, 3).unwrap_err();
    assert_eq!(error.raw_os_error(), Some(libc::ESPIPE));
    let directory = File::open(std::env::temp_dir()).unwrap();
    assert!(stream.send_file(directory.as_fd(), 0, 3).is_err());
}

/// Rust's runtime ignores SIGPIPE, but a blocked signal is kept even if it is ignored: none may be pending.
#[cfg(target_os = "linux")]
#[test]
fn writing_to_a_broken_connection_raises_no_signal() {
    let (stream, peer) = unix();
    drop(peer);
    // SAFETY: the sets are plain integers and live through the calls; only this thread's mask changes.
    let pending = unsafe {
        let mut signals: libc::sigset_t = std::mem::zeroed();
        libc::sigaddset(&mut signals, libc::SIGPIPE);
        libc::pthread_sigmask(libc::SIG_BLOCK, &signals, std::ptr::null_mut());
        assert_eq!(stream.send(b"x", false).unwrap_err().kind(), ErrorKind::BrokenPipe);
        assert_eq!(stream.send_slices(&[IoSlice::new(b"x")], false).unwrap_err().kind(), ErrorKind::BrokenPipe);
        libc::sigpending(&mut signals);
        libc::sigismember(&signals, libc::SIGPIPE)
    };
    assert_eq!(pending, 0);
}
