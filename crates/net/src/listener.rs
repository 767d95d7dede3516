//! Listening sockets that somebody else (the supervisor, systemd) has bound: accepting from them without waiting.
//!
//! Every accepted [`Stream`] is non-blocking, closed on exec, and sends without Nagle's delay: the outlet collects what
//! belongs together itself, so that holding back a short segment could only cost time.

use std::io;
use std::net::SocketAddr;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};
use std::os::unix::net::UnixListener;
use std::path::PathBuf;

use crate::socket::{Address, option, retry, set_option};
use crate::stream::Stream;

/// Who has connected. Peers of a Unix socket have no name worth telling.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Peer {
    Tcp(SocketAddr),
    Unix,
}

/// Where a listener is bound.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Local {
    Tcp(SocketAddr),
    /// Empty when unnamed; `@name` in the abstract namespace of Linux.
    Unix(PathBuf),
}

/// A listening TCP or Unix stream socket.
#[derive(Debug)]
pub struct Listener {
    fd: OwnedFd,
    local: Local,
}

impl Listener {
    /// Takes over a socket on which `listen` was called, and makes it non-blocking.
    ///
    /// # Errors
    /// `InvalidInput` when `fd` is something else; it is closed then.
    pub fn from_fd(fd: OwnedFd) -> io::Result<Self> {
        let raw = fd.as_raw_fd();
        let refuse = |reason: String| {
            let text = format!("descriptor {raw} is not a listening stream socket: {reason}");
            Err(io::Error::new(io::ErrorKind::InvalidInput, text))
        };
        match option(raw, libc::SO_TYPE) {
            Ok(libc::SOCK_STREAM) => {}
            Ok(other) => return refuse(format!("its socket type is {other}")),
            Err(error) => return refuse(error.to_string()),
        }
        if option(raw, libc::SO_ACCEPTCONN)? == 0 {
            return refuse("nobody has called listen() on it".to_owned());
        }
        let address = Address::local(raw)?;
        if address.tcp().is_none() && address.family() != libc::AF_UNIX {
            return refuse(format!("its address family is {}", address.family()));
        }
        // To make a descriptor non-blocking, std needs a type for it; which one does not matter.
        let socket = UnixListener::from(fd);
        socket.set_nonblocking(true)?;
        let local = match address.tcp() {
            Some(address) => Local::Tcp(address),
            None => Local::Unix(unix_name(&socket.local_addr()?)),
        };
        Ok(Self { fd: socket.into(), local })
    }

    pub fn as_raw_fd(&self) -> RawFd {
        self.fd.as_raw_fd()
    }

    pub fn local(&self) -> Local {
        self.local.clone()
    }

    /// The next waiting connection; `None` when there is none (any more).
    ///
    /// # Errors
    /// What hinders this process (`EMFILE`, `ENFILE`, `ENOBUFS`, `ENOMEM`). The connection keeps waiting in the
    /// kernel, and no new edge will announce it: try again when descriptors or memory are free.
    pub fn accept(&self) -> io::Result<Option<(Stream, Peer)>> {
        loop {
            let mut address = Address::new();
            let stream = match self.accept_with(&mut address) {
                Ok(stream) => stream,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(None),
                Err(error) if is_of_that_connection(&error) => continue,
                Err(error) => return Err(error),
            };
            if matches!(self.local, Local::Unix(_)) {
                return Ok(Some((stream, Peer::Unix)));
            }
            // macOS accepts connections that are reset already, and then has no address for them.
            let Some(peer) = address.tcp() else { continue };
            // Fails for a connection that is gone again, which the first read will say.
            let _ = set_option(stream.as_raw_fd(), libc::IPPROTO_TCP, libc::TCP_NODELAY, 1 as libc::c_int);
            return Ok(Some((stream, Peer::Tcp(peer))));
        }
    }

    #[cfg(any(target_os = "linux", target_os = "android"))]
    fn accept_with(&self, address: &mut Address) -> io::Result<Stream> {
        let (place, length) = address.as_out();
        let flags = libc::SOCK_NONBLOCK | libc::SOCK_CLOEXEC;
        // SAFETY: `place` has room for `*length` bytes, both live through the call.
        let fd = retry(|| unsafe { libc::accept4(self.as_raw_fd(), place, length, flags) as isize })?;
        // SAFETY: accept4 has just made this descriptor; nobody else knows it.
        Ok(Stream::new(unsafe { OwnedFd::from_raw_fd(fd as RawFd) }))
    }

    #[cfg(not(any(target_os = "linux", target_os = "android")))]
    fn accept_with(&self, address: &mut Address) -> io::Result<Stream> {
        let (place, length) = address.as_out();
        // SAFETY: `place` has room for `*length` bytes, both live through the call.
        let fd = retry(|| unsafe { libc::accept(self.as_raw_fd(), place, length) as isize })?;
        // SAFETY: accept has just made this descriptor; nobody else knows it.
        let fd = unsafe { OwnedFd::from_raw_fd(fd as RawFd) };
        // SAFETY: sets a flag of a descriptor that we own; no memory is passed.
        retry(|| unsafe { libc::fcntl(fd.as_raw_fd(), libc::F_SETFD, libc::FD_CLOEXEC) as isize })?;
        // macOS refuses options for a connection that is reset already.
        Stream::from_fd(fd).map_err(|_| io::Error::from_raw_os_error(libc::ECONNABORTED))
    }
}

/// accept(2), "Error handling": Linux hands on what befell the new connection; take the next one. Each of these has
/// consumed a connection, so this cannot spin.
fn is_of_that_connection(error: &io::Error) -> bool {
    const OWN: [i32; 7] = [
        libc::ECONNABORTED,
        libc::EPROTO,
        libc::ENOPROTOOPT,
        libc::ENETDOWN,
        libc::ENETUNREACH,
        libc::EHOSTDOWN,
        libc::EHOSTUNREACH,
    ];
    error.raw_os_error().is_some_and(|code| OWN.contains(&code))
}

fn unix_name(address: &std::os::unix::net::SocketAddr) -> PathBuf {
    #[cfg(any(target_os = "linux", target_os = "android"))]
    {
        use std::ffi::OsString;
        #[cfg(target_os = "android")]
        use std::os::android::net::SocketAddrExt;
        #[cfg(target_os = "linux")]
        use std::os::linux::net::SocketAddrExt;
        use std::os::unix::ffi::OsStringExt;

        if let Some(name) = address.as_abstract_name() {
            return OsString::from_vec([b"@", name].concat()).into();
        }
    }
    address.as_pathname().map(PathBuf::from).unwrap_or_default()
}
