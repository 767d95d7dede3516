//! What `receive()` and `send()` return: small awaitables, and one shared object for "already done". A `receive` takes its
//! event when it is awaited, so a cancelled one loses nothing; a `send` has taken effect when it returns, its awaitable
//! only waits. All of them pass for coroutines, so that `asyncio.create_task(receive())` works as it does with servers
//! whose `receive` is an `async def`.

use pyo3::PyTraverseError;
use pyo3::exceptions::{PyRuntimeError, PyStopIteration};
use pyo3::gc::PyVisit;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;

use crate::cell::LoopCell;
use crate::exchange::command;
use crate::exchange::future::{Callback, Future, awaited_twice, cancellation};
use crate::exchange::waiters::Woken;
use crate::exchange::{Exchange, Polled};
use crate::reactor::output;

/// The finished `send`: one object for all.
#[pyclass(frozen, module = "asgate._core")]
pub struct Done;

static DONE: PyOnceLock<Py<Done>> = PyOnceLock::new();

impl Done {
    #[inline]
    pub fn shared(py: Python<'_>) -> PyResult<Py<PyAny>> {
        Ok(DONE.get_or_try_init(py, || Py::new(py, Done))?.clone_ref(py).into_any())
    }
}

#[pymethods]
impl Done {
    fn __await__(slf: Py<Self>) -> Py<Self> {
        slf
    }

    fn __iter__(slf: Py<Self>) -> Py<Self> {
        slf
    }

    /// None ends the iteration with the value None.
    fn __next__(&self) -> Option<()> {
        None
    }

    #[pyo3(signature = (_value, /))]
    fn send(&self, _value: &Bound<'_, PyAny>) -> PyResult<()> {
        Err(PyStopIteration::new_err(()))
    }

    #[pyo3(signature = (kind, value = None, traceback = None, /))]
    fn throw(
        &self,
        kind: Bound<'_, PyAny>,
        value: Option<Bound<'_, PyAny>>,
        traceback: Option<Bound<'_, PyAny>>,
    ) -> PyResult<()> {
        let _ = traceback;
        Err(thrown(kind, value))
    }

    fn close(&self) {}
}

/// What an awaitable of an exchange waits for.
pub enum Wanted {
    /// That this event is sent: `send` was called in another thread, to be awaited on the loop
    /// (`asyncio.run_coroutine_threadsafe(send(event), loop)`).
    Sent(Py<PyAny>),
    /// The next event.
    Event,
    /// Fewer than so many bytes waiting to be written.
    Room(u64),
    /// Only that the other tasks of the loop get a turn.
    Turn,
    /// The same, and then this.
    Refusal(PyErr),
}

enum Stage {
    Fresh,
    Waiting(Future),
    /// A `Wanted::Sent` has been sent, and now waits for room.
    Passed(Py<Waiting>),
    Over,
}

/// A `receive()`, or a `send()` that must wait.
#[pyclass(frozen, module = "asgate._core")]
pub struct Waiting {
    exchange: Py<Exchange>,
    wanted: Wanted,
    stage: LoopCell<Stage>,
}

impl Waiting {
    pub fn new(exchange: Py<Exchange>, wanted: Wanted) -> Self {
        let stage = LoopCell::beside(&exchange.get().state, Stage::Fresh);
        Self { exchange, wanted, stage }
    }

    pub fn exchange(&self) -> &Py<Exchange> {
        &self.exchange
    }

    fn set_stage(&self, stage: Stage) -> PyResult<()> {
        let before = std::mem::replace(&mut *self.stage.lock()?, stage);
        drop(before);
        Ok(())
    }

    /// Sends the event of a `Wanted::Sent`.
    fn pass(&self, py: Python<'_>, event: &Py<PyAny>) -> PyResult<Option<Py<PyAny>>> {
        self.set_stage(Stage::Over)?;
        let rest = command::send(self.exchange.bind(py), event.bind(py))?;
        match rest.into_bound(py).cast_into::<Self>() {
            Ok(rest) => {
                self.set_stage(Stage::Passed(rest.clone().unbind()))?;
                Self::step(&rest)
            }
            Err(_) => Ok(None),
        }
    }

    /// One step: a value to yield to the task (a future, or None for a bare turn), or the result as StopIteration.
    fn step(slf: &Bound<'_, Self>) -> PyResult<Option<Py<PyAny>>> {
        let this = slf.get();
        let first = {
            let mut stage = this.stage.lock()?;
            match &*stage {
                Stage::Passed(rest) => {
                    let rest = rest.bind(slf.py()).clone();
                    drop(stage);
                    return Self::step(&rest);
                }
                Stage::Over => {
                    return Err(PyRuntimeError::new_err("cannot reuse an already awaited receive() or send()"));
                }
                Stage::Waiting(future) if future.is_awaited() => return Err(awaited_twice()),
                Stage::Waiting(_) => false,
                Stage::Fresh => {
                    *stage = Stage::Waiting(Future::Done);
                    true
                }
            }
        };
        let exchange = this.exchange.bind(slf.py());
        let polled = match &this.wanted {
            Wanted::Sent(event) => return this.pass(slf.py(), event),
            Wanted::Event => Exchange::poll_receive(exchange),
            Wanted::Room(level) => Exchange::poll_room(exchange, *level),
            Wanted::Turn | Wanted::Refusal(_) if first => Ok(Polled::Turn),
            Wanted::Turn => Ok(Polled::Finished),
            Wanted::Refusal(error) => {
                exchange.get().state.lock()?.refused = true;
                Err(error.clone_ref(slf.py()))
            }
        };
        Self::yielded(slf, exchange, polled)
    }

    fn yielded(
        slf: &Bound<'_, Self>,
        exchange: &Bound<'_, Exchange>,
        polled: PyResult<Polled<'_>>,
    ) -> PyResult<Option<Py<PyAny>>> {
        if !matches!(polled, Ok(Polled::Pending | Polled::Turn)) {
            slf.get().set_stage(Stage::Over)?;
        }
        match polled? {
            Polled::Event(event) => Err(PyStopIteration::new_err((event.unbind(),))),
            Polled::Finished => Ok(None),
            Polled::Turn => Ok(Some(exchange.py().None())),
            Polled::Pending => {
                if matches!(slf.get().wanted, Wanted::Room(_)) {
                    output::wait_for_room(exchange)?;
                }
                slf.get().set_stage(Stage::Waiting(Future::YIELDED))?;
                exchange.get().wait(slf)?;
                Ok(Some(slf.clone().into_any().unbind()))
            }
        }
    }

    /// There is news.
    pub fn wake(slf: &Bound<'_, Self>) -> PyResult<()> {
        match slf.get().end_future(Future::Done)? {
            Some(callback) => Woken::tell(slf, callback),
            None => Ok(()),
        }
    }

    fn end_future(&self, as_what: Future) -> PyResult<Option<Callback>> {
        Ok(match &mut *self.stage.lock()? {
            Stage::Waiting(future) => future.end(as_what),
            _ => None,
        })
    }

    /// Nobody waits any more.
    fn leave(slf: &Bound<'_, Self>) -> PyResult<()> {
        let place = slf.get().exchange.get().forget(slf)?;
        drop(place);
        slf.get().set_stage(Stage::Over)
    }
}

#[pymethods]
impl Waiting {
    fn __await__(slf: Py<Self>) -> Py<Self> {
        slf
    }

    fn __iter__(slf: Py<Self>) -> Py<Self> {
        slf
    }

    fn __next__(slf: &Bound<'_, Self>) -> PyResult<Option<Py<PyAny>>> {
        Self::step(slf)
    }

    #[pyo3(signature = (_value, /))]
    fn send(slf: &Bound<'_, Self>, _value: &Bound<'_, PyAny>) -> PyResult<Py<PyAny>> {
        Self::step(slf)?.ok_or_else(|| PyStopIteration::new_err(()))
    }

    /// Cancellation: nothing was taken, so nothing is lost (ASGI-022, ASGI-023).
    #[pyo3(signature = (kind, value = None, traceback = None, /))]
    fn throw(
        slf: &Bound<'_, Self>,
        kind: Bound<'_, PyAny>,
        value: Option<Bound<'_, PyAny>>,
        traceback: Option<Bound<'_, PyAny>>,
    ) -> PyResult<()> {
        let _ = traceback;
        Self::leave(slf)?;
        Err(thrown(kind, value))
    }

    fn close(slf: &Bound<'_, Self>) -> PyResult<()> {
        Self::leave(slf)
    }

    // The future's side, for the task that this was yielded to (see `future`).

    /// None before: a fresh `receive()` passes for a coroutine, not for a future.
    #[getter(_asyncio_future_blocking)]
    fn blocking(&self) -> PyResult<Option<bool>> {
        Ok(match &*self.stage.lock()? {
            Stage::Waiting(future) => Some(matches!(future, Future::Pending { blocking: true, .. })),
            _ => None,
        })
    }

    #[setter(_asyncio_future_blocking)]
    fn set_blocking(&self, value: bool) -> PyResult<()> {
        if let Stage::Waiting(Future::Pending { blocking, .. }) = &mut *self.stage.lock()? {
            *blocking = value;
        }
        Ok(())
    }

    fn get_loop(&self, py: Python<'_>) -> Py<PyAny> {
        self.exchange.get().reactor.get().event_loop.clone_ref(py)
    }

    #[pyo3(signature = (function, /, *, context = None))]
    fn add_done_callback(slf: &Bound<'_, Self>, function: Py<PyAny>, context: Option<Py<PyAny>>) -> PyResult<()> {
        let callback = Callback::new(function, context);
        let refused = match &mut *slf.get().stage.lock()? {
            Stage::Waiting(Future::Pending { callback: Some(_), .. }) => return Err(awaited_twice()),
            Stage::Waiting(future) => future.await_by(callback),
            _ => Some(callback),
        };
        match refused {
            Some(callback) => callback.call_soon(slf),
            None => Ok(()),
        }
    }

    fn remove_done_callback(&self, function: &Bound<'_, PyAny>) -> PyResult<usize> {
        let removed = match &mut *self.stage.lock()? {
            Stage::Waiting(future) => future.leave(function),
            _ => None,
        };
        Ok(usize::from(removed.is_some()))
    }

    #[pyo3(signature = (msg = None))]
    fn cancel(slf: &Bound<'_, Self>, msg: Option<Py<PyAny>>) -> PyResult<bool> {
        let Some(callback) = slf.get().end_future(Future::Cancelled(msg))? else { return Ok(false) };
        drop(slf.get().exchange.get().forget(slf)?);
        callback.call_soon(slf)?;
        Ok(true)
    }

    fn done(&self) -> PyResult<bool> {
        Ok(!matches!(&*self.stage.lock()?, Stage::Fresh | Stage::Waiting(Future::Pending { .. })))
    }

    fn cancelled(&self) -> PyResult<bool> {
        Ok(matches!(&*self.stage.lock()?, Stage::Waiting(Future::Cancelled(_))))
    }

    fn result(&self, py: Python<'_>) -> PyResult<()> {
        let message = match &*self.stage.lock()? {
            Stage::Waiting(Future::Cancelled(message)) => message.as_ref().map(|message| message.clone_ref(py)),
            _ => return Ok(()),
        };
        Err(cancellation(message))
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        if let Wanted::Sent(event) = &self.wanted {
            visit.call(event)?;
        }
        let passed = self.stage.peek(|stage| match stage {
            Stage::Passed(rest) => visit.call(rest),
            Stage::Waiting(future) => future.traverse(&visit),
            _ => Ok(()),
        });
        passed.unwrap_or(Ok(()))?;
        visit.call(&self.exchange)
    }
}

/// The exception of a `throw(type[, value[, traceback]])`.
fn thrown(kind: Bound<'_, PyAny>, value: Option<Bound<'_, PyAny>>) -> PyErr {
    match value {
        Some(value) if !value.is_none() => {
            if value.is_instance_of::<pyo3::exceptions::PyBaseException>() {
                PyErr::from_value(value)
            } else {
                kind.call1((value,)).map_or_else(|error| error, PyErr::from_value)
            }
        }
        _ => PyErr::from_value(kind),
    }
}
