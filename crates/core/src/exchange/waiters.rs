//! Who waits for news of an exchange, and how they hear of it: `receive` waits for an event, `send` for room. Any news
//! wakes all, and each looks again; so nobody has to know who waits for what.
//!
//! A woken task takes its step inside the reactor's turn, as the loop would do it: `context.run(callback, future)`. So
//! what it sends leaves with the burst, and the news makes no way through the loop's queue. Outside of a turn, and where
//! a task is being stepped already, the loop's `call_soon` does it as ever.

use pyo3::PyTraverseError;
use pyo3::gc::PyVisit;
use pyo3::prelude::*;

use crate::exchange::Exchange;
use crate::exchange::awaitable::Waiting;
use crate::exchange::end;
use crate::exchange::future::Callback;
use crate::reactor::output;
use crate::reactor::{Reactor, guarded};

/// Who is woken by the next news of an exchange.
#[derive(Default)]
pub struct Waiters(Vec<Py<Waiting>>);

impl Waiters {
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// All of them, to be woken (or dropped) where Python may run.
    pub fn take(&mut self) -> Self {
        std::mem::take(self)
    }

    pub fn wake(self, py: Python<'_>) {
        for waiting in self.0 {
            let waiting = waiting.bind(py);
            if let Err(error) = Waiting::wake(waiting) {
                error.write_unraisable(py, Some(waiting));
            }
        }
    }

    pub fn traverse(&self, visit: &PyVisit<'_>) -> Result<(), PyTraverseError> {
        self.0.iter().try_for_each(|waiting| visit.call(waiting))
    }
}

impl Exchange {
    /// Lets everything that waits look again.
    pub fn wake(&self, py: Python<'_>) -> PyResult<()> {
        let waiters = self.state.lock()?.waiters.take();
        waiters.wake(py);
        Ok(())
    }

    /// `waiting` hears of the next news. The task gives way to others meanwhile.
    pub fn wait(&self, waiting: &Bound<'_, Waiting>) -> PyResult<()> {
        let mut state = self.state.lock()?;
        state.streak = 0;
        state.waiters.0.push(waiting.clone().unbind());
        Ok(())
    }

    /// `waiting` hears of nothing any more. The caller drops it where Python may run.
    pub fn forget(&self, waiting: &Bound<'_, Waiting>) -> PyResult<Option<Py<Waiting>>> {
        let waiters = &mut self.state.lock()?.waiters.0;
        Ok(waiters.iter().position(|it| it.is(waiting)).map(|index| waiters.swap_remove(index)))
    }
}

/// The steps that tasks take inside a turn.
#[derive(Default)]
pub struct Steps {
    /// One is being taken: asyncio steps no other task from within it.
    pub running: bool,
    /// Who has news, and takes a step in this turn.
    woken: Vec<Woken>,
}

/// A task that has news and takes its step soon.
pub struct Woken {
    waiting: Py<Waiting>,
    callback: Callback,
}

impl Woken {
    /// There is news for `waiting`: its task goes on in this turn, or through the loop where none is going on.
    pub fn tell(waiting: &Bound<'_, Waiting>, callback: Callback) -> PyResult<()> {
        let reactor = waiting.get().exchange().get().reactor.get();
        {
            let mut state = reactor.state.lock()?;
            if state.in_turn && !state.closed {
                state.steps.woken.push(Self { waiting: waiting.clone().unbind(), callback });
                return Ok(());
            }
        }
        callback.call_soon(waiting)
    }

    /// Steps the task. What it sends on its own connection leaves when it yields.
    fn step(&self, slf: &Bound<'_, Reactor>) -> PyResult<()> {
        let waiting = self.waiting.bind(slf.py());
        let key = waiting.get().exchange().get().key;
        let before = {
            let mut state = slf.get().state.lock()?;
            state.steps.running = true;
            state.dispatching.replace(key)
        };
        let called = self.callback.call(waiting);
        {
            let mut state = slf.get().state.lock()?;
            state.steps.running = false;
            state.dispatching = before;
        }
        match called {
            Ok(true) => {}
            Ok(false) => self.callback.call_soon(waiting)?,
            // A task of the application's own asks for the end. asyncio would let it out of its loop, and from there it
            // comes to the server, too.
            Err(error) if end::quit(slf, &error)? => {}
            Err(error) => error.write_unraisable(slf.py(), Some(waiting)),
        }
        if before == Some(key) { Ok(()) } else { output::settle(slf, key) }
    }
}

/// Steps the tasks that have news; not those that get theirs from these steps, so that a turn ends. Returns whether there
/// was one. A task is not stepped from within another one: asyncio forbids it.
pub fn step_woken(slf: &Bound<'_, Reactor>) -> PyResult<bool> {
    let mut woken = {
        let mut state = slf.get().state.lock()?;
        if state.steps.running || state.steps.woken.is_empty() {
            return Ok(false);
        }
        std::mem::take(&mut state.steps.woken)
    };
    for one in woken.drain(..) {
        guarded(slf, one.waiting.get().exchange().get().key, || one.step(slf));
    }
    let mut state = slf.get().state.lock()?;
    if state.steps.woken.is_empty() {
        state.steps.woken = woken;
    }
    Ok(true)
}

/// The turn ends: who was woken too late goes through the loop.
pub fn leave_to_loop(slf: &Bound<'_, Reactor>) -> PyResult<()> {
    let woken = std::mem::take(&mut slf.get().state.lock()?.steps.woken);
    for one in woken {
        one.callback.call_soon(one.waiting.bind(slf.py()))?;
    }
    Ok(())
}
