//! State that belongs to one thread, the loop's. Any other thread, and any use while it is already in use, gets an
//! exception instead of a data race: applications do call `send` from thread pools, by mistake.

use std::cell::{RefCell, RefMut};

use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;

/// A number that no other living thread shares. Asked some thirty times per request: a thread-local of our own costs
/// 10 instructions more each time, since a shared library reaches it through `__tls_get_addr`.
#[inline]
fn current_thread() -> usize {
    // SAFETY: takes nothing, changes nothing and cannot fail (POSIX).
    unsafe { libc::pthread_self() as usize }
}

pub struct LoopCell<T> {
    owner: usize,
    value: RefCell<T>,
}

// SAFETY: `value` is reached through `lock`, which lets only the owning thread pass, and through `peek`, which is called
// by Python's collector with the GIL held. The module declares `gil_used`, and no borrow outlives a release of the GIL
// (no Python code runs while one is held), so the two never overlap. Dropping happens when nobody can reach the cell.
unsafe impl<T> Send for LoopCell<T> {}
// SAFETY: as above.
unsafe impl<T> Sync for LoopCell<T> {}

impl<T> LoopCell<T> {
    pub fn new(value: T) -> Self {
        Self { owner: current_thread(), value: RefCell::new(value) }
    }

    /// For a part of something else: belongs to the same thread as that.
    pub fn beside<U>(other: &LoopCell<U>, value: T) -> Self {
        Self { owner: other.owner, value: RefCell::new(value) }
    }

    /// Whether the calling thread is the owner.
    #[inline]
    pub fn is_ours(&self) -> bool {
        self.owner == current_thread()
    }

    /// The state, for a short while: no Python code may run before it is given back.
    #[inline]
    pub fn lock(&self) -> PyResult<RefMut<'_, T>> {
        if !self.is_ours() {
            return Err(PyRuntimeError::new_err(
                "asgate: called from another thread than the event loop's; use \
                 asyncio.run_coroutine_threadsafe(…, loop) (ASGI-003)",
            ));
        }
        self.value
            .try_borrow_mut()
            .map_err(|_| PyRuntimeError::new_err("asgate: re-entered; please report this as a bug"))
    }

    /// In a forked child only, where the calling thread is the only one, whichever it was before.
    pub fn seize(&self) -> PyResult<RefMut<'_, T>> {
        self.value.try_borrow_mut().map_err(|_| PyRuntimeError::new_err("asgate: forked in mid-work"))
    }

    /// For the collector only: looks if nobody is at work.
    pub fn peek<R>(&self, look: impl FnOnce(&T) -> R) -> Option<R> {
        self.value.try_borrow().ok().map(|value| look(&value))
    }
}
