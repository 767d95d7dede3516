//! The few socket calls that `std` does not offer for a borrowed descriptor: options and addresses.

use std::io;
use std::mem::{MaybeUninit, size_of};
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4, SocketAddrV6};
use std::os::fd::RawFd;
use std::ptr;

use libc::{c_int, sockaddr, sockaddr_in, sockaddr_in6, sockaddr_storage, socklen_t};

/// Repeats a system call for as long as a signal interrupts it.
pub(crate) fn retry(mut call: impl FnMut() -> isize) -> io::Result<usize> {
    loop {
        if let Ok(result) = usize::try_from(call()) {
            return Ok(result);
        }
        let error = io::Error::last_os_error();
        if error.kind() != io::ErrorKind::Interrupted {
            return Err(error);
        }
    }
}

/// A socket address as the kernel writes it.
pub(crate) struct Address {
    pub(crate) storage: sockaddr_storage,
    pub(crate) length: socklen_t,
}

impl Address {
    /// Room for any address.
    pub(crate) fn new() -> Self {
        // SAFETY: a plain C structure of integers, for which all zeros is a value (family AF_UNSPEC).
        let storage = unsafe { MaybeUninit::zeroed().assume_init() };
        Self { storage, length: size_of::<sockaddr_storage>() as socklen_t }
    }

    /// The address to which the socket `fd` is bound (getsockname).
    pub(crate) fn local(fd: RawFd) -> io::Result<Self> {
        let mut address = Self::new();
        let (place, length) = address.as_out();
        // SAFETY: `place` has room for `*length` bytes, both live through the call.
        retry(|| unsafe { libc::getsockname(fd, place, length) as isize })?;
        Ok(address)
    }

    /// Pointers for a call that writes an address.
    pub(crate) fn as_out(&mut self) -> (*mut sockaddr, *mut socklen_t) {
        (ptr::from_mut(&mut self.storage).cast(), ptr::from_mut(&mut self.length))
    }

    pub(crate) fn family(&self) -> c_int {
        c_int::from(self.storage.ss_family)
    }

    /// `None` when this is not an IPv4 or IPv6 address.
    pub(crate) fn tcp(&self) -> Option<SocketAddr> {
        match self.family() {
            libc::AF_INET => {
                // SAFETY: the family says what this is; the storage is large and aligned enough for it and initialised.
                let v4 = unsafe { &*ptr::from_ref(&self.storage).cast::<sockaddr_in>() };
                let ip = Ipv4Addr::from(u32::from_be(v4.sin_addr.s_addr));
                Some(SocketAddrV4::new(ip, u16::from_be(v4.sin_port)).into())
            }
            libc::AF_INET6 => {
                // SAFETY: as above.
                let v6 = unsafe { &*ptr::from_ref(&self.storage).cast::<sockaddr_in6>() };
                let ip = Ipv6Addr::from(v6.sin6_addr.s6_addr);
                Some(SocketAddrV6::new(ip, u16::from_be(v6.sin6_port), v6.sin6_flowinfo, v6.sin6_scope_id).into())
            }
            _ => None,
        }
    }
}

/// An integer option at the level SOL_SOCKET.
pub(crate) fn option(fd: RawFd, name: c_int) -> io::Result<c_int> {
    let mut value: c_int = 0;
    let mut length = size_of::<c_int>() as socklen_t;
    // SAFETY: `value` has room for `length` bytes, both live through the call.
    retry(|| unsafe {
        libc::getsockopt(fd, libc::SOL_SOCKET, name, ptr::from_mut(&mut value).cast(), &mut length) as isize
    })?;
    Ok(value)
}

/// Sets an option; `T` must be the C type which that option takes.
pub(crate) fn set_option<T: Copy>(fd: RawFd, level: c_int, name: c_int, value: T) -> io::Result<()> {
    let length = size_of::<T>() as socklen_t;
    // SAFETY: `value` is `length` initialised bytes and lives through the call; the kernel checks their meaning.
    retry(|| unsafe { libc::setsockopt(fd, level, name, ptr::from_ref(&value).cast(), length) as isize })?;
    Ok(())
}
