//! The future that a task waits on. asyncio takes any object for one that has its methods and `_asyncio_future_blocking`
//! (`asyncio.isfuture`), so a [`Waiting`] is its own: no `asyncio.Future` is made for each `receive`, and the task behind
//! it can be stepped by us (see `waiters`).

use pyo3::PyTraverseError;
use pyo3::exceptions::PyRuntimeError;
use pyo3::exceptions::asyncio::CancelledError;
use pyo3::ffi;
use pyo3::gc::PyVisit;
use pyo3::prelude::*;
use pyo3::types::IntoPyDict;

use crate::exchange::awaitable::Waiting;
use crate::keys::Keys;

/// What asyncio asks to be called, and in which context.
pub struct Callback {
    function: Py<PyAny>,
    context: Option<Py<PyAny>>,
}

impl Callback {
    pub fn new(function: Py<PyAny>, context: Option<Py<PyAny>>) -> Self {
        Self { function, context }
    }

    pub fn is(&self, function: &Bound<'_, PyAny>) -> bool {
        self.function.is(function)
    }

    /// At the loop's next occasion.
    pub fn call_soon(&self, future: &Bound<'_, Waiting>) -> PyResult<()> {
        let py = future.py();
        let options = [("context", &self.context)].into_py_dict(py)?;
        let event_loop = &future.get().exchange().get().reactor.get().event_loop;
        event_loop.call_method(py, &Keys::of(py).call_soon, (&self.function, future), Some(&options)).map(|_| ())
    }

    /// Now, and whether that could be done: a context cannot be entered twice.
    pub fn call(&self, future: &Bound<'_, Waiting>) -> PyResult<bool> {
        let py = future.py();
        let context = self.context.as_ref().map_or(std::ptr::null_mut(), Py::as_ptr);
        // SAFETY: `context` is null or what asyncio gave us for one; Python checks its type.
        if !context.is_null() && unsafe { ffi::PyContext_Enter(context) } != 0 {
            drop(PyErr::take(py));
            return Ok(false);
        }
        let called = self.function.bind(py).call1((future,));
        // SAFETY: it was entered above, and no exception is pending: `called` holds it.
        if !context.is_null() && unsafe { ffi::PyContext_Exit(context) } != 0 {
            return Err(PyErr::fetch(py));
        }
        called.map(|_| true)
    }

    pub fn traverse(&self, visit: &PyVisit<'_>) -> Result<(), PyTraverseError> {
        visit.call(&self.function)?;
        visit.call(&self.context)
    }
}

/// The future's side of an awaitable that waits.
pub enum Future {
    /// `blocking`: it was yielded to a task, which has not taken it yet.
    Pending { blocking: bool, callback: Option<Callback> },
    /// There is news: look again.
    Done,
    /// With the message of `cancel`.
    Cancelled(Option<Py<PyAny>>),
}

impl Future {
    pub const YIELDED: Self = Self::Pending { blocking: true, callback: None };

    pub fn is_awaited(&self) -> bool {
        matches!(self, Self::Pending { callback: Some(_), .. })
    }

    /// Ends it; gives whom to tell.
    pub fn end(&mut self, as_what: Self) -> Option<Callback> {
        match self {
            Self::Pending { .. } => match std::mem::replace(self, as_what) {
                Self::Pending { callback, .. } => callback,
                _ => None,
            },
            _ => None,
        }
    }

    /// Takes the task that waits, or gives back whom to tell at once, since it has ended.
    pub fn await_by(&mut self, whom: Callback) -> Option<Callback> {
        match self {
            Self::Pending { callback, .. } => callback.replace(whom),
            _ => Some(whom),
        }
    }

    /// Takes it off again.
    pub fn leave(&mut self, function: &Bound<'_, PyAny>) -> Option<Callback> {
        match self {
            Self::Pending { callback, .. } => callback.take_if(|it| it.is(function)),
            _ => None,
        }
    }

    pub fn traverse(&self, visit: &PyVisit<'_>) -> Result<(), PyTraverseError> {
        match self {
            Self::Pending { callback: Some(callback), .. } => callback.traverse(visit),
            Self::Cancelled(message) => visit.call(message),
            _ => Ok(()),
        }
    }
}

/// What a cancelled future raises.
pub fn cancellation(message: Option<Py<PyAny>>) -> PyErr {
    match message {
        Some(message) => CancelledError::new_err((message,)),
        None => CancelledError::new_err(()),
    }
}

/// Somebody awaits what another task awaits already.
pub fn awaited_twice() -> PyErr {
    PyRuntimeError::new_err("receive() or send() is being awaited already")
}
