//! Starts applications, each as a real `asyncio.Task`: eagerly where Python can (3.12), through the loop's queue before.
//! The task runs a [`Run`], a coroutine that steps the application's own and sees its end at once: no callback has to
//! travel through the loop, and nothing that an application raises ever reaches it (ASGI-020, ASGI-025).

use std::ptr;

use pyo3::PyTraverseError;
use pyo3::exceptions::{PyStopIteration, PyTypeError};
use pyo3::ffi;
use pyo3::gc::PyVisit;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyTuple};

use crate::callables;
use crate::end;
use crate::exchange::Exchange;
use crate::reactor::Reactor;

pub struct Tasks {
    task_type: Py<PyAny>,
    options: Py<PyDict>,
}

impl Tasks {
    pub fn new(event_loop: &Bound<'_, PyAny>) -> PyResult<Self> {
        let py = event_loop.py();
        let options = PyDict::new(py);
        options.set_item("loop", event_loop)?;
        if py.version_info() >= (3, 12) {
            options.set_item("eager_start", true)?;
        } else {
            // Without a name 3.11 formats one, for 1000 instructions; later versions do so only when asked.
            options.set_item("name", "asgate-request")?;
        }
        Ok(Self { task_type: py.import("asyncio")?.getattr("Task")?.unbind(), options: options.unbind() })
    }
}

/// Calls `application(scope, receive, send)` and runs what it returns.
pub fn start(slf: &Bound<'_, Reactor>, exchange: &Bound<'_, Exchange>) -> PyResult<()> {
    let py = slf.py();
    let this = slf.get();
    let coroutine = match call(this, exchange) {
        Ok(coroutine) => coroutine,
        Err(error) => return end::finish(exchange, Err(error)),
    };
    let run = Py::new(py, Run { coroutine, exchange: exchange.clone().unbind() })?;
    let arguments = PyTuple::new(py, [run])?;
    let task = this.tasks.task_type.bind(py).call(arguments, Some(this.tasks.options.bind(py)))?;
    let mut inner = exchange.get().state.lock()?;
    if inner.over {
        return Ok(());
    }
    let mut state = this.state.lock()?;
    inner.listed = Some(state.running.insert(exchange.clone().unbind()));
    inner.task = Some(task.unbind());
    Ok(())
}

/// The application's coroutine, or the iterator of whatever else it returned to be awaited (ASGI-001).
fn call(reactor: &Reactor, exchange: &Bound<'_, Exchange>) -> PyResult<Py<PyAny>> {
    let py = exchange.py();
    let scope = exchange.get().state.lock()?.scope.clone_ref(py);
    let receive = callables::receive_of(exchange)?;
    let send = callables::send_of(exchange)?;
    let result = reactor.application.bind(py).call1((scope, receive, send))?;
    // SAFETY: `result` is a live object.
    if unsafe { ffi::PyCoro_CheckExact(result.as_ptr()) } != 0 {
        return Ok(result.unbind());
    }
    match result.call_method0("__await__") {
        Ok(iterator) => Ok(iterator.unbind()),
        Err(_) => Err(PyTypeError::new_err(format!(
            "the application returned {}, which cannot be awaited: is it an `async def` (ASGI-001)? An ASGI 2 application \
             (`app(scope)`) needs `--interface asgi2`",
            result.get_type()
        ))),
    }
}

#[pyclass(frozen, module = "asgate._core")]
pub struct Run {
    coroutine: Py<PyAny>,
    exchange: Py<Exchange>,
}

impl Run {
    /// What a step of the application came to: a value that the task waits for, or the end.
    fn outcome(&self, py: Python<'_>, stepped: PyResult<Option<Py<PyAny>>>) -> PyResult<Option<Py<PyAny>>> {
        match stepped {
            Ok(Some(waits_for)) => Ok(Some(waits_for)),
            Ok(None) => end::finish(self.exchange.bind(py), Ok(())).map(|()| None),
            Err(error) => end::finish(self.exchange.bind(py), Err(error)).map(|()| None),
        }
    }
}

#[pymethods]
impl Run {
    fn __await__(slf: Py<Self>) -> Py<Self> {
        slf
    }

    fn __iter__(slf: Py<Self>) -> Py<Self> {
        slf
    }

    fn __next__(&self, py: Python<'_>) -> PyResult<Option<Py<PyAny>>> {
        let mut value: *mut ffi::PyObject = ptr::null_mut();
        // SAFETY: both objects are alive, and `value` receives a new reference or null.
        let result = unsafe { ffi::PyIter_Send(self.coroutine.as_ptr(), ffi::Py_None(), &raw mut value) };
        // SAFETY: see above: the reference that was handed out is ours.
        let value = unsafe { Bound::from_owned_ptr_or_opt(py, value) };
        let stepped = match result {
            ffi::PySendResult::PYGEN_NEXT => Ok(value.map(Bound::unbind)),
            ffi::PySendResult::PYGEN_RETURN => Ok(None),
            ffi::PySendResult::PYGEN_ERROR => Err(PyErr::fetch(py)),
        };
        self.outcome(py, stepped)
    }

    #[pyo3(signature = (_value, /))]
    fn send(&self, py: Python<'_>, _value: &Bound<'_, PyAny>) -> PyResult<Py<PyAny>> {
        self.__next__(py)?.ok_or_else(|| PyStopIteration::new_err(()))
    }

    /// Cancellation arrives here.
    #[pyo3(signature = (*arguments))]
    fn throw(&self, py: Python<'_>, arguments: &Bound<'_, PyTuple>) -> PyResult<Py<PyAny>> {
        let stepped = match self.coroutine.bind(py).getattr("throw").and_then(|throw| throw.call1(arguments)) {
            Ok(waits_for) => Ok(Some(waits_for.unbind())),
            Err(error) if error.is_instance_of::<PyStopIteration>(py) => Ok(None),
            Err(error) => Err(error),
        };
        self.outcome(py, stepped)?.ok_or_else(|| PyStopIteration::new_err(()))
    }

    fn close(&self, py: Python<'_>) -> PyResult<()> {
        self.coroutine.bind(py).call_method0("close")?;
        Ok(())
    }

    /// Debuggers and anyio look at `cr_frame`, `cr_running`, `cr_await` …: they see the application's coroutine.
    fn __getattr__<'py>(&self, py: Python<'py>, name: &str) -> PyResult<Bound<'py, PyAny>> {
        self.coroutine.bind(py).getattr(name)
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        visit.call(&self.coroutine)?;
        visit.call(&self.exchange)
    }
}
