//! What is allocated when: idle connections own nothing, the hot path allocates nothing, wheels and slabs shrink.

#![allow(clippy::unwrap_used)]

mod sockets;

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

use net::outlet::{Flush, Outlet};
use net::slab::Slab;
use net::timers::Timers;
use sockets::{Chunk, unix};

thread_local! {
    /// Bytes that this thread holds, and how often it has asked for more.
    static HELD: Cell<isize> = const { Cell::new(0) };
    static CALLS: Cell<usize> = const { Cell::new(0) };
}

struct Counting;

// SAFETY: hands everything on to the system's allocator unchanged; the counters do not allocate.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        HELD.set(HELD.get() + layout.size() as isize);
        CALLS.set(CALLS.get() + 1);
        // SAFETY: the caller's obligations are those of the system's allocator.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, place: *mut u8, layout: Layout) {
        HELD.set(HELD.get() - layout.size() as isize);
        // SAFETY: as above.
        unsafe { System.dealloc(place, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

#[test]
fn an_outlet_owns_nothing_before_and_after_its_work() {
    let (stream, _peer) = unix();
    let mut spare = Vec::with_capacity(1024);
    let (held, calls) = (HELD.get(), CALLS.get());
    let mut outlet = Outlet::<Chunk>::new();
    for _ in 0..100 {
        outlet.reuse(std::mem::take(&mut spare));
        outlet.bytes().extend_from_slice(&[b'h'; 143]);
        assert!(matches!(outlet.flush(&stream, u64::MAX), Flush::Done));
        spare = outlet.take_spare().unwrap();
    }
    assert_eq!((HELD.get(), CALLS.get()), (held, calls), "the hot path does not allocate");

    outlet.push_file(sockets::file(b"content").into(), 0, 7);
    outlet.bytes().extend_from_slice(&[b't'; 1000]);
    assert!(matches!(outlet.flush(&stream, u64::MAX), Flush::Done));
    drop(outlet.take_spare());
    assert_eq!(HELD.get(), held, "after everything else it owns nothing either");
}

#[test]
fn timers_shrink_when_they_empty() {
    let empty = HELD.get();
    let mut timers = Timers::new(0);
    let wheel = HELD.get() - empty;
    assert!(wheel < 32 * 1024, "{wheel}");
    let mut due = Vec::new();
    for round in 0..20 {
        let now = round * 200_000;
        for key in 0..20_000_usize {
            timers.insert(key, now + (key as u64 * 7) % 150_000);
        }
        timers.expire(now + 149_500, &mut due);
        due = Vec::new();
        let held = HELD.get() - empty - wheel;
        assert!(held < 16 * 1024, "{held} bytes for {} entries", timers.len());
        timers.expire(now + 200_000, &mut due);
        due = Vec::new();
        assert!(timers.is_empty());
    }
    assert!(HELD.get() - empty - wheel <= 2048, "the room kept for far entries: {}", HELD.get() - empty - wheel);
}

#[test]
fn an_emptied_slab_returns_its_memory() {
    let empty = HELD.get();
    let mut slab = Slab::new();
    let keys: Vec<_> = (0..10_000).map(|_| slab.insert([0_u8; 256])).collect();
    assert!(HELD.get() - empty > 10_000 * 256);
    for key in &keys {
        slab.remove(*key);
    }
    drop(keys);
    assert!(HELD.get() - empty < 64 * 300, "{}", HELD.get() - empty);
}
