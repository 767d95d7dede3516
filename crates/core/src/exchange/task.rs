//! Starts applications, each as a real `asyncio.Task`: eagerly where Python can (3.12), through the loop's queue before.
//! What the task runs is the [`Exchange`], which passes for a coroutine: it steps the application's own and sees its end
//! at once. So no callback has to travel through the loop, and nothing that an application raises ever reaches it
//! (ASGI-020, ASGI-025).

use std::ptr;

use pyo3::exceptions::{PyAttributeError, PyRuntimeError, PyStopIteration, PyTypeError};
use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyDict, PyString, PyTuple};

use crate::exchange::Exchange;
use crate::exchange::callables;
use crate::exchange::end;
use crate::reactor::Reactor;

pub struct Tasks {
    task_type: Py<PyAny>,
    options: Py<PyDict>,
    /// Tasks take their first step at once.
    pub eager: bool,
}

impl Tasks {
    pub fn new(event_loop: &Bound<'_, PyAny>) -> PyResult<Self> {
        let py = event_loop.py();
        let options = PyDict::new(py);
        options.set_item("loop", event_loop)?;
        let eager = py.version_info() >= (3, 12);
        if eager {
            options.set_item("eager_start", true)?;
        } else {
            // Without a name 3.11 formats one, for 1000 instructions; later versions do so only when asked.
            options.set_item("name", "asgate-request")?;
        }
        Ok(Self { task_type: py.import("asyncio")?.getattr("Task")?.unbind(), options: options.unbind(), eager })
    }
}

/// Makes the task. The application is called in its first step: whatever it does before it returns a coroutine happens
/// in the task and in the request's own context, too.
pub fn start(slf: &Bound<'_, Reactor>, exchange: &Bound<'_, Exchange>) -> PyResult<()> {
    let py = slf.py();
    let this = slf.get();
    if !this.tasks.eager {
        exchange.get().state.lock()?.unstarted = true;
        this.state.lock()?.unstarted += 1;
    }
    let arguments = PyTuple::new(py, [exchange])?;
    let running = std::mem::replace(&mut this.state.lock()?.steps.running, true);
    let made = this.tasks.task_type.bind(py).call(arguments, Some(this.tasks.options.bind(py)));
    this.state.lock()?.steps.running = running;
    let task = match made {
        Ok(task) => task,
        Err(error) => return end::finish(exchange, Err(error)),
    };
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
fn call<'py>(exchange: &Bound<'py, Exchange>) -> PyResult<Bound<'py, PyAny>> {
    let py = exchange.py();
    let reactor = exchange.get().reactor.get();
    let scope = exchange.get().state.lock()?.scope.clone_ref(py);
    let receive = callables::receive_of(exchange)?;
    let send = callables::send_of(exchange)?;
    let result = reactor.application.bind(py).call1((scope, receive, send))?;
    // SAFETY: `result` is a live object.
    if unsafe { ffi::PyCoro_CheckExact(result.as_ptr()) } != 0 {
        return kept(exchange, result);
    }
    match awaited(&result) {
        Ok(iterator) => kept(exchange, iterator),
        Err(_) => Err(PyTypeError::new_err(format!(
            "the application returned {}, which cannot be awaited: is it an `async def` (ASGI-001)? An ASGI 2 application \
             (`app(scope)`) needs `--interface asgi2`",
            result.get_type()
        ))),
    }
}

fn kept<'py>(exchange: &Bound<'py, Exchange>, coroutine: Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
    exchange.get().state.lock()?.coroutine = Some(coroutine.clone().unbind());
    Ok(coroutine)
}

/// An awaitable's iterator; a generator marked by `types.coroutine` is its own.
fn awaited<'py>(result: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
    let awaitable = result.py().import("inspect")?.call_method1("isawaitable", (result,))?.is_truthy()?;
    match result.call_method0("__await__") {
        Err(_) if awaitable => Ok(result.clone()),
        iterator => iterator,
    }
}

/// One step of the application: what its task waits for, or None at its end.
pub fn step(exchange: &Bound<'_, Exchange>) -> PyResult<Option<Py<PyAny>>> {
    let py = exchange.py();
    let coroutine = match started(exchange)? {
        Some(coroutine) => coroutine,
        None => match call(exchange) {
            Ok(coroutine) => coroutine,
            Err(error) => return outcome(exchange, Err(error)),
        },
    };
    let mut value: *mut ffi::PyObject = ptr::null_mut();
    // SAFETY: both objects are alive, and `value` receives a new reference or null.
    let result = unsafe { ffi::PyIter_Send(coroutine.as_ptr(), ffi::Py_None(), &raw mut value) };
    // SAFETY: see above: the reference that was handed out is ours.
    let value = unsafe { Bound::from_owned_ptr_or_opt(py, value) };
    let stepped = match result {
        ffi::PySendResult::PYGEN_NEXT => Ok(value.map(Bound::unbind)),
        ffi::PySendResult::PYGEN_RETURN => Ok(None),
        ffi::PySendResult::PYGEN_ERROR => Err(PyErr::fetch(py)),
    };
    outcome(exchange, stepped)
}

/// An exception (cancellation) for the application: what it waits for then, or None at its end.
pub fn throw(exchange: &Bound<'_, Exchange>, arguments: &Bound<'_, PyTuple>) -> PyResult<Option<Py<PyAny>>> {
    let stepped = match started(exchange)? {
        // Cancelled before its first step: it never runs.
        None => Err(thrown(arguments)),
        Some(coroutine) => match coroutine.getattr("throw").and_then(|throw| throw.call1(arguments)) {
            Ok(waits_for) => Ok(Some(waits_for.unbind())),
            Err(error) if error.is_instance_of::<PyStopIteration>(exchange.py()) => Ok(None),
            Err(error) => Err(error),
        },
    };
    outcome(exchange, stepped)
}

fn thrown(arguments: &Bound<'_, PyTuple>) -> PyErr {
    match arguments.get_item(0) {
        Ok(exception) => PyErr::from_value(exception),
        Err(error) => error,
    }
}

/// The application's own coroutine, once it was called.
fn started<'py>(exchange: &Bound<'py, Exchange>) -> PyResult<Option<Bound<'py, PyAny>>> {
    let mut state = exchange.get().state.lock()?;
    if state.over {
        return Err(PyRuntimeError::new_err("cannot reuse an already awaited application"));
    }
    if std::mem::take(&mut state.unstarted) {
        exchange.get().reactor.get().state.lock()?.unstarted -= 1;
    }
    Ok(state.coroutine.as_ref().map(|coroutine| coroutine.bind(exchange.py()).clone()))
}

/// What debuggers, `repr(task)` and anyio ask of a coroutine (`cr_frame`, `cr_running`, `cr_await` …): the application's
/// answer, from whatever thread, or that of a finished coroutine.
pub fn attribute<'py>(exchange: &Bound<'py, Exchange>, name: &str) -> PyResult<Bound<'py, PyAny>> {
    let py = exchange.py();
    let inner = exchange.get().state.peek(|state| state.coroutine.as_ref().map(|coroutine| coroutine.clone_ref(py)));
    if let Some(Some(coroutine)) = inner {
        return coroutine.into_bound(py).getattr(name);
    }
    match name {
        "cr_running" | "cr_suspended" => Ok(PyBool::new(py, false).to_owned().into_any()),
        "cr_frame" | "cr_await" | "cr_origin" => Ok(py.None().into_bound(py)),
        "__name__" | "__qualname__" => Ok(PyString::new(py, "application").into_any()),
        _ => Err(PyAttributeError::new_err(format!("asgate's exchange has no attribute {name:?}"))),
    }
}

fn outcome(exchange: &Bound<'_, Exchange>, stepped: PyResult<Option<Py<PyAny>>>) -> PyResult<Option<Py<PyAny>>> {
    let result = match stepped {
        Ok(Some(waits_for)) => return Ok(Some(waits_for)),
        Ok(None) => Ok(()),
        Err(error) => Err(error),
    };
    end::finish(exchange, result).map(|()| None)
}
