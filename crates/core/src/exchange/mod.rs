//! One ASGI conversation: an HTTP request, its application and its response. Holds the ASGI state machine. It knows its
//! connection only by key: commands go down through `command`, news come up through `push_body` (`inbound`),
//! `client_left` and the waiters.
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
pub mod fields;
pub mod files;
mod future;
mod inbound;
pub mod label;
mod memo;
pub mod message;
mod renewed;
pub mod scope;
pub mod task;
pub mod waiters;
pub mod websocket;

use pyo3::PyTraverseError;
use pyo3::exceptions::PyStopIteration;
use pyo3::gc::PyVisit;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyTuple};
use wire::{Command, Millis, StreamId};

use crate::cell::LoopCell;
use crate::errors::disconnected;
use crate::exchange::fields::Block;
use crate::exchange::inbound::Inbound;
use crate::exchange::waiters::Waiters;
use crate::exchange::websocket::Socket;
use crate::reactor::Reactor;
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

impl Held {
    fn command(&self, length: Option<u64>) -> Command<'_> {
        let Block { fields, bytes, .. } = &self.block;
        Command::Head { status: self.status, fields, base: bytes, length, trailers: self.trailers }
    }
}

pub enum Phase {
    Open,
    Held(Held),
    Streaming { trailers: bool },
    Trailers,
    Complete,
}

impl Phase {
    /// Behind the last body message.
    fn after_body(&self) -> Self {
        if matches!(self, Self::Streaming { trailers: true }) { Self::Trailers } else { Self::Complete }
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
    /// A `send` has raised because the client is gone, or the server going.
    pub refused: bool,
    /// The server cancelled the application (shutdown).
    pub cancelled: bool,
    pub head_only: bool,
    pub accepts_hints: bool,
    expects_continue: bool,
    inbound: Inbound,
    /// The other protocol's side, where this is a WebSocket.
    pub socket: Option<Box<Socket>>,
    /// Bytes taken or sent since the application last gave way to other tasks.
    streak: usize,
    /// How often it was told the end.
    ends: u16,
    waiters: Waiters,
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

    /// An application that takes event after event without ever waiting lets the other tasks of the loop go first now
    /// and then.
    fn gives_way(&mut self) -> bool {
        let due = self.streak >= STREAK_LIMIT;
        if due {
            self.streak = 0;
        }
        due
    }

    /// Counts that the end is told. Who overlooks it and asks for ever gives way each time: the loop's `select` between
    /// lets other threads have the GIL. Returns whether the log should say so.
    fn tells_end(&mut self) -> bool {
        self.ends = self.ends.saturating_add(1);
        self.streak += if self.ends > ENDS_AT_ONCE { STREAK_LIMIT } else { EVENT_COST };
        self.ends == ENDS_OVERLOOKED
    }

    /// Gives the place among the requests in flight, or among the WebSockets, back.
    pub fn uncount(&mut self, shared: &mut crate::reactor::state::State) {
        if std::mem::take(&mut self.counted) {
            *shared.places.of(self.socket.is_some()) -= 1;
        }
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
    pub websocket: bool,
    pub state: LoopCell<State>,
}

/// Python takes up to 512 bytes, with 48 of its own for an object of this kind, from a pool of its own; beyond that a
/// request costs one `malloc` more.
const _: () = assert!(std::mem::size_of::<Exchange>() <= 464);

/// What an exchange is born with.
pub struct Birth {
    pub key: usize,
    pub stream: StreamId,
    pub has_body: bool,
    pub expects_continue: bool,
    pub accepts_hints: bool,
    pub head_only: bool,
    pub socket: Option<Box<Socket>>,
    pub scope: Py<PyDict>,
    pub record: Record,
    pub now: Millis,
}

/// After so many bytes without a pause, other tasks of the loop get a turn: an application that only copies from a fast
/// client to a fast client must not starve them.
const STREAK_LIMIT: usize = 1 << 20;

/// What an event without a payload, or a piece of a body as it comes, counts.
const EVENT_COST: usize = 256;

/// So often the end is told without a turn for others before. Several parts of an application may ask, and some take only
/// what is there at once: Starlette's `is_disconnected` asks in a scope that is cancelled already.
const ENDS_AT_ONCE: u16 = 16;

/// So often the end is overlooked before the log says so: no application asks that often on purpose.
const ENDS_OVERLOOKED: u16 = 1000;

impl Exchange {
    pub fn new(reactor: Py<Reactor>, birth: Birth) -> Self {
        let websocket = birth.socket.is_some();
        let state = State {
            phase: Phase::Open,
            gone: false,
            cut_off: false,
            over: false,
            refused: false,
            cancelled: false,
            head_only: birth.head_only,
            accepts_hints: birth.accepts_hints,
            expects_continue: birth.expects_continue,
            inbound: Inbound::new(birth.has_body),
            socket: birth.socket,
            streak: 0,
            ends: 0,
            waiters: Waiters::default(),
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
        Self { reactor, key: birth.key, stream: birth.stream, websocket, state: LoopCell::new(state) }
    }

    /// The client is gone before the response was complete: every `receive` says so from now on (ASGI-095 to 097).
    pub fn client_left(slf: &Bound<'_, Self>) -> PyResult<()> {
        let (waiters, grace) = {
            let mut state = slf.get().state.lock()?;
            let state = &mut *state;
            let waiters = state.waiters.take();
            let streaming = matches!(state.phase, Phase::Streaming { .. } | Phase::Trailers);
            // Who asks is told, and who takes messages will be: it is not disturbed at its work.
            let unheard = match &mut state.socket {
                Some(socket) => {
                    let unheard = waiters.is_empty() && socket.may_not_notice();
                    socket.left();
                    unheard || streaming
                }
                None => streaming,
            };
            if !matches!(state.phase, Phase::Complete) {
                state.gone = true;
            }
            (waiters, unheard && !state.over)
        };
        waiters.wake(slf.py());
        if grace {
            crate::exchange::end::watch_departed(slf)?;
        }
        Ok(())
    }

    /// Whether at most `level` bytes wait to be written (ASGI-118).
    pub fn poll_room<'py>(slf: &Bound<'py, Self>, level: u64) -> PyResult<Polled<'py>> {
        let this = slf.get();
        {
            let mut state = this.state.lock()?;
            if state.gone || state.cut_off {
                let raises = this.reactor.get().settings.late_send_raises;
                state.refused |= raises;
                return if raises { Err(disconnected()) } else { Ok(Polled::Finished) };
            }
        }
        match output::waiting_to_be_written(this.reactor.get(), this.key)? {
            Some(waiting) if waiting > level => Ok(Polled::Pending),
            _ => Ok(Polled::Finished),
        }
    }

    /// Counts what was sent; tells whether the application should give way before it goes on.
    pub fn count_sent(&self, length: usize) -> PyResult<bool> {
        let mut state = self.state.lock()?;
        state.streak += length + EVENT_COST;
        Ok(state.gives_way())
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
                // Not the record: what it keeps for the access log are plain values, which lead nowhere.
                state.waiters.traverse(&visit)
            })
            .unwrap_or(Ok(()))
    }

    fn __clear__(&self) {
        if let Ok(mut state) = self.state.lock() {
            let garbage = (state.coroutine.take(), state.task.take(), state.watch.take(), state.waiters.take());
            drop(state);
            drop(garbage);
        }
    }
}
