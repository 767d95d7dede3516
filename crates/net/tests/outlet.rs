//! The outlet: order, number of system calls, drop timing, and a random walk against a plain byte string.

#![allow(clippy::unwrap_used)]

mod sockets;

use std::cell::RefCell;
use std::io::{ErrorKind, Read, Seek, SeekFrom, Write};
use std::os::fd::{AsRawFd, OwnedFd};
use std::rc::Rc;

use net::outlet::{Flush, Outlet};
use sockets::{Chunk, Random, calls, counting, file, linger_zero, owned, pattern, set, tcp, unix, wait, wait_any};

type Dropped = Rc<RefCell<Vec<usize>>>;
const ALL: u64 = u64::MAX;

fn chunk(dropped: &Dropped, name: usize, bytes: &[u8]) -> Chunk {
    Chunk { bytes: bytes.to_vec(), name, dropped: Rc::clone(dropped) }
}

fn read(peer: &mut impl Read, length: usize) -> Vec<u8> {
    let mut bytes = vec![0; length];
    peer.read_exact(&mut bytes).unwrap();
    bytes
}

#[test]
fn an_idle_outlet_is_tiny() {
    assert!(size_of::<Outlet<Chunk>>() <= 64, "{}", size_of::<Outlet<Chunk>>());
}

#[test]
fn a_plain_response_leaves_with_one_call_and_its_buffer_comes_back() {
    let (stream, peer) = counting();
    let mut outlet = Outlet::<Chunk>::new();
    let spare = Vec::with_capacity(4096);
    let place = spare.as_ptr();
    outlet.reuse(spare);
    outlet.bytes().extend_from_slice(&[b'h'; 130]);
    outlet.bytes().extend_from_slice(b"Hello, World!");
    assert!(outlet.take_spare().is_none(), "in use");
    assert_eq!((outlet.len(), outlet.memory(), outlet.is_empty()), (143, 143, false));
    assert!(matches!(outlet.flush(&stream, ALL), Flush::Done));
    assert_eq!(calls(&peer), [[&[b'h'; 130][..], b"Hello, World!"].concat()]);
    let spare = outlet.take_spare().unwrap();
    assert_eq!((spare.as_ptr(), spare.len(), spare.capacity()), (place, 0, 4096));
    assert!(outlet.is_empty() && outlet.take_spare().is_none());
    assert!(matches!(outlet.flush(&stream, ALL), Flush::Done));
    assert_eq!(calls(&peer), [[0; 0]; 0], "nothing to write, no call");
}

#[test]
fn lending_respects_what_is_there() {
    let mut outlet = Outlet::<Chunk>::new();
    outlet.bytes().push(b'x');
    outlet.reuse(vec![1, 2, 3]);
    assert_eq!(outlet.bytes(), b"x");
    let mut outlet = Outlet::<Chunk>::new();
    outlet.reuse(vec![1, 2, 3]);
    assert!(outlet.is_empty(), "the content of the spare does not count");
    let mut outlet = Outlet::<Chunk>::new();
    outlet.reuse(Vec::with_capacity(1 << 20));
    assert!(outlet.take_spare().is_none(), "too large to be kept warm");
}

#[test]
fn head_and_payloads_leave_with_one_call_in_order() {
    let (stream, peer) = counting();
    let dropped = Dropped::default();
    let mut outlet = Outlet::new();
    outlet.bytes().extend_from_slice(b"head ");
    outlet.push_payload(chunk(&dropped, 1, b"<<one>>"), 2, 5);
    outlet.bytes().extend_from_slice(b" between ");
    outlet.push_payload(chunk(&dropped, 2, b"two"), 0, 3);
    outlet.push_payload(chunk(&dropped, 3, b"empty"), 4, 4);
    assert_eq!(*dropped.borrow(), [3], "an empty range holds nothing");
    outlet.push_payload(chunk(&dropped, 4, b" three"), 0, 6);
    outlet.bytes().extend_from_slice(b" tail");
    assert_eq!((outlet.len(), outlet.memory()), (31, 31));
    assert!(matches!(outlet.flush(&stream, ALL), Flush::Done));
    assert_eq!(calls(&peer), [b"head one between two three tail"]);
    assert_eq!(*dropped.borrow(), [3, 1, 2, 4]);
}

#[test]
fn more_segments_than_one_call_takes() {
    let (stream, peer) = counting();
    let dropped = Dropped::default();
    let mut outlet = Outlet::new();
    for name in 0..130 {
        outlet.push_payload(chunk(&dropped, name, &[name as u8; 3]), 0, 3);
    }
    assert!(matches!(outlet.flush(&stream, ALL), Flush::Done));
    let calls = calls(&peer);
    assert_eq!(calls.iter().map(Vec::len).collect::<Vec<_>>(), [64 * 3, 64 * 3, 2 * 3]);
    assert_eq!(calls.concat(), (0..130_u8).flat_map(|name| [name; 3]).collect::<Vec<_>>());
    assert_eq!(*dropped.borrow(), (0..130).collect::<Vec<_>>());
}

#[test]
fn the_budget_is_exact_and_payloads_drop_at_their_last_byte() {
    let (stream, peer) = counting();
    let dropped = Dropped::default();
    let mut outlet = Outlet::new();
    outlet.bytes().extend_from_slice(b"ab");
    outlet.push_payload(chunk(&dropped, 1, b"cdef"), 0, 4);
    outlet.bytes().extend_from_slice(b"gh");
    assert!(matches!(outlet.flush(&stream, 0), Flush::Budget));
    assert!(matches!(outlet.flush(&stream, 5), Flush::Budget));
    assert_eq!((outlet.len(), dropped.borrow().len()), (3, 0));
    assert!(matches!(outlet.flush(&stream, 1), Flush::Budget));
    assert_eq!((outlet.len(), dropped.borrow().len()), (2, 1), "fully written: dropped, though more waits");
    outlet.bytes().extend_from_slice(b"ij");
    assert!(matches!(outlet.flush(&stream, 4), Flush::Done), "the budget reaches exactly");
    assert_eq!(calls(&peer), [&b"abcde"[..], b"f", b"ghij"]);
}

#[test]
fn dropping_an_outlet_drops_everything_that_waits() {
    let dropped = Dropped::default();
    let mut outlet = Outlet::new();
    outlet.bytes().extend_from_slice(b"head");
    outlet.push_payload(chunk(&dropped, 1, b"payload"), 0, 7);
    let (reader, writer) = std::io::pipe().unwrap();
    outlet.push_file(writer.into(), 0, 1);
    outlet.bytes().extend_from_slice(b"tail");
    assert_eq!((outlet.len(), outlet.memory()), (16, 15));
    drop(outlet);
    assert_eq!(*dropped.borrow(), [1]);
    let mut reader = reader;
    assert_eq!(reader.read(&mut [0; 1]).unwrap(), 0, "its last writer is closed");
}

#[test]
fn files_between_bytes() {
    let (stream, mut peer) = unix();
    let content = pattern(5_000);
    let mut file = file(&content);
    file.seek(SeekFrom::Start(3)).unwrap();
    let mut outlet = Outlet::<Chunk>::new();
    outlet.bytes().extend_from_slice(b"head");
    outlet.push_file(owned(&file), 1_000, 2_000);
    outlet.push_file(owned(&file), 0, 0);
    outlet.bytes().extend_from_slice(b"middle");
    outlet.push_file(owned(&file), 4_999, 1);
    outlet.bytes().extend_from_slice(b"tail");
    assert_eq!((outlet.len(), outlet.memory()), (2_015, 14));
    assert!(matches!(outlet.flush(&stream, 1_500), Flush::Budget));
    assert_eq!((outlet.len(), outlet.memory()), (515, 10));
    assert!(matches!(outlet.flush(&stream, ALL), Flush::Done));
    let expected = [b"head", &content[1_000..3_000], b"middle", &content[4_999..], b"tail"].concat();
    assert_eq!(read(&mut peer, 2_015), expected);
    assert_eq!(file.stream_position().unwrap(), 3);
}

#[test]
fn a_file_that_ends_early_is_told_after_what_there_was() {
    let (stream, mut peer) = unix();
    let mut outlet = Outlet::<Chunk>::new();
    outlet.bytes().extend_from_slice(b"head ");
    outlet.push_file(owned(&file(b"short")), 2, 10);
    outlet.bytes().extend_from_slice(b" never");
    assert!(matches!(outlet.flush(&stream, ALL), Flush::Truncated));
    assert_eq!(read(&mut peer, 8), b"head ort");
    assert_eq!(outlet.len(), 13, "still there");
    assert!(matches!(outlet.flush(&stream, ALL), Flush::Truncated));
}

#[test]
fn a_range_beyond_its_payload_is_told_likewise() {
    let (stream, peer) = counting();
    let dropped = Dropped::default();
    let mut outlet = Outlet::new();
    outlet.bytes().extend_from_slice(b"head");
    outlet.push_payload(chunk(&dropped, 1, b"abc"), 1, 4);
    assert!(matches!(outlet.flush(&stream, ALL), Flush::Truncated));
    assert_eq!(calls(&peer), [b"head"]);
}

#[test]
fn a_file_larger_than_two_gibibytes_from_beyond_two_gibibytes() {
    let (stream, mut peer) = tcp();
    let mut file = file(b"");
    let offset = (5 << 30) + 1;
    file.seek(SeekFrom::Start(offset)).unwrap();
    file.write_all(&pattern(100_000)).unwrap();
    let mut outlet = Outlet::<Chunk>::new();
    outlet.push_file(owned(&file), 1, offset - 1 + 100_000);
    assert_eq!((outlet.len(), outlet.memory()), ((5 << 30) + 100_000, 0));
    let mut outlet = Outlet::<Chunk>::new();
    outlet.push_file(owned(&file), offset, 100_000);
    let mut received = Vec::new();
    loop {
        match outlet.flush(&stream, 30_000) {
            Flush::Done => break,
            Flush::Budget => received.extend(read(&mut peer, 30_000)),
            other => panic!("{other:?}"),
        }
    }
    received.extend(read(&mut peer, 10_000));
    assert_eq!(received, pattern(100_000));
}

#[test]
fn files_that_cannot_be_sent_are_lost() {
    let (stream, _peer) = unix();
    let (pipe, _writer) = std::io::pipe().unwrap();
    let mut outlet = Outlet::<Chunk>::new();
    outlet.push_file(pipe.into(), 0, 1);
    assert!(matches!(outlet.flush(&stream, ALL), Flush::Lost(_)));
    let mut outlet = Outlet::<Chunk>::new();
    outlet.push_file(owned(&file(b"x")), u64::MAX, u64::MAX);
    outlet.push_file(owned(&file(b"x")), u64::MAX, u64::MAX);
    outlet.bytes().push(b'x');
    assert_eq!(outlet.len(), u64::MAX, "saturates");
    assert!(matches!(outlet.flush(&stream, ALL), Flush::Lost(error) if error.kind() == ErrorKind::InvalidInput));
}

#[test]
fn a_broken_connection_is_lost() {
    let (stream, peer) = tcp();
    linger_zero(&peer);
    drop(peer);
    wait(stream.as_raw_fd(), libc::POLLHUP);
    let mut outlet = Outlet::<Chunk>::new();
    outlet.bytes().push(b'x');
    assert!(matches!(outlet.flush(&stream, ALL), Flush::Lost(error) if error.kind() == ErrorKind::ConnectionReset));
}

/// TCP_INFO counts the segments with data: the head waits for the file (MSG_MORE) and both share one.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
#[test]
fn head_and_file_share_a_segment() {
    fn segments(fd: std::os::fd::RawFd) -> u32 {
        // SAFETY: a plain C structure of integers.
        let mut info: libc::tcp_info = unsafe { std::mem::zeroed() };
        let mut length = size_of_val(&info) as libc::socklen_t;
        // SAFETY: `info` has room for `length` bytes.
        unsafe { libc::getsockopt(fd, libc::IPPROTO_TCP, libc::TCP_INFO, (&raw mut info).cast(), &mut length) };
        info.tcpi_data_segs_out
    }
    let (stream, mut peer) = tcp();
    let mut outlet = Outlet::<Chunk>::new();
    for round in 1..=3 {
        outlet.bytes().extend_from_slice(&[b'h'; 200]);
        outlet.push_file(owned(&file(&pattern(500))), 0, 500);
        assert!(matches!(outlet.flush(&stream, ALL), Flush::Done));
        read(&mut peer, 700);
        assert_eq!(segments(stream.as_raw_fd()), round);
    }
}

#[test]
fn a_stream_that_never_drains_does_not_grow() {
    let (stream, peer) = counting();
    let mut outlet = Outlet::<Chunk>::new();
    outlet.bytes().extend_from_slice(&[0; 1_000]);
    for _ in 0..10_000 {
        outlet.bytes().extend_from_slice(&[1; 100]);
        assert!(matches!(outlet.flush(&stream, 100), Flush::Budget));
        calls(&peer);
        assert_eq!(outlet.len(), 1_000);
    }
    assert!(outlet.bytes().capacity() < 10_000, "{}", outlet.bytes().capacity());
}

/// Pushes, flushes and reads at random through a tiny socket buffer, and compares with a byte string.
fn walk(seed: u64, stream: &net::stream::Stream, peer: &mut (impl Read + AsRawFd)) {
    let mut random = Random::new(seed);
    let dropped = Dropped::default();
    let content = pattern(200_000);
    let source = file(&content);
    let mut outlet = Outlet::new();
    let mut expected = Vec::new();
    let mut received = Vec::new();
    // Where each payload ends, and the bytes of files: first position and length.
    let (mut ends, mut files) = (Vec::new(), Vec::new());
    let mut buffer = vec![0; 1 << 16];
    for step in 0..600 {
        let from = random.below(100_000) as usize;
        let magnitude = 1 << (1 + random.below(15));
        let piece = &content[from..from + random.below(magnitude) as usize];
        match random.below(if step < 500 { 8 } else { 1 }) {
            1 | 2 if !piece.is_empty() => {
                expected.extend_from_slice(piece);
                outlet.push_payload(chunk(&dropped, ends.len(), &content), from, from + piece.len());
                ends.push(expected.len());
            }
            3 => {
                files.push((expected.len(), piece.len()));
                expected.extend_from_slice(piece);
                outlet.push_file(owned(&source), from as u64, piece.len() as u64);
            }
            4..=6 => {
                let piece = &piece[..piece.len().min(300)];
                expected.extend_from_slice(piece);
                outlet.bytes().extend_from_slice(piece);
            }
            _ => {
                let before = outlet.len();
                let budget = 1 << random.below(20);
                match outlet.flush(stream, budget) {
                    Flush::Done => assert!(outlet.is_empty()),
                    Flush::Full => assert!(!outlet.is_empty()),
                    Flush::Budget => assert_eq!(before - outlet.len(), budget),
                    other => panic!("{other:?}"),
                }
                if random.below(3) == 0 && outlet.is_empty() {
                    outlet.reuse(outlet_spare(&mut random));
                    outlet.take_spare();
                }
            }
        }
        let written = expected.len() - outlet.len() as usize;
        let in_files: usize = files.iter().map(|(at, length)| (at + length).saturating_sub(written.max(*at))).sum();
        assert_eq!(outlet.memory(), outlet.len() as usize - in_files);
        assert_eq!(outlet.is_empty(), written == expected.len());
        let done = ends.iter().filter(|end| **end <= written).count();
        assert_eq!(*dropped.borrow(), (0..done).collect::<Vec<_>>(), "dropped at the last byte, in order");
        if received.len() < written && random.below(2) == 0 {
            let length = buffer.len().min(1 + random.below((written - received.len()) as u64) as usize);
            received.extend_from_slice(arrived(peer, &mut buffer[..length]));
        }
    }
    while received.len() < expected.len() {
        assert!(matches!(outlet.flush(stream, ALL), Flush::Done | Flush::Full));
        // All may have arrived but not been acknowledged: then it is our side that goes on.
        wait_any(&[(peer.as_raw_fd(), libc::POLLIN), (stream.as_raw_fd(), if_waiting(&outlet, libc::POLLOUT))]);
        received.extend_from_slice(arrived(peer, &mut buffer));
    }
    assert!(matches!(outlet.flush(stream, ALL), Flush::Done));
    assert_eq!(dropped.borrow().len(), ends.len());
    assert!(received == expected);
}

/// What the peer, who does not wait, can read now.
fn arrived<'a>(peer: &mut impl Read, buffer: &'a mut [u8]) -> &'a [u8] {
    match peer.read(buffer) {
        Ok(length) => &buffer[..length],
        Err(error) if error.kind() == ErrorKind::WouldBlock => &[],
        Err(error) => panic!("{error}"),
    }
}

fn if_waiting(outlet: &Outlet<Chunk>, events: libc::c_short) -> libc::c_short {
    if outlet.is_empty() { 0 } else { events }
}

fn outlet_spare(random: &mut Random) -> Vec<u8> {
    Vec::with_capacity(random.below(2_000) as usize)
}

#[test]
fn random_walk_over_a_unix_socket() {
    for seed in 1..=60 {
        let (stream, mut peer) = unix();
        peer.set_nonblocking(true).unwrap();
        set(stream.as_raw_fd(), libc::SO_SNDBUF, 1 << (seed % 14));
        walk(seed, &stream, &mut peer);
    }
}

#[test]
fn random_walk_over_tcp() {
    for seed in 1..=20 {
        let (stream, mut peer) = tcp();
        peer.set_nonblocking(true).unwrap();
        set(stream.as_raw_fd(), libc::SO_SNDBUF, 1 << (seed % 16));
        walk(1000 + seed, &stream, &mut peer);
    }
}

#[test]
fn outlets_may_move_to_another_thread_with_their_payloads() {
    struct Plain(Vec<u8>);
    impl net::outlet::Payload for Plain {
        fn bytes(&self) -> &[u8] {
            &self.0
        }
    }
    let mut outlet = Outlet::new();
    outlet.push_payload(Plain(vec![1; 3]), 0, 3);
    outlet.push_file(OwnedFd::from(file(b"x")), 0, 1);
    assert_eq!(std::thread::spawn(move || outlet.len()).join().unwrap(), 4);
}
