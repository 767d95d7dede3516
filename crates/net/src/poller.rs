//! Readiness of many descriptors behind one descriptor that can itself be watched (by the asyncio loop).
//!
//! A connection is registered once, edge-triggered, for reading and writing: no further system call per change of
//! interest. The price is a rule for the owner: an event means "something changed", so read until a short read or
//! `Empty`, write until `Full`, accept until `None`, or remember that work is left; the kernel will not say it twice.
//! The kernel keeps what exceeds one batch, and the poller's descriptor stays readable until that is fetched as well.

use std::io;
use std::os::fd::{AsRawFd, RawFd};
use std::time::Duration;

use mio::unix::SourceFd;
use mio::{Events, Interest, Poll, Token};

/// What changed on one registered descriptor.
///
/// Flags beyond what happened are possible (a socket that is read is usually writable, too); on kqueue one key may
/// come twice in a batch, once per direction. The first event of a fresh connection says that it is writable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ready {
    pub key: usize,
    pub readable: bool,
    pub writable: bool,
    /// The peer will not send any more. Bytes sent before that may still wait to be read.
    pub read_closed: bool,
    /// The connection is broken; the next read or write says why.
    pub error: bool,
}

/// One epoll or kqueue instance; dropping it forgets all registrations.
#[derive(Debug)]
pub struct Poller {
    poll: Poll,
    events: Events,
}

impl Poller {
    /// `batch`: the largest number of events that one [`poll`](Self::poll) delivers; at least 1.
    pub fn new(batch: usize) -> io::Result<Self> {
        Ok(Self { poll: Poll::new()?, events: Events::with_capacity(batch.max(1)) })
    }

    /// The descriptor that is readable whenever [`poll`](Self::poll) would deliver something.
    pub fn fileno(&self) -> RawFd {
        self.poll.as_raw_fd()
    }

    /// Registers for reading and writing, edge-triggered, once: no further system call per readiness change.
    pub fn register(&self, fd: RawFd, key: usize) -> io::Result<()> {
        self.poll.registry().register(&mut SourceFd(&fd), Token(key), Interest::READABLE | Interest::WRITABLE)
    }

    /// Registers for reading alone, edge-triggered: listeners.
    pub fn register_readable(&self, fd: RawFd, key: usize) -> io::Result<()> {
        self.poll.registry().register(&mut SourceFd(&fd), Token(key), Interest::READABLE)
    }

    /// Forgets `fd`. Needed only for a descriptor that stays open (or has duplicates): closing forgets as well.
    pub fn deregister(&self, fd: RawFd) -> io::Result<()> {
        self.poll.registry().deregister(&mut SourceFd(&fd))
    }

    /// Replaces the content of `ready` by at most `batch` events, without waiting. The rest stays in the kernel.
    pub fn poll(&mut self, ready: &mut Vec<Ready>) -> io::Result<()> {
        ready.clear();
        while let Err(error) = self.poll.poll(&mut self.events, Some(Duration::ZERO)) {
            if error.kind() != io::ErrorKind::Interrupted {
                return Err(error);
            }
        }
        ready.extend(self.events.iter().map(|event| Ready {
            key: event.token().0,
            readable: event.is_readable(),
            writable: event.is_writable(),
            read_closed: event.is_read_closed(),
            error: event.is_error(),
        }));
        Ok(())
    }
}
