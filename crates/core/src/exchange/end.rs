//! How exchanges end: an application that returned, raised or was cancelled, with or without a response; a client that
//! left and an application that does not notice.

use pyo3::exceptions::{PyBaseException, PyKeyboardInterrupt, PySystemExit};
use pyo3::prelude::*;

use crate::errors::{is_cancelled, is_disconnected};
use crate::exchange::command;
use crate::exchange::dispatch;
use crate::exchange::fields::Block;
use crate::exchange::label::Label;
use crate::exchange::websocket::{self, Stage};
use crate::exchange::{Exchange, Phase, State};
use crate::keys::Keys;
use crate::reactor;
use crate::reactor::Reactor;
use crate::reactor::observer::observe;
use crate::reactor::output;
use crate::reactor::tally;

const UNSENT: &str = "the application returned without sending a response (ASGI-018)";
const BODILESS: &str = "the application returned without http.response.body behind its http.response.start (ASGI-105)";
const PART: &str = "the application returned before its response was complete: it was cut short (ASGI-018)";
const TRAILERLESS: &str =
    "the application returned before its last http.response.trailers: the response was cut short (ASGI-285)";
const UNFINISHED: &str =
    "the application returned without websocket.http.response.body behind its websocket.http.response.start (ASGI-231)";
const UNANSWERED: &str = "the application returned without an answer to the handshake (ASGI-153)";

/// How far the response was when the application ended.
enum Reached {
    Nothing,
    Part,
    /// A WebSocket that is still open.
    Open,
    All,
    /// The client had left.
    Gone,
}

impl Reached {
    fn of(inner: &State) -> Self {
        let stage = inner.socket.as_ref().map(|socket| socket.stage);
        match (&inner.phase, stage) {
            (Phase::Complete, _) => Self::All,
            _ if inner.gone => Self::Gone,
            (_, Some(Stage::Open | Stage::Leaving)) => Self::Open,
            (_, Some(Stage::Closed | Stage::Denied)) => Self::All,
            (Phase::Open | Phase::Held(_), _) => Self::Nothing,
            (Phase::Streaming { .. } | Phase::Trailers, _) => Self::Part,
        }
    }
}

/// How the server's own end comes in.
struct Stopped {
    cancelled: bool,
    restarting: bool,
}

impl Stopped {
    fn by_us(&self) -> bool {
        self.cancelled || self.restarting
    }
}

/// The application has ended; its task ends with it.
pub fn finish(exchange: &Bound<'_, Exchange>, result: PyResult<()>) -> PyResult<()> {
    let this = exchange.get();
    let reactor = this.reactor.get();
    reactor::now(reactor)?;
    if reactor.state.lock()?.abandoned {
        // Our process was forked by the application, and its code has come to its end here.
        let error = result.as_ref().err().map(|error| with_traceback(exchange.py(), error));
        observe(this.reactor.bind(exchange.py()), "child_ended", (error,));
        return Ok(());
    }
    let (reached, stopped, garbage) = {
        let mut inner = this.state.lock()?;
        inner.over = true;
        let reached = Reached::of(&inner);
        let mut state = reactor.state.lock()?;
        let listed = inner.listed.take().and_then(|listed| state.running.remove(listed));
        let restarting = inner.socket.as_ref().is_some_and(|socket| socket.restarting);
        let stopped = Stopped { cancelled: inner.cancelled, restarting };
        (reached, stopped, (inner.task.take(), inner.coroutine.take(), listed))
    };
    tell(exchange, &reached, stopped.cancelled, result.as_ref().err())?;
    let answered = answer(exchange, &reached, result.is_err(), stopped.by_us());
    release(exchange, &reached)?;
    answered?;
    stop_watching(exchange)?;
    drop((result, garbage));
    crate::reactor::shutdown::tell_when_drained(this.reactor.bind(exchange.py()))
}

/// The server ends, and the application goes on: it was cancelled and takes no notice. Its client is told all the same.
pub fn leave_behind(exchange: &Bound<'_, Exchange>) -> PyResult<()> {
    let reached = Reached::of(&*exchange.get().state.lock()?);
    let answered = answer(exchange, &reached, false, true);
    release(exchange, &reached)?;
    stop_watching(exchange)?;
    answered
}

/// What the client gets where the application has not said its last word.
fn answer(exchange: &Bound<'_, Exchange>, reached: &Reached, raised: bool, stopped: bool) -> PyResult<()> {
    match reached {
        Reached::Nothing => fail(exchange, if stopped { 503 } else { 500 }),
        Reached::Open => websocket::end::returned(exchange, raised, stopped),
        Reached::Part => output::abort(exchange),
        Reached::All | Reached::Gone => Ok(()),
    }
}

/// SystemExit and KeyboardInterrupt, of the application or of a task of its own, end the server (ASGI-025), or the child
/// that it forked. Returns whether this is one.
pub fn quit(reactor: &Bound<'_, Reactor>, error: &PyErr) -> PyResult<bool> {
    let py = reactor.py();
    if !error.is_instance_of::<PySystemExit>(py) && !error.is_instance_of::<PyKeyboardInterrupt>(py) {
        return Ok(false);
    }
    let whose = if reactor.get().state.lock()?.abandoned { "child_ended" } else { "quit" };
    observe(reactor, whose, (with_traceback(py, error),));
    Ok(true)
}

/// The application asks for ever what has been answered.
#[cold]
pub fn overlooked(exchange: &Bound<'_, Exchange>, end: &str) -> PyResult<()> {
    let Label { method, path } = Label::of(exchange)?;
    let text = format!(
        "the application of {method} {path} goes on calling receive() after {end}: nothing else will come, let it leave \
         its loop there"
    );
    observe(exchange.get().reactor.bind(exchange.py()), "trouble", (text,));
    Ok(())
}

/// Tells the observer, unless there is nothing to tell (ASGI-016, ASGI-018, ASGI-035, ASGI-036, ASGI-285).
fn tell(exchange: &Bound<'_, Exchange>, reached: &Reached, cancelled: bool, error: Option<&PyErr>) -> PyResult<()> {
    let py = exchange.py();
    let reactor = exchange.get().reactor.bind(py);
    let (refused, owed) = {
        let inner = exchange.get().state.lock()?;
        // Of our own client. The news of another one's departure are an error of who lets them pass here.
        (inner.refused, owed(&inner, reached))
    };
    match error {
        Some(error) if quit(reactor, error)? => {}
        Some(error) if (matches!(reached, Reached::Gone) || refused) && is_disconnected(py, error) => {}
        Some(error) if is_cancelled(py, error)? && (cancelled || matches!(reached, Reached::Gone)) => {}
        Some(error) => {
            let scope = Label::of(exchange)?.into_scope(py)?;
            observe(reactor, "application_raised", (with_traceback(py, error), scope));
        }
        None if cancelled => {}
        None => {
            if let Some(owed) = owed {
                observe(reactor, "application_broke", (owed, Label::of(exchange)?.into_scope(py)?));
            }
        }
    }
    Ok(())
}

/// What an application that returns now has not done.
fn owed(inner: &State, reached: &Reached) -> Option<&'static str> {
    match (reached, &inner.socket) {
        (Reached::Part, _) if matches!(inner.phase, Phase::Trailers) => Some(TRAILERLESS),
        (Reached::Part, _) => Some(PART),
        (Reached::Nothing, None) if matches!(inner.phase, Phase::Held(_)) => Some(BODILESS),
        (Reached::Nothing, None) => Some(UNSENT),
        // Who has heard of the end owes no answer to the handshake.
        (Reached::Nothing, Some(socket)) if socket.told => None,
        (Reached::Nothing, Some(socket)) if socket.stage == Stage::Denying => Some(UNFINISHED),
        (Reached::Nothing, Some(_)) => Some(UNANSWERED),
        (Reached::All | Reached::Gone | Reached::Open, _) => None,
    }
}

/// The exception with its traceback, which Python 3.11 keeps apart.
fn with_traceback(py: Python<'_>, error: &PyErr) -> Py<PyBaseException> {
    error.clone_ref(py).into_value(py)
}

/// Nothing is on the wire: the client gets an answer, then the connection ends (ASGI-016, ASGI-017).
fn fail(exchange: &Bound<'_, Exchange>, status: u16) -> PyResult<()> {
    let this = exchange.get();
    let body: &[u8] = if status == 503 { b"Service Unavailable" } else { b"Internal Server Error" };
    {
        let mut inner = this.state.lock()?;
        inner.phase = Phase::Complete;
        inner.record.status = status;
        inner.record.sent = body.len() as u64;
    }
    let mut block = Block::default();
    block.push(b"content-type", b"text/plain; charset=utf-8");
    block.push(b"connection", b"close");
    let reactor = this.reactor.bind(exchange.py());
    dispatch::answer(reactor, this.key, this.stream, status, block, body)?;
    command::completed(exchange)
}

/// Frees the place among the requests in flight, and writes the access line of an exchange whose client left.
fn release(exchange: &Bound<'_, Exchange>, reached: &Reached) -> PyResult<()> {
    let this = exchange.get();
    this.state.lock()?.uncount(&mut *this.reactor.get().state.lock()?);
    match reached {
        Reached::Gone => tally::ended(exchange, "disconnected"),
        Reached::Part => tally::ended(exchange, "aborted"),
        Reached::Nothing | Reached::All | Reached::Open => Ok(()),
    }
}

/// The client of a response that has begun is gone: in a while we look whether the application has noticed.
pub fn watch_departed(exchange: &Bound<'_, Exchange>) -> PyResult<()> {
    let reactor = exchange.get().reactor.get();
    let grace = reactor.settings.disconnect_timeout;
    if grace == 0 {
        return Ok(());
    }
    exchange.get().state.lock()?.last_active = reactor::now(reactor)?;
    call_later(exchange, grace)
}

fn call_later(exchange: &Bound<'_, Exchange>, millis: u64) -> PyResult<()> {
    let py = exchange.py();
    let callback = exchange.getattr(pyo3::intern!(py, "_overdue"))?;
    let handle = exchange.get().reactor.get().call_later(py, millis as f64 / 1000.0, callback)?;
    let replaced = exchange.get().state.lock()?.watch.replace(handle);
    drop(replaced);
    Ok(())
}

fn stop_watching(exchange: &Bound<'_, Exchange>) -> PyResult<()> {
    let watch = exchange.get().state.lock()?.watch.take();
    match watch {
        Some(watch) => watch.call_method0(exchange.py(), &Keys::of(exchange.py()).cancel).map(|_| ()),
        None => Ok(()),
    }
}

/// Cancels an application that has neither sent nor received since its client left; otherwise looks again later. That of
/// a WebSocket is left alone if it has taken messages, or heard of the end: it may have much to put away.
pub fn overdue(exchange: &Bound<'_, Exchange>) -> PyResult<()> {
    let this = exchange.get();
    let reactor = this.reactor.get();
    let now = reactor::now(reactor)?;
    if reactor.state.lock()?.closed {
        return Ok(());
    }
    let (task, wait) = {
        let inner = this.state.lock()?;
        let heard = inner.socket.as_ref().is_some_and(|socket| !socket.may_not_notice());
        if inner.over || heard || matches!(inner.phase, Phase::Complete) {
            return Ok(());
        }
        let idle = now.saturating_sub(inner.last_active);
        let wait = reactor.settings.disconnect_timeout.saturating_sub(idle);
        let py = exchange.py();
        (inner.task.as_ref().map(|task| task.clone_ref(py)), wait)
    };
    if wait > 0 {
        return call_later(exchange, wait.max(1));
    }
    let py = exchange.py();
    if let Some(task) = task {
        task.call_method0(py, &Keys::of(py).cancel)?;
        observe(this.reactor.bind(py), "application_cancelled", (Label::of(exchange)?.into_scope(py)?,));
    }
    Ok(())
}
