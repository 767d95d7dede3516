//! Futures of whatever waits for news of an exchange: `receive` for an event, `send` for room. All are woken by any news
//! and look again; so nobody has to know who waits for what.

use pyo3::PyTraverseError;
use pyo3::gc::PyVisit;
use pyo3::prelude::*;

use crate::exchange::Exchange;
use crate::keys::Keys;

/// From so many waiters on, the cancelled ones are dropped whenever their number has doubled.
const CROWD: usize = 16;

#[derive(Default)]
pub struct Waiters(Vec<Py<PyAny>>);

impl Waiters {
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// All of them, to be woken (or dropped) where Python may run.
    pub fn take(&mut self) -> Self {
        std::mem::take(self)
    }

    fn is_crowd(&self) -> bool {
        self.0.len() >= CROWD && self.0.len().is_power_of_two()
    }

    /// Without those that were cancelled: an application that polls with a time-out leaves one behind each time.
    fn still_waiting(self, py: Python<'_>) -> PyResult<Self> {
        let mut waiting = Vec::new();
        for waiter in self.0 {
            if !waiter.bind(py).call_method0(&Keys::of(py).done)?.is_truthy()? {
                waiting.push(waiter);
            }
        }
        Ok(Self(waiting))
    }

    /// Ends the futures that are still awaited. A cancelled one is done already.
    pub fn wake(self, py: Python<'_>) {
        let keys = Keys::of(py);
        for waiter in self.0 {
            let waiter = waiter.bind(py);
            let woken = waiter.call_method0(&keys.done).and_then(|done| {
                if !done.is_truthy()? {
                    waiter.call_method1(&keys.set_result, (py.None(),))?;
                }
                Ok(())
            });
            if let Err(error) = woken {
                error.write_unraisable(py, Some(waiter));
            }
        }
    }

    pub fn traverse(&self, visit: &PyVisit<'_>) -> Result<(), PyTraverseError> {
        self.0.iter().try_for_each(|waiter| visit.call(waiter))
    }
}

impl Exchange {
    /// Lets everything that waits look again.
    pub fn wake(&self, py: Python<'_>) -> PyResult<()> {
        let waiters = self.state.lock()?.waiters.take();
        waiters.wake(py);
        Ok(())
    }

    /// A future that ends when there is something to look at; in the form in which a task takes it.
    pub fn wait(slf: &Bound<'_, Self>) -> PyResult<Py<PyAny>> {
        let py = slf.py();
        let keys = Keys::of(py);
        let this = slf.get();
        let future = this.reactor.get().event_loop.call_method0(py, &keys.create_future)?;
        future.setattr(py, &keys.future_blocking, true)?;
        let crowd = {
            let mut state = this.state.lock()?;
            state.streak = 0;
            state.waiters.0.push(future.clone_ref(py));
            if state.waiters.is_crowd() { state.waiters.take() } else { Waiters::default() }
        };
        if !crowd.is_empty() {
            let mut waiting = crowd.still_waiting(py)?;
            this.state.lock()?.waiters.0.append(&mut waiting.0);
        }
        Ok(future)
    }
}
