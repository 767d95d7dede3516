//! One connection: reading, writing and sending files, each at most one successful system call, none of which waits.
//!
//! What to write and in which order is the outlet's business; when, the reactor's. SIGPIPE: `send` and `sendmsg` suppress
//! it per call, `sendfile` cannot, so the process has to ignore it, as CPython and Rust's runtime do from the start.

use std::io::{self, IoSlice};
use std::mem::MaybeUninit;
use std::net::SocketAddr;
use std::os::fd::{AsRawFd, BorrowedFd, OwnedFd, RawFd};
use std::os::unix::net::UnixStream;

use libc::c_int;

use crate::socket::{Address, retry, set_option};

#[cfg(any(target_os = "linux", target_os = "android"))]
mod flags {
    pub(super) const QUIET: libc::c_int = libc::MSG_NOSIGNAL;
    pub(super) const MORE: libc::c_int = libc::MSG_MORE;
}

/// Elsewhere the socket option SO_NOSIGPIPE stands in for the first, and nothing for the second.
#[cfg(not(any(target_os = "linux", target_os = "android")))]
mod flags {
    pub(super) const QUIET: libc::c_int = 0;
    pub(super) const MORE: libc::c_int = 0;
}

/// The buffer through which files go that the kernel will not send by itself.
const COPY: usize = 16 * 1024;

/// What one read has brought.
#[derive(Debug)]
pub enum Read {
    /// This many bytes; fewer than there was room for means that nothing more waits now.
    Bytes(usize),
    /// The peer has said that it sends no more. It may still read.
    Eof,
    /// Nothing now (EAGAIN): wait until readable.
    Empty,
    /// The connection is broken.
    Lost(io::Error),
}

/// A connected, non-blocking stream socket. Dropping it closes it.
#[derive(Debug)]
pub struct Stream {
    fd: OwnedFd,
}

impl Stream {
    /// `fd`: a connected stream socket that is non-blocking and cannot raise SIGPIPE.
    pub(crate) fn new(fd: OwnedFd) -> Self {
        Self { fd }
    }

    /// Takes over a connected stream socket and makes it non-blocking.
    pub fn from_fd(fd: OwnedFd) -> io::Result<Self> {
        // To make a descriptor non-blocking, std needs a type for it; which one does not matter.
        let socket = UnixStream::from(fd);
        socket.set_nonblocking(true)?;
        #[cfg(target_vendor = "apple")]
        set_option(socket.as_raw_fd(), libc::SOL_SOCKET, libc::SO_NOSIGPIPE, 1 as c_int)?;
        Ok(Self::new(socket.into()))
    }

    pub fn as_raw_fd(&self) -> RawFd {
        self.fd.as_raw_fd()
    }

    /// The address at which the peer has reached us, for listeners bound to a wildcard; `None` for Unix sockets.
    pub fn local_tcp(&self) -> Option<SocketAddr> {
        Address::local(self.as_raw_fd()).ok()?.tcp()
    }

    /// Reads what is there into `buffer`. Into an empty one nothing: `Bytes(0)`.
    pub fn read(&self, buffer: &mut [u8]) -> Read {
        if buffer.is_empty() {
            return Read::Bytes(0);
        }
        let (start, length) = (buffer.as_mut_ptr().cast(), buffer.len());
        // SAFETY: the kernel writes at most `length` bytes from `start` on, which are `buffer`.
        match retry(|| unsafe { libc::recv(self.as_raw_fd(), start, length, 0) }) {
            Ok(0) => Read::Eof,
            Ok(bytes) => Read::Bytes(bytes),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Read::Empty,
            Err(error) => Read::Lost(error),
        }
    }

    /// Writes as much of `bytes` as fits; less than all means that the socket is full now. `more`: something follows at
    /// once, so a short last segment need not leave yet.
    ///
    /// # Errors
    /// `WouldBlock` when nothing fits; anything else: the connection is broken.
    pub fn send(&self, bytes: &[u8], more: bool) -> io::Result<usize> {
        let (start, length) = (bytes.as_ptr().cast(), bytes.len());
        // SAFETY: the kernel only reads `length` bytes from `start`, which are `bytes`.
        retry(|| unsafe { libc::send(self.as_raw_fd(), start, length, send_flags(more)) })
    }

    /// Writes as much of `slices`, in order, as fits, like [`send`](Self::send). At most 1024 slices.
    pub fn send_slices(&self, slices: &[IoSlice<'_>], more: bool) -> io::Result<usize> {
        // SAFETY: a plain C structure, for which all zeros is a value: no address, no slices, no control data.
        let mut message: libc::msghdr = unsafe { MaybeUninit::zeroed().assume_init() };
        // std promises that `IoSlice` is laid out as `iovec`. sendmsg does not write through this pointer.
        message.msg_iov = slices.as_ptr().cast_mut().cast();
        message.msg_iovlen = slices.len() as _;
        // SAFETY: `message` names `slices`, all of which live through the call and are only read.
        retry(|| unsafe { libc::sendmsg(self.as_raw_fd(), &message, send_flags(more)) })
    }

    /// Writes up to `count` bytes of `file` from `offset`, leaving the file's own position alone.
    ///
    /// Returns how many left, which may be fewer for any reason; 0 only if the file ends at `offset` (or `count` is 0).
    /// Files of which the kernel does not send by itself are read into a small buffer first.
    ///
    /// # Errors
    /// `WouldBlock` when nothing fits. Otherwise the connection is broken or the file cannot be read at an offset
    /// (pipes and sockets cannot: `ESPIPE`).
    pub fn send_file(&self, file: BorrowedFd<'_>, offset: u64, count: u64) -> io::Result<u64> {
        // The kernel stops below 2 GiB per call anyway; macOS takes 0 for "up to the end".
        let count = count.min(0x7fff_f000) as usize;
        if count == 0 {
            return Ok(0);
        }
        let offset = libc::off_t::try_from(offset).map_err(|_| io::Error::from(io::ErrorKind::InvalidInput))?;
        let sent = match self.sendfile(file.as_raw_fd(), offset, count) {
            Err(error) if is_no_sendfile(&error) => self.copy_file(file.as_raw_fd(), offset, count)?,
            other => other?,
        };
        Ok(sent as u64)
    }

    /// Tells the peer that nothing more comes, after what is still under way. Reading goes on.
    pub fn shutdown_write(&self) {
        // SAFETY: no memory is passed. The connection may be broken already: nothing to be done about it here.
        unsafe { libc::shutdown(self.as_raw_fd(), libc::SHUT_WR) };
    }

    /// Makes closing abort the connection (RST instead of FIN), so that the peer sees that its response was cut.
    ///
    /// What the kernel has not sent yet is discarded. Unix sockets know no such thing and just close.
    pub fn reset(&self) {
        let linger = libc::linger { l_onoff: 1, l_linger: 0 };
        // Fails only for a connection that is broken already, and so needs no abort.
        let _ = set_option(self.as_raw_fd(), libc::SOL_SOCKET, libc::SO_LINGER, linger);
    }

    #[cfg(any(target_os = "linux", target_os = "android"))]
    fn sendfile(&self, file: RawFd, offset: libc::off_t, count: usize) -> io::Result<usize> {
        let mut offset = offset;
        // SAFETY: `offset` lives through the call and takes the place of the file's own position.
        retry(|| unsafe { libc::sendfile(self.as_raw_fd(), file, &mut offset, count) })
    }

    #[cfg(target_vendor = "apple")]
    fn sendfile(&self, file: RawFd, offset: libc::off_t, count: usize) -> io::Result<usize> {
        loop {
            // In: how much to send; out: how much has left, also beside an error.
            let mut length = count as libc::off_t;
            // SAFETY: `length` lives through the call; no headers or trailers are passed.
            let result =
                unsafe { libc::sendfile(file, self.as_raw_fd(), offset, &mut length, std::ptr::null_mut(), 0) };
            if result == 0 {
                return Ok(length as usize);
            }
            let error = io::Error::last_os_error();
            match error.kind() {
                io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted if length > 0 => return Ok(length as usize),
                io::ErrorKind::Interrupted => {}
                _ => return Err(error),
            }
        }
    }

    #[cfg(not(any(target_os = "linux", target_os = "android", target_vendor = "apple")))]
    fn sendfile(&self, _file: RawFd, _offset: libc::off_t, _count: usize) -> io::Result<usize> {
        Err(io::Error::from_raw_os_error(libc::ENOSYS))
    }

    /// What of the read bytes does not fit into the socket is read again next time: nothing is lost or kept.
    fn copy_file(&self, file: RawFd, offset: libc::off_t, count: usize) -> io::Result<usize> {
        let mut buffer = [0_u8; COPY];
        let (start, length) = (buffer.as_mut_ptr().cast(), count.min(COPY));
        // SAFETY: `buffer` has room for `length` bytes and is not used otherwise during the call.
        let read = retry(|| unsafe { libc::pread(file, start, length, offset) })?;
        if read == 0 { Ok(0) } else { self.send(&buffer[..read], false) }
    }
}

fn send_flags(more: bool) -> c_int {
    if more { flags::QUIET | flags::MORE } else { flags::QUIET }
}

/// The kernel cannot send from this kind of file, or not to this kind of socket.
fn is_no_sendfile(error: &io::Error) -> bool {
    // Two of these are the same number on Linux, and not on macOS.
    const REFUSALS: [c_int; 4] = [libc::EINVAL, libc::ENOSYS, libc::ENOTSUP, libc::EOPNOTSUPP];
    error.raw_os_error().is_some_and(|code| REFUSALS.contains(&code))
}
