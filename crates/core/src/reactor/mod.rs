//! The reactor: one poller with one descriptor, which the event loop watches. `turn` serves a bounded batch of what is
//! ready, all on the loop's own thread; then the other tasks of the loop get their turn.

pub mod accept;
mod burst;
pub mod connection;
mod deadlines;
pub mod input;
pub mod observer;
pub mod output;
pub mod payload;
pub mod shutdown;
pub mod state;
pub mod tally;

use std::os::fd::{BorrowedFd, RawFd};
use std::panic::{AssertUnwindSafe, catch_unwind};

use net::listener::Listener;
use net::poller::Ready;
use pyo3::PyTraverseError;
use pyo3::gc::PyVisit;
use pyo3::prelude::*;
use pyo3::types::{IntoPyDict, PyDict};
use wire::Millis;

use self::state::State;
use self::tally::Tally;
use crate::cell::LoopCell;
use crate::errors::panicked;
use crate::exchange::fields::Block;
use crate::exchange::scope::Scopes;
use crate::exchange::task::Tasks;
use crate::exchange::waiters;
use crate::keys::Keys;
use crate::settings::Settings;

/// Listeners have the highest keys, connections those of the slab.
pub const LISTENER_KEYS: usize = usize::MAX - 1024;

/// Largest batch where tasks do not start at once (Python 3.11): the requests of a batch are all alive together there,
/// and 64 of them are more containers than the collector's first generation holds, which then runs for every batch
/// (3 000 instructions of 30 000 per request).
const LAZY_BATCH: usize = 32;

#[pyclass(frozen, weakref, module = "asgate._core")]
pub struct Reactor {
    pub application: Py<PyAny>,
    pub event_loop: Py<PyAny>,
    pub observer: Py<PyAny>,
    pub settings: Settings,
    pub scopes: Scopes,
    pub tasks: Tasks,
    /// `{"context": …}` for the loop: what we schedule while an application's task is current must not run, and start the
    /// next application, in that task's context (ASGI-205).
    in_our_context: Py<PyDict>,
    fileno: RawFd,
    pub state: LoopCell<State>,
}

/// Inside a turn the time of its beginning, elsewhere that of the clock.
#[inline]
pub fn now(reactor: &Reactor) -> PyResult<Millis> {
    Ok(reactor.state.lock()?.refresh())
}

#[inline]
pub fn lend_block(reactor: &Reactor) -> PyResult<Block> {
    Ok(reactor.state.lock()?.lend_block())
}

/// One connection's or listener's share of a turn, with everything that can go wrong in it.
pub fn guarded(slf: &Bound<'_, Reactor>, key: usize, work: impl FnOnce() -> PyResult<()>) {
    match catch_unwind(AssertUnwindSafe(work)) {
        Ok(Ok(())) => {}
        Ok(Err(error)) => {
            error.write_unraisable(slf.py(), Some(slf.as_any()));
            output::give_up(slf, key);
        }
        Err(_) => {
            let text = "a panic in asgate's core was caught and one connection closed: this is a bug of asgate, please \
                        report it with the lines that Rust printed above";
            observer::observe(slf, "trouble", (text,));
            output::give_up(slf, key);
        }
    }
}

impl Reactor {
    /// Asks the loop to call `_turn` soon, if it has not been asked already.
    pub fn schedule(slf: &Bound<'_, Self>) -> PyResult<()> {
        let this = slf.get();
        {
            let mut state = this.state.lock()?;
            if state.scheduled || state.in_turn || state.closed {
                return Ok(());
            }
            state.scheduled = true;
        }
        let py = slf.py();
        let asked = slf.getattr(pyo3::intern!(py, "_turn")).and_then(|turn| {
            this.event_loop.call_method(py, &Keys::of(py).call_soon, (turn,), Some(this.in_our_context.bind(py)))
        });
        if let Err(error) = asked {
            // A signal handler may raise in the middle of the loop's own code.
            this.state.lock()?.scheduled = false;
            return Err(error);
        }
        Ok(())
    }

    pub fn call_later<'py>(&self, py: Python<'py>, seconds: f64, callback: Bound<'py, PyAny>) -> PyResult<Py<PyAny>> {
        let context = self.in_our_context.bind(py);
        self.event_loop.call_method(py, &Keys::of(py).call_later, (seconds, callback), Some(context))
    }

    /// Asks the loop to call `turn` when the next deadline comes, if that is earlier than what it was asked for.
    pub fn set_alarm(slf: &Bound<'_, Self>) -> PyResult<()> {
        let this = slf.get();
        let (wait, before) = {
            let mut state = this.state.lock()?;
            let Some(next) = state.timers.next() else { return Ok(()) };
            if next >= state.alarm || state.closed {
                return Ok(());
            }
            let before = std::mem::replace(&mut state.alarm, next);
            (next.saturating_sub(state.refresh()), before)
        };
        let py = slf.py();
        let asked = slf
            .getattr(pyo3::intern!(py, "turn"))
            .and_then(|turn| this.call_later(py, wait as f64 / 1000.0 + 0.001, turn));
        let handle = match asked {
            Ok(handle) => handle,
            Err(error) => {
                this.state.lock()?.alarm = before;
                return Err(error);
            }
        };
        let replaced = this.state.lock()?.alarm_handle.replace(handle);
        Self::cancel_alarm(py, replaced)
    }

    /// The loop keeps a handle, and us with it, until its time comes: 75 s for an idle connection.
    pub fn cancel_alarm(py: Python<'_>, handle: Option<Py<PyAny>>) -> PyResult<()> {
        match handle {
            Some(handle) => handle.call_method0(py, &Keys::of(py).cancel).map(|_| ()),
            None => Ok(()),
        }
    }

    fn begin_turn(&self) -> PyResult<Option<Vec<Ready>>> {
        let mut state = self.state.lock()?;
        if state.in_turn || state.closed {
            return Ok(None);
        }
        state.refresh();
        if state.alarm <= state.now {
            state.alarm = Millis::MAX;
        }
        state.turns += 1;
        let mut ready = std::mem::take(&mut state.ready);
        state.poller.poll(&mut ready)?;
        state.in_turn = true;
        Ok(Some(ready))
    }

    fn end_turn(slf: &Bound<'_, Self>, ready: Vec<Ready>) -> PyResult<()> {
        let more = {
            let mut state = slf.get().state.lock()?;
            state.ready = ready;
            state.in_turn = false;
            !state.backlog.is_empty() || !state.dirty.is_empty()
        };
        waiters::leave_to_loop(slf)?;
        // A loop that refuses the one may still grant the other, and be asked again then.
        let scheduled = if more { Self::schedule(slf) } else { Ok(()) };
        Self::set_alarm(slf)?;
        shutdown::tell_when_drained(slf)?;
        Tally::report(slf)?;
        scheduled
    }

    /// What was put off: collected output, connections that gave way, deadlines.
    fn serve_queues(slf: &Bound<'_, Self>) -> PyResult<()> {
        let (dirty, backlog, due) = {
            let mut state = slf.get().state.lock()?;
            let state = &mut *state;
            let mut due = std::mem::take(&mut state.due);
            due.clear();
            state.timers.expire(state.now, &mut due);
            if !due.is_empty() {
                state.before_ebb();
            }
            (std::mem::take(&mut state.dirty), std::mem::take(&mut state.backlog), due)
        };
        for key in dirty {
            guarded(slf, key, || output::settle(slf, key));
        }
        for key in backlog {
            if key >= LISTENER_KEYS {
                guarded(slf, key, || accept::accept(slf, key));
            } else {
                guarded(slf, key, || input::serve_queued(slf, key));
            }
        }
        for key in &due {
            if *key >= LISTENER_KEYS {
                guarded(slf, *key, || accept::retry(slf));
            } else {
                guarded(slf, *key, || deadlines::expire(slf, *key));
            }
        }
        {
            let mut state = slf.get().state.lock()?;
            if !due.is_empty() {
                state.after_ebb();
            }
            state.due = due;
        }
        waiters::step_woken(slf).map(|_| ())
    }
}

#[pymethods]
impl Reactor {
    #[new]
    fn new(
        application: Py<PyAny>,
        event_loop: Bound<'_, PyAny>,
        settings: &Bound<'_, PyAny>,
        observer: Py<PyAny>,
        state: Option<Bound<'_, PyAny>>,
    ) -> PyResult<Self> {
        let py = event_loop.py();
        let mut settings = Settings::read(settings)?;
        let tasks = Tasks::new(&event_loop)?;
        if !tasks.eager {
            settings.batch = settings.batch.min(LAZY_BATCH);
        }
        let inner = State::new(&settings)?;
        Ok(Self {
            application,
            observer,
            scopes: Scopes::new(py, &settings, state)?,
            tasks,
            in_our_context: [("context", py.import("contextvars")?.call_method0("copy_context")?)]
                .into_py_dict(py)?
                .unbind(),
            event_loop: event_loop.unbind(),
            settings,
            fileno: inner.poller.fileno(),
            state: LoopCell::new(inner),
        })
    }

    fn fileno(&self) -> RawFd {
        self.fileno
    }

    fn turn(slf: &Bound<'_, Self>) -> PyResult<()> {
        if slf.get().state.lock()?.abandoned {
            observer::observe(slf, "child_ended", (slf.py().None(),));
            return Ok(());
        }
        let Some(ready) = slf.get().begin_turn()? else { return Ok(()) };
        let served = catch_unwind(AssertUnwindSafe(|| {
            Self::serve_queues(slf)?;
            burst::serve(slf, &ready)
        }))
        .unwrap_or_else(|_| Err(panicked()));
        if served.is_err() {
            burst::give_up_unserved(slf, &ready);
        }
        // Whatever has happened, the turn ends.
        Self::end_turn(slf, ready).and(served)
    }

    /// The turn that `schedule` has asked for. Those for the poller and for alarms come beside it: if they took the
    /// request back, they would each leave one more turn in the loop's queue, and a steady stream of input ever more.
    fn _turn(slf: &Bound<'_, Self>) -> PyResult<()> {
        slf.get().state.lock()?.scheduled = false;
        Self::turn(slf)
    }

    fn listen(slf: &Bound<'_, Self>, fd: RawFd) -> PyResult<()> {
        // SAFETY: only borrowed for the duplication, which fails cleanly if it is not open.
        let borrowed = unsafe { BorrowedFd::borrow_raw(fd) };
        let listener = Listener::from_fd(borrowed.try_clone_to_owned()?)?;
        accept::listen(slf, listener)
    }

    /// In our own context, since requests that are found begin here (ASGI-205); in a copy of it, since one that is
    /// entered already, as when an application stops its server, cannot be entered again.
    fn drain(slf: &Bound<'_, Self>) -> PyResult<()> {
        let py = slf.py();
        let context = slf.get().in_our_context.bind(py).as_any().get_item("context")?.call_method0("copy")?;
        context.call_method1("run", (slf.getattr("_drain")?,))?;
        Ok(())
    }

    fn _drain(slf: &Bound<'_, Self>) -> PyResult<()> {
        shutdown::drain(slf)
    }

    fn cancel(slf: &Bound<'_, Self>) -> PyResult<()> {
        shutdown::cancel(slf)
    }

    fn close(slf: &Bound<'_, Self>) -> PyResult<()> {
        shutdown::close(slf)
    }

    fn abandon(slf: &Bound<'_, Self>) -> PyResult<()> {
        shutdown::abandon(slf)
    }

    fn waiting_for(slf: &Bound<'_, Self>) -> PyResult<Vec<String>> {
        shutdown::waiting_for(slf)
    }

    /// That are open, or whose handshake waits for its answer.
    #[getter]
    fn websockets(&self) -> PyResult<usize> {
        Ok(self.state.lock()?.places.websockets)
    }

    #[getter]
    fn connections(&self) -> PyResult<usize> {
        Ok(self.state.lock()?.connections.len())
    }

    #[getter]
    fn requests(&self) -> PyResult<u64> {
        Ok(self.state.lock()?.requests)
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        visit.call(&self.application)?;
        visit.call(&self.event_loop)?;
        visit.call(&self.observer)?;
        visit.call(&self.in_our_context)?;
        self.scopes.traverse(visit)
    }
}
