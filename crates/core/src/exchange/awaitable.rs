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
}

enum Stage {
    Fresh,
    Waiting,
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
                rest.get().step(py)
            }
            Err(_) => Ok(None),
        }
    }

    /// One step: a value to yield to the task (a future, or None for a bare turn), or the result as StopIteration.
    fn step(&self, py: Python<'_>) -> PyResult<Option<Py<PyAny>>> {
        let first = {
            let mut stage = self.stage.lock()?;
            match &*stage {
                Stage::Passed(rest) => {
                    let rest = rest.clone_ref(py);
                    drop(stage);
                    return rest.get().step(py);
                }
                Stage::Over => {
                    return Err(PyRuntimeError::new_err("cannot reuse an already awaited receive() or send()"));
                }
                Stage::Fresh => {
                    *stage = Stage::Waiting;
                    true
                }
                Stage::Waiting => false,
            }
        };
        let exchange = self.exchange.bind(py);
        let polled = match &self.wanted {
            Wanted::Sent(event) => return self.pass(py, event),
            Wanted::Event => Exchange::poll_receive(exchange),
            Wanted::Room(level) => Exchange::poll_room(exchange, *level),
            Wanted::Turn if first => Ok(Polled::Turn),
            Wanted::Turn => Ok(Polled::Finished),
        };
        self.yielded(exchange, polled)
    }

    fn yielded(&self, exchange: &Bound<'_, Exchange>, polled: PyResult<Polled<'_>>) -> PyResult<Option<Py<PyAny>>> {
        if !matches!(polled, Ok(Polled::Pending | Polled::Turn)) {
            self.set_stage(Stage::Over)?;
        }
        match polled? {
            Polled::Event(event) => Err(PyStopIteration::new_err((event.unbind(),))),
            Polled::Finished => Ok(None),
            Polled::Turn => Ok(Some(exchange.py().None())),
            Polled::Pending => {
                if matches!(self.wanted, Wanted::Room(_)) {
                    output::wait_for_room(exchange)?;
                }
                Exchange::wait(exchange).map(Some)
            }
        }
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

    fn __next__(&self, py: Python<'_>) -> PyResult<Option<Py<PyAny>>> {
        self.step(py)
    }

    #[pyo3(signature = (_value, /))]
    fn send(&self, py: Python<'_>, _value: &Bound<'_, PyAny>) -> PyResult<Py<PyAny>> {
        self.step(py)?.ok_or_else(|| PyStopIteration::new_err(()))
    }

    /// Cancellation: nothing was taken, so nothing is lost (ASGI-022, ASGI-023).
    #[pyo3(signature = (kind, value = None, traceback = None, /))]
    fn throw(
        &self,
        kind: Bound<'_, PyAny>,
        value: Option<Bound<'_, PyAny>>,
        traceback: Option<Bound<'_, PyAny>>,
    ) -> PyResult<()> {
        let _ = traceback;
        self.set_stage(Stage::Over)?;
        Err(thrown(kind, value))
    }

    fn close(&self) -> PyResult<()> {
        self.set_stage(Stage::Over)
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        if let Wanted::Sent(event) = &self.wanted {
            visit.call(event)?;
        }
        let passed = self.stage.peek(|stage| match stage {
            Stage::Passed(rest) => visit.call(rest),
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
