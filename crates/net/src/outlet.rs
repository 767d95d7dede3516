//! What waits to be written on one connection, in order, written with as few system calls as possible.
//!
//! Bytes of our own (heads, framing, small bodies) are appended to one vector; large payloads are kept by reference and
//! files by descriptor between them. The order is `front`, then `rest.queue`, then `rest.tail`. A plain response lives in
//! `front` alone: one `send`, no allocation. `rest` exists only while a payload or a file waits, and `front` can be lent
//! and taken back, so that an idle outlet owns nothing. When to flush, and how much may wait, is decided by the owner.

use std::collections::VecDeque;
use std::io::{self, IoSlice};
use std::os::fd::{AsFd, OwnedFd};

use crate::stream::Stream;

/// Segments per sendmsg. Linux takes 1024, but 64 large payloads fill any socket, and the array lies on the stack.
const SEGMENTS: usize = 64;

/// The largest buffer worth keeping between responses; one that has grown beyond is freed when it is empty.
const WARM: usize = 64 * 1024;

/// Bytes that somebody else owns, such as a Python object.
pub trait Payload {
    /// The same bytes every time, while the payload lives.
    fn bytes(&self) -> &[u8];
}

/// How a flush has ended.
#[derive(Debug)]
pub enum Flush {
    /// Nothing waits any more.
    Done,
    /// The socket takes nothing now: flush again when it is writable.
    Full,
    /// More could be written now, but it is the turn of others.
    Budget,
    /// A file was shorter than promised (or a payload has shrunk). The response cannot be completed: reset and drop it.
    Truncated,
    /// The connection is broken, or a file cannot be read: reset and drop it.
    Lost(io::Error),
}

/// The outgoing queue of one connection.
#[derive(Debug)]
pub struct Outlet<P: Payload> {
    front: Vec<u8>,
    /// How much of `front` is written; less than all, or both are 0.
    sent: usize,
    /// Only while its queue holds something.
    rest: Option<Box<Rest<P>>>,
}

#[derive(Debug)]
struct Rest<P> {
    /// No segment in it is empty.
    queue: VecDeque<Segment<P>>,
    /// Bytes of the queue in memory.
    memory: usize,
    /// Bytes of the queue in files.
    files: u64,
    /// Our own bytes after the queue, open for more.
    tail: Vec<u8>,
}

#[derive(Debug)]
enum Segment<P> {
    Bytes { bytes: Vec<u8>, from: usize },
    Payload { payload: P, from: usize, to: usize },
    File { file: OwnedFd, offset: u64, count: u64 },
}

/// What one system call has achieved.
enum Step {
    /// `short`: less than asked for, so the socket is full.
    Wrote { bytes: u64, short: bool },
    /// Nothing, because the source has ended too early.
    Ended,
}

impl<P: Payload> Outlet<P> {
    pub const fn new() -> Self {
        Self { front: Vec::new(), sent: 0, rest: None }
    }

    /// Nothing waits to be written.
    pub fn is_empty(&self) -> bool {
        self.front.is_empty() && self.rest.is_none()
    }

    /// Bytes that wait to be written, those in files included.
    pub fn len(&self) -> u64 {
        self.rest.as_ref().map_or(0, |rest| rest.files).saturating_add(self.memory() as u64)
    }

    /// Bytes that wait to be written, those in files excluded: what the slowness of the peer costs in memory.
    pub fn memory(&self) -> usize {
        self.front.len() - self.sent + self.rest.as_ref().map_or(0, |rest| rest.memory + rest.tail.len())
    }

    /// Our own bytes at the end of the queue. Only append: some of what it holds may be written already.
    pub fn bytes(&mut self) -> &mut Vec<u8> {
        match &mut self.rest {
            Some(rest) => &mut rest.tail,
            None => {
                // Written bytes make room once they are half of it: each byte is moved less than once on average, and a
                // stream that never quite drains does not grow.
                if self.sent > 0 && self.sent >= self.front.len() / 2 {
                    self.front.drain(..self.sent);
                    self.sent = 0;
                }
                &mut self.front
            }
        }
    }

    /// Appends `payload.bytes()[from..to]` by reference; an empty range drops the payload at once.
    ///
    /// The payload is dropped as soon as it is fully written. A small one is better copied into [`bytes`](Self::bytes).
    pub fn push_payload(&mut self, payload: P, from: usize, to: usize) {
        if from < to {
            self.push(Segment::Payload { payload, from, to });
        }
    }

    /// Appends `count` bytes of `file` from `offset`; its own position is neither used nor moved.
    ///
    /// The file is closed as soon as it is fully written.
    pub fn push_file(&mut self, file: OwnedFd, offset: u64, count: u64) {
        if count > 0 {
            self.push(Segment::File { file, offset, count });
        }
    }

    /// Writes until all is out, the socket is full, or `budget` bytes are written (fairness).
    pub fn flush(&mut self, stream: &Stream, budget: u64) -> Flush {
        let mut left = budget;
        while !self.is_empty() {
            if left == 0 {
                return Flush::Budget;
            }
            match self.step(stream, left) {
                Ok(Step::Wrote { bytes, short }) => {
                    self.advance(bytes);
                    left -= bytes;
                    if short {
                        return Flush::Full;
                    }
                }
                Ok(Step::Ended) => return Flush::Truncated,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Flush::Full,
                Err(error) => return Flush::Lost(error),
            }
        }
        Flush::Done
    }

    /// Lends a buffer to append to, if nothing waits and the outlet has none; otherwise `spare` is dropped.
    pub fn reuse(&mut self, mut spare: Vec<u8>) {
        if self.is_empty() && self.front.capacity() == 0 {
            spare.clear();
            self.front = spare;
        }
    }

    /// Takes the buffer back, if nothing waits and there is one. Afterwards the outlet owns no memory.
    pub fn take_spare(&mut self) -> Option<Vec<u8>> {
        if !self.is_empty() {
            return None;
        }
        let spare = std::mem::take(&mut self.front);
        (1..=WARM).contains(&spare.capacity()).then_some(spare)
    }

    fn push(&mut self, segment: Segment<P>) {
        self.rest.get_or_insert_with(|| Box::new(Rest::new())).push(segment);
    }

    /// One system call for at most `limit` bytes (not 0) of what is first in line (not empty).
    fn step(&self, stream: &Stream, limit: u64) -> io::Result<Step> {
        let front = clip(&self.front[self.sent..], limit);
        let Some(rest) = &self.rest else {
            let written = stream.send(front, false)?;
            return Ok(Step::Wrote { bytes: written as u64, short: written < front.len() });
        };
        match rest.queue.front() {
            Some(Segment::File { file, offset, count }) if front.is_empty() => {
                match stream.send_file(file.as_fd(), *offset, limit.min(*count))? {
                    0 => Ok(Step::Ended),
                    bytes => Ok(Step::Wrote { bytes, short: false }),
                }
            }
            _ => rest.send(stream, front, limit),
        }
    }

    /// Forgets `written` bytes at the front of the line, and drops what is thereby done.
    fn advance(&mut self, written: u64) {
        let step = written.min((self.front.len() - self.sent) as u64) as usize;
        self.sent += step;
        if self.sent == self.front.len() {
            self.front.clear();
            self.sent = 0;
        }
        let Some(rest) = &mut self.rest else { return };
        let left = rest.advance(written - step as u64);
        if rest.queue.is_empty()
            && let Some(rest) = self.rest.take()
        {
            self.adopt(rest.tail, left as usize);
        }
    }

    /// Makes the tail, of which `sent` bytes are written, the front, which is empty: in the lent buffer if it fits.
    fn adopt(&mut self, tail: Vec<u8>, sent: usize) {
        let waiting = &tail[sent..];
        if waiting.len() <= self.front.capacity() {
            self.front.extend_from_slice(waiting);
        } else {
            self.front = tail;
            self.sent = sent;
        }
    }
}

impl<P: Payload> Default for Outlet<P> {
    fn default() -> Self {
        Self::new()
    }
}

impl<P: Payload> Rest<P> {
    fn new() -> Self {
        Self { queue: VecDeque::new(), memory: 0, files: 0, tail: Vec::new() }
    }

    fn push(&mut self, segment: Segment<P>) {
        if !self.tail.is_empty() {
            self.memory += self.tail.len();
            self.queue.push_back(Segment::Bytes { bytes: std::mem::take(&mut self.tail), from: 0 });
        }
        match segment {
            Segment::File { count, .. } => self.files = self.files.saturating_add(count),
            _ => self.memory += segment.waiting() as usize,
        }
        self.queue.push_back(segment);
    }

    /// Writes `front` and what follows up to the next file with one call.
    fn send(&self, stream: &Stream, front: &[u8], limit: u64) -> io::Result<Step> {
        let mut slices = [IoSlice::new(&[]); SEGMENTS];
        let (mut used, mut asked) = (0, 0_u64);
        let mut more = false;
        let in_memory = std::iter::once(Some(front))
            .chain(self.queue.iter().map(Segment::bytes))
            .chain(std::iter::once(Some(&self.tail[..])));
        for bytes in in_memory {
            let Some(bytes) = bytes else {
                more = true;
                break;
            };
            if bytes.is_empty() {
                continue;
            }
            if used == SEGMENTS || asked == limit {
                more = true;
                break;
            }
            let bytes = clip(bytes, limit - asked);
            slices[used] = IoSlice::new(bytes);
            used += 1;
            asked += bytes.len() as u64;
        }
        let written = match used {
            0 => return Ok(Step::Ended),
            1 => stream.send(&slices[0], more)?,
            _ => stream.send_slices(&slices[..used], more)?,
        };
        Ok(Step::Wrote { bytes: written as u64, short: (written as u64) < asked })
    }

    /// Forgets `written` bytes of the queue; returns how many of them lie beyond it, in the tail.
    fn advance(&mut self, mut written: u64) -> u64 {
        while written > 0
            && let Some(segment) = self.queue.front_mut()
        {
            let step = segment.waiting().min(written);
            written -= step;
            match segment {
                Segment::Bytes { from, .. } | Segment::Payload { from, .. } => {
                    *from += step as usize;
                    self.memory -= step as usize;
                }
                Segment::File { offset, count, .. } => {
                    *offset += step;
                    *count -= step;
                    self.files -= step;
                }
            }
            if segment.waiting() == 0 {
                drop(self.queue.pop_front());
            }
        }
        written
    }
}

impl<P: Payload> Segment<P> {
    fn waiting(&self) -> u64 {
        match self {
            Self::Bytes { bytes, from } => (bytes.len() - from) as u64,
            Self::Payload { from, to, .. } => (to - from) as u64,
            Self::File { count, .. } => *count,
        }
    }

    /// What is left of it; `None` when that is not in memory: of a file, or of a payload that has shrunk.
    fn bytes(&self) -> Option<&[u8]> {
        match self {
            Self::Bytes { bytes, from } => bytes.get(*from..),
            Self::Payload { payload, from, to } => payload.bytes().get(*from..*to),
            Self::File { .. } => None,
        }
    }
}

fn clip(bytes: &[u8], limit: u64) -> &[u8] {
    &bytes[..usize::try_from(limit).map_or(bytes.len(), |limit| limit.min(bytes.len()))]
}
