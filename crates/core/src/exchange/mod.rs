//! One ASGI conversation: an HTTP request, its application and its response. Holds the ASGI state machine and the
//! request body that the application has not taken yet. It knows its connection only by key: commands go down through
//! `command`, news come up through `push_body`, `client_left` and the waiters.
//!
//! ```text
//!            start                first body                last body
//!   Open ───────────▶ Held ───────────────────▶ Streaming ───────────▶ Complete
//!                      │  (head not on the wire,    │  trailers: True      ▲
//!                      │   a 500 is still possible) └──────▶ Trailers ─────┘
//! ```

pub mod awaitable;
mod callables;
pub mod command;
pub mod dispatch;
pub mod end;
pub mod files;
mod memo;
pub mod message;
pub mod scope;
pub mod task;

use pyo3::PyTraverseError;
use pyo3::exceptions::PyStopIteration;
use pyo3::gc::PyVisit;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyTuple};
use wire::{Command, Millis, StreamId};

use crate::cell::LoopCell;
use crate::errors::disconnected;
use crate::exchange::message::Block;
use crate::keys::Keys;
use crate::reactor;
use crate::reactor::Reactor;
use crate::reactor::connection::Source;
use crate::reactor::input;
use crate::reactor::output;
use crate::reactor::tally::Record;

/// A response head that is not on the wire yet.
pub struct Held {
    pub status: u16,
    pub block: Block,
    pub trailers: bool,
    /// The application's own Content-Length.
    pub declared: Option<u64>,
}

pub enum Phase {
    Open,
    Held(Held),
    Streaming { trailers: bool },
    Trailers,
    Complete,
}

/// The request body between the connection and `receive`.
#[derive(Default)]
struct Inbound {
    first: Option<Py<PyBytes>>,
    rest: Vec<u8>,
    /// All of the body has come in.
    ended: bool,
    /// The application was told so: exactly once (ASGI-088).
    told: bool,
}

impl Inbound {
    fn waiting(&self, py: Python<'_>) -> usize {
        self.first.as_ref().map_or(0, |first| first.as_bytes(py).len()) + self.rest.len()
    }

    /// The next piece and whether more will follow.
    fn take<'py>(&mut self, py: Python<'py>) -> Option<(Bound<'py, PyBytes>, bool)> {
        let piece = match self.first.take() {
            Some(first) => first.into_bound(py),
            None if !self.rest.is_empty() => {
                let piece = PyBytes::new(py, &self.rest);
                self.rest = Vec::new();
                piece
            }
            None if self.ended => Keys::of(py).empty_bytes.bind(py).clone(),
            None => return None,
        };
        self.told = self.ended && self.rest.is_empty();
        Some((piece, !self.told))
    }
}

pub struct State {
    pub phase: Phase,
    /// The client left, or the connection was given up, before the response was complete.
    pub gone: bool,
    /// The response was complete, but its last bytes never left.
    pub cut_off: bool,
    /// The application has ended.
    pub over: bool,
    /// The server cancelled the application (shutdown).
    pub cancelled: bool,
    pub head_only: bool,
    pub accepts_hints: bool,
    expects_continue: bool,
    inbound: Inbound,
    /// Bytes taken or sent since the application last gave way to other tasks.
    streak: usize,
    waiters: Vec<Py<PyAny>>,
    /// The loop has not taken the application's first step yet.
    pub unstarted: bool,
    /// The application's coroutine, from its start to its end.
    pub coroutine: Option<Py<PyAny>>,
    pub task: Option<Py<PyAny>>,
    /// The timer that watches over an application whose client has left.
    pub watch: Option<Py<PyAny>>,
    /// Where the reactor lists this exchange while its application runs.
    pub listed: Option<usize>,
    pub scope: Py<PyDict>,
    pub record: Record,
    pub last_active: Millis,
    pub born: Millis,
    /// Counts against the limit of requests in flight.
    pub counted: bool,
}

impl State {
    pub fn waits(&self) -> bool {
        !self.waiters.is_empty()
    }
}

/// What a poll of an awaitable found.
pub enum Polled<'py> {
    Event(Bound<'py, PyDict>),
    Finished,
    Pending,
    /// There may be something, but other tasks come first.
    Turn,
}

#[pyclass(frozen, module = "asgate._core")]
pub struct Exchange {
    pub reactor: Py<Reactor>,
    pub key: usize,
    pub stream: StreamId,
    pub state: LoopCell<State>,
}

/// What an exchange is born with.
pub struct Birth {
    pub key: usize,
    pub stream: StreamId,
    pub has_body: bool,
    pub expects_continue: bool,
    pub accepts_hints: bool,
    pub head_only: bool,
    pub scope: Py<PyDict>,
    pub record: Record,
    pub now: Millis,
}

/// After so many bytes without a pause, other tasks of the loop get a turn: an application that only copies from a fast
/// client to a fast client must not starve them.
const STREAK_LIMIT: usize = 1 << 20;

/// From so many waiters on, the cancelled ones are dropped whenever their number has doubled.
const WAITERS_CHECKED: usize = 16;

/// What an event without a payload counts.
const EVENT_COST: usize = 256;

impl Exchange {
    pub fn new(reactor: Py<Reactor>, birth: Birth) -> Self {
        let state = State {
            phase: Phase::Open,
            gone: false,
            cut_off: false,
            over: false,
            cancelled: false,
            head_only: birth.head_only,
            accepts_hints: birth.accepts_hints,
            expects_continue: birth.expects_continue,
            inbound: Inbound { ended: !birth.has_body, ..Inbound::default() },
            streak: 0,
            waiters: Vec::new(),
            unstarted: false,
            coroutine: None,
            task: None,
            watch: None,
            listed: None,
            scope: birth.scope,
            record: birth.record,
            last_active: birth.now,
            born: birth.now,
            counted: true,
        };
        Self { reactor, key: birth.key, stream: birth.stream, state: LoopCell::new(state) }
    }

    /// Body bytes from the connection. Returns whether the connection should stop reading for now.
    pub fn push_body(&self, py: Python<'_>, bytes: &[u8], end: bool, limit: usize) -> PyResult<bool> {
        let (waiters, full) = {
            let mut state = self.state.lock()?;
            let inbound = &mut state.inbound;
            if inbound.first.is_none() && inbound.rest.is_empty() {
                if !bytes.is_empty() {
                    inbound.first = Some(PyBytes::new(py, bytes).unbind());
                }
            } else {
                inbound.rest.extend_from_slice(bytes);
            }
            inbound.ended |= end;
            let full = !inbound.ended && inbound.waiting(py) >= limit;
            (std::mem::take(&mut state.waiters), full)
        };
        wake(py, waiters);
        Ok(full)
    }

    /// The client is gone before the response was complete: every `receive` says so from now on (ASGI-095 to 097).
    pub fn client_left(slf: &Bound<'_, Self>) -> PyResult<()> {
        let py = slf.py();
        let (waiters, grace) = {
            let mut state = slf.get().state.lock()?;
            let streaming = matches!(state.phase, Phase::Streaming { .. } | Phase::Trailers);
            if !matches!(state.phase, Phase::Complete) {
                state.gone = true;
            }
            (std::mem::take(&mut state.waiters), streaming && !state.over)
        };
        wake(py, waiters);
        if grace {
            crate::exchange::end::watch_departed(slf)?;
        }
        Ok(())
    }

    /// Lets everything that waits look again.
    pub fn wake(&self, py: Python<'_>) -> PyResult<()> {
        let waiters = std::mem::take(&mut self.state.lock()?.waiters);
        wake(py, waiters);
        Ok(())
    }

    /// The next event, if there is one now.
    pub fn poll_receive<'py>(slf: &Bound<'py, Self>) -> PyResult<Polled<'py>> {
        let this = slf.get();
        if this.must_give_way()? {
            return Ok(Polled::Turn);
        }
        if let Some(event) = this.ready_event(slf.py())? {
            return Ok(Polled::Event(event));
        }
        this.ask_for_body(slf)?;
        let pulled = input::pull(this.reactor.bind(slf.py()), this.key)?;
        // Framing counts, too: an upload of one-byte chunks is mostly that.
        this.state.lock()?.streak += pulled;
        // Asking, too, may have brought news: a client that is gone.
        if let Some(event) = this.ready_event(slf.py())? {
            return Ok(Polled::Event(event));
        }
        input::look_later(this.reactor.bind(slf.py()), this.key)?;
        Ok(Polled::Pending)
    }

    fn ready_event<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyDict>>> {
        let keys = Keys::of(py);
        let (piece, more) = {
            let mut state = self.state.lock()?;
            state.last_active = reactor::now(self.reactor.get())?;
            if matches!(state.phase, Phase::Complete) {
                state.streak += EVENT_COST;
                drop(state);
                return disconnect_event(py, keys).map(Some);
            }
            let piece = if state.inbound.told { None } else { state.inbound.take(py) };
            match piece {
                Some((piece, more)) => {
                    state.streak += piece.as_bytes().len() + EVENT_COST;
                    (piece, more)
                }
                None if state.gone => {
                    state.streak += EVENT_COST;
                    drop(state);
                    return disconnect_event(py, keys).map(Some);
                }
                None => return Ok(None),
            }
        };
        if more {
            input::resume_reading(self.reactor.bind(py), self.key)?;
        }
        let event = PyDict::new(py);
        event.set_item(&keys.kind, &keys.http_request)?;
        event.set_item(&keys.body, piece)?;
        event.set_item(&keys.more_body, more)?;
        Ok(Some(event))
    }

    /// `100 Continue`, once, when the application first asks for a body that has not come (ASGI-092).
    fn ask_for_body(&self, slf: &Bound<'_, Self>) -> PyResult<()> {
        let ask = std::mem::take(&mut self.state.lock()?.expects_continue);
        if ask {
            command::write(slf, Command::Continue, Source::None)?;
        }
        Ok(())
    }

    /// An application that takes event after event without ever waiting lets the other tasks of the loop go first now
    /// and then, even one that overlooks `http.disconnect` and asks for ever.
    fn must_give_way(&self) -> PyResult<bool> {
        let mut state = self.state.lock()?;
        let due = state.streak >= STREAK_LIMIT;
        if due {
            state.streak = 0;
        }
        Ok(due)
    }

    /// Whether at most `level` bytes wait to be written (ASGI-118).
    pub fn poll_room<'py>(slf: &Bound<'py, Self>, level: u64) -> PyResult<Polled<'py>> {
        let this = slf.get();
        {
            let state = this.state.lock()?;
            if state.gone || state.cut_off {
                let raises = this.reactor.get().settings.late_send_raises;
                return if raises { Err(disconnected()) } else { Ok(Polled::Finished) };
            }
        }
        match output::waiting_to_be_written(this.reactor.get(), this.key)? {
            Some(waiting) if waiting > level => Ok(Polled::Pending),
            _ => Ok(Polled::Finished),
        }
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
            state.waiters.push(future.clone_ref(py));
            let crowded = state.waiters.len() >= WAITERS_CHECKED && state.waiters.len().is_power_of_two();
            if crowded { std::mem::take(&mut state.waiters) } else { Vec::new() }
        };
        if !crowd.is_empty() {
            let mut waiting = still_waiting(py, crowd)?;
            this.state.lock()?.waiters.append(&mut waiting);
        }
        Ok(future)
    }

    /// Counts what was sent; tells whether the application should give way before it goes on.
    pub fn count_sent(&self, length: usize) -> PyResult<bool> {
        let mut state = self.state.lock()?;
        state.streak += length + EVENT_COST;
        if state.streak < STREAK_LIMIT {
            return Ok(false);
        }
        state.streak = 0;
        Ok(true)
    }
}

fn disconnect_event<'py>(py: Python<'py>, keys: &Keys) -> PyResult<Bound<'py, PyDict>> {
    let event = PyDict::new(py);
    event.set_item(&keys.kind, &keys.http_disconnect)?;
    Ok(event)
}

/// Without those that were cancelled: an application that polls with a time-out leaves one behind each time.
fn still_waiting(py: Python<'_>, waiters: Vec<Py<PyAny>>) -> PyResult<Vec<Py<PyAny>>> {
    let mut waiting = Vec::new();
    for waiter in waiters {
        if !waiter.bind(py).call_method0(&Keys::of(py).done)?.is_truthy()? {
            waiting.push(waiter);
        }
    }
    Ok(waiting)
}

/// Ends the futures that are still awaited. A cancelled one is done already.
fn wake(py: Python<'_>, waiters: Vec<Py<PyAny>>) {
    let keys = Keys::of(py);
    for waiter in waiters {
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

/// What a task needs to run the application through us (see `task`).
#[pymethods]
impl Exchange {
    fn __await__(slf: Py<Self>) -> Py<Self> {
        slf
    }

    fn __iter__(slf: Py<Self>) -> Py<Self> {
        slf
    }

    fn __next__(slf: &Bound<'_, Self>) -> PyResult<Option<Py<PyAny>>> {
        task::step(slf)
    }

    #[pyo3(signature = (_value, /))]
    fn send(slf: &Bound<'_, Self>, _value: &Bound<'_, PyAny>) -> PyResult<Py<PyAny>> {
        task::step(slf)?.ok_or_else(|| PyStopIteration::new_err(()))
    }

    #[pyo3(signature = (*arguments))]
    fn throw(slf: &Bound<'_, Self>, arguments: &Bound<'_, PyTuple>) -> PyResult<Py<PyAny>> {
        task::throw(slf, arguments)?.ok_or_else(|| PyStopIteration::new_err(()))
    }

    fn close(slf: &Bound<'_, Self>) -> PyResult<()> {
        let coroutine = slf.get().state.lock()?.coroutine.as_ref().map(|coroutine| coroutine.clone_ref(slf.py()));
        match coroutine {
            Some(coroutine) => coroutine.call_method0(slf.py(), "close").map(|_| ()),
            None => Ok(()),
        }
    }

    /// Debuggers and anyio look at `cr_frame`, `cr_running`, `cr_await` …: they see the application's coroutine.
    fn __getattr__<'py>(slf: &Bound<'py, Self>, name: &str) -> PyResult<Bound<'py, PyAny>> {
        task::attribute(slf, name)
    }

    /// The grace time of a departed client is over (see `end`).
    fn _overdue(slf: &Bound<'_, Self>) -> PyResult<()> {
        crate::exchange::end::overdue(slf)
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        visit.call(&self.reactor)?;
        self.state
            .peek(|state| {
                visit.call(&state.scope)?;
                visit.call(&state.coroutine)?;
                visit.call(&state.task)?;
                visit.call(&state.watch)?;
                state.waiters.iter().try_for_each(|waiter| visit.call(waiter))
            })
            .unwrap_or(Ok(()))
    }

    fn __clear__(&self) {
        if let Ok(mut state) = self.state.lock() {
            let garbage =
                (state.coroutine.take(), state.task.take(), state.watch.take(), std::mem::take(&mut state.waiters));
            drop(state);
            drop(garbage);
        }
    }
}
