//! Sockets, poller, outgoing queue and timers. No protocols, no Python.
//!
//! Everything here is non-blocking and belongs to one thread. A connection is a [`stream::Stream`] under a key of the
//! [`poller::Poller`]; keys are made by a [`slab::Slab`], so that a stale one never hits another connection. What waits
//! to be written lies in an [`outlet::Outlet`]; deadlines lie in a [`timers::Timers`].

pub mod listener;
pub mod memory;
pub mod outlet;
pub mod poller;
pub mod slab;
pub mod stream;
pub mod timers;

mod socket;
