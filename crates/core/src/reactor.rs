//! The reactor: one poller with one descriptor, which the event loop watches. `turn` serves a bounded batch of what is
//! ready, all on the loop's own thread; then the other tasks of the loop get their turn.

use std::os::fd::{BorrowedFd, RawFd};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use net::listener::Listener;
use net::poller::{Poller, Ready};
use net::slab::Slab;
use net::timers::Timers;
use pyo3::PyTraverseError;
use pyo3::gc::PyVisit;
use pyo3::prelude::*;
use pyo3::types::{IntoPyDict, PyDict};
use wire::{Fields, Millis};

use crate::accept::{self, Listening};
use crate::burst::{self, Slots};
use crate::cell::LoopCell;
use crate::connection::Connection;
use crate::exchange::Exchange;
use crate::flow;
use crate::keys::Keys;
use crate::message::Block;
use crate::scope::Scopes;
use crate::settings::Settings;
use crate::shutdown;
use crate::tally::Tally;
use crate::task::Tasks;

/// Listeners have the highest keys, connections those of the slab.
pub const LISTENER_KEYS: usize = usize::MAX - 1024;

/// Blocks of response fields that are kept for the next response.
const SPARE_BLOCKS: usize = 64;

/// Largest buffer of a kept block: a response with huge headers must not cost memory for ever.
const SPARE_BLOCK_SIZE: usize = 16 * 1024;

/// Room for one read. Large enough that a 16 KiB body comes with its head in one call and a fast upload in few.
const READ_SIZE: usize = 128 * 1024;

#[pyclass(frozen, module = "asgate._core")]
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

/// What changes. Locked for moments only, never while Python code runs.
pub struct State {
    pub poller: Poller,
    ready: Vec<Ready>,
    pub connections: Slab<Connection>,
    pub listeners: Vec<Option<Listening>>,
    /// Accepting waits: the connection limit is reached, or descriptors ran out (then until this moment).
    pub accept_paused: Option<Millis>,
    timers: Timers,
    due: Vec<usize>,
    /// The one receive buffer. Empty while it is in use.
    pub buffer: Vec<u8>,
    /// The receive buffers of a burst.
    pub slots: Slots,
    pub fields: Fields,
    /// Connections and listeners that could go on at once, but gave way to others.
    backlog: Vec<usize>,
    /// Connections whose output is collected until the application yields.
    dirty: Vec<usize>,
    /// The connection whose input is being looked at: what its applications send is written when they yield.
    pub dispatching: Option<usize>,
    in_turn: bool,
    /// A call of `turn` is in the loop's queue.
    scheduled: bool,
    /// When the loop's timer calls `turn`.
    alarm: Millis,
    pub turns: u64,
    born: Instant,
    pub now: Millis,
    pub defaults: Defaults,
    blocks: Vec<Block>,
    pub spare: Vec<Vec<u8>>,
    /// Exchanges whose application still runs.
    pub running: Slab<Py<Exchange>>,
    /// Requests whose response is not complete.
    pub in_flight: usize,
    pub requests: u64,
    pub tally: Tally,
    pub draining: bool,
    pub drained: bool,
}

/// The fields that every response gets unless the application sent its own (ASGI-119).
pub struct Defaults {
    date: [u8; 29],
    date_until: Millis,
}

impl Defaults {
    #[inline]
    pub fn append(&mut self, settings: &Settings, block: &mut Block, now: Millis) {
        if settings.server_header && !block.has_server {
            block.push(b"server", b"asgate");
            block.has_server = true;
        }
        if settings.date_header && !block.has_date {
            if now >= self.date_until {
                self.renew(now);
            }
            block.push(b"date", &self.date);
            block.has_date = true;
        }
        for (name, value) in &settings.headers {
            if !block.has(name) {
                block.push(name, value);
            }
        }
    }

    /// Once per second (RFC 9110 section 6.6.1).
    #[cold]
    fn renew(&mut self, now: Millis) {
        let wall = SystemTime::now();
        let text = httpdate::fmt_http_date(wall);
        if text.len() == self.date.len() {
            self.date.copy_from_slice(text.as_bytes());
        }
        let past = wall.duration_since(UNIX_EPOCH).map_or(0, |since| u64::from(since.subsec_millis()));
        self.date_until = now + 1000 - past;
    }
}

impl State {
    fn new(settings: &Settings) -> PyResult<Self> {
        let size = READ_SIZE.max(settings.wire.head_bytes + settings.pipeline_size);
        Ok(Self {
            poller: Poller::new(settings.batch)?,
            ready: Vec::with_capacity(settings.batch),
            connections: Slab::new(),
            listeners: Vec::new(),
            accept_paused: None,
            timers: Timers::new(0),
            due: Vec::new(),
            buffer: vec![0; size],
            slots: Slots::new(),
            fields: Fields::remembering(),
            backlog: Vec::new(),
            dirty: Vec::new(),
            dispatching: None,
            in_turn: false,
            scheduled: false,
            alarm: Millis::MAX,
            turns: 0,
            born: Instant::now(),
            now: 0,
            defaults: Defaults { date: [b' '; 29], date_until: 0 },
            blocks: Vec::new(),
            spare: Vec::new(),
            running: Slab::new(),
            in_flight: 0,
            requests: 0,
            tally: Tally::default(),
            draining: false,
            drained: false,
        })
    }

    /// Inside a turn the time of its beginning is good enough; elsewhere the clock is read.
    #[inline]
    pub fn refresh(&mut self) -> Millis {
        if !self.in_turn {
            self.now = self.born.elapsed().as_millis() as Millis;
        }
        self.now
    }

    pub fn micros(&self) -> u64 {
        self.born.elapsed().as_micros() as u64
    }

    /// Puts a connection (or listener) at the end of the queue for the next turn.
    pub fn queue(&mut self, key: usize) {
        if let Some(connection) = self.connections.get_mut(key) {
            if connection.queued {
                return;
            }
            connection.queued = true;
        } else if self.backlog.contains(&key) {
            return;
        }
        self.backlog.push(key);
    }

    pub fn mark_dirty(&mut self, key: usize) {
        self.dirty.push(key);
    }

    pub fn lend_block(&mut self) -> Block {
        self.blocks.pop().unwrap_or_default()
    }

    pub fn give_block(&mut self, mut block: Block) {
        if self.blocks.len() < SPARE_BLOCKS && block.bytes.capacity() <= SPARE_BLOCK_SIZE {
            block.clear();
            self.blocks.push(block);
        }
    }

    /// The wheel looks at this connection when its deadline comes; an earlier look that is already planned will do.
    pub fn arm(&mut self, key: usize, settings: &Settings) {
        let Some(connection) = self.connections.get_mut(key) else { return };
        if let Some(deadline) = connection.deadline(settings)
            && deadline < connection.alarm
        {
            connection.alarm = deadline;
            self.timers.insert(key, deadline);
        }
    }

    /// Looks again later, for a listener that waits.
    pub fn arm_at(&mut self, key: usize, at: Millis) {
        self.timers.insert(key, at);
    }
}

pub fn lend_block(reactor: &Reactor) -> PyResult<Block> {
    Ok(reactor.state.lock()?.lend_block())
}

/// One connection's or listener's share of a turn, with everything that can go wrong in it.
pub fn guarded(slf: &Bound<'_, Reactor>, key: usize, work: impl FnOnce() -> PyResult<()>) {
    match catch_unwind(AssertUnwindSafe(work)) {
        Ok(Ok(())) => {}
        Ok(Err(error)) => {
            error.write_unraisable(slf.py(), Some(slf.as_any()));
            flow::give_up(slf, key);
        }
        Err(_) => {
            let text = "a panic in asgate's core was caught and one connection closed: this is a bug of asgate, please \
                        report it with the lines that Rust printed above";
            shutdown::observe(slf, "trouble", (text,));
            flow::give_up(slf, key);
        }
    }
}

impl Reactor {
    /// Asks the loop to call `turn` soon, if it has not been asked already.
    pub fn schedule(slf: &Bound<'_, Self>) -> PyResult<()> {
        let this = slf.get();
        {
            let mut state = this.state.lock()?;
            if state.scheduled || state.in_turn {
                return Ok(());
            }
            state.scheduled = true;
        }
        let py = slf.py();
        let turn = slf.getattr(pyo3::intern!(py, "turn"))?;
        this.event_loop.call_method(py, &Keys::of(py).call_soon, (turn,), Some(this.in_our_context.bind(py)))?;
        Ok(())
    }

    pub fn call_later<'py>(&self, py: Python<'py>, seconds: f64, callback: Bound<'py, PyAny>) -> PyResult<()> {
        let context = self.in_our_context.bind(py);
        self.event_loop.call_method(py, &Keys::of(py).call_later, (seconds, callback), Some(context))?;
        Ok(())
    }

    /// Asks the loop to call `turn` when the next deadline comes, if that is earlier than what it was asked for.
    pub fn set_alarm(slf: &Bound<'_, Self>) -> PyResult<()> {
        let this = slf.get();
        let wait = {
            let mut state = this.state.lock()?;
            let Some(next) = state.timers.next() else { return Ok(()) };
            if next >= state.alarm {
                return Ok(());
            }
            state.alarm = next;
            next.saturating_sub(state.refresh())
        };
        let py = slf.py();
        this.call_later(py, wait as f64 / 1000.0 + 0.001, slf.getattr(pyo3::intern!(py, "turn"))?)
    }

    fn begin_turn(&self) -> PyResult<Option<Vec<Ready>>> {
        let mut state = self.state.lock()?;
        if state.in_turn {
            return Ok(None);
        }
        state.scheduled = false;
        state.refresh();
        if state.alarm <= state.now {
            state.alarm = Millis::MAX;
        }
        state.in_turn = true;
        state.turns += 1;
        let mut ready = std::mem::take(&mut state.ready);
        if let Err(error) = state.poller.poll(&mut ready) {
            state.in_turn = false;
            return Err(error.into());
        }
        Ok(Some(ready))
    }

    fn end_turn(slf: &Bound<'_, Self>, ready: Vec<Ready>) -> PyResult<()> {
        let more = {
            let mut state = slf.get().state.lock()?;
            state.ready = ready;
            state.in_turn = false;
            !state.backlog.is_empty() || !state.dirty.is_empty()
        };
        if more {
            Self::schedule(slf)?;
        }
        Self::set_alarm(slf)?;
        shutdown::tell_when_drained(slf)?;
        Tally::report(slf)
    }

    /// What was put off: collected output, connections that gave way, deadlines.
    fn serve_queues(slf: &Bound<'_, Self>, expired: bool) -> PyResult<()> {
        let (dirty, backlog, due) = {
            let mut state = slf.get().state.lock()?;
            let state = &mut *state;
            let mut due = std::mem::take(&mut state.due);
            due.clear();
            if expired {
                state.timers.expire(state.now, &mut due);
            }
            (std::mem::take(&mut state.dirty), std::mem::take(&mut state.backlog), due)
        };
        for key in dirty {
            guarded(slf, key, || flow::settle(slf, key));
        }
        for key in backlog {
            if key >= LISTENER_KEYS {
                guarded(slf, key, || accept::accept(slf, key));
            } else {
                guarded(slf, key, || flow::serve_queued(slf, key));
            }
        }
        for key in &due {
            if *key >= LISTENER_KEYS {
                guarded(slf, *key, || accept::accept(slf, *key));
            } else {
                guarded(slf, *key, || flow::expire(slf, *key));
            }
        }
        slf.get().state.lock()?.due = due;
        Ok(())
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
        let settings = Settings::read(settings)?;
        let inner = State::new(&settings)?;
        Ok(Self {
            application,
            observer,
            scopes: Scopes::new(py, &settings, state)?,
            tasks: Tasks::new(&event_loop)?,
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
        let Some(ready) = slf.get().begin_turn()? else { return Ok(()) };
        Self::serve_queues(slf, true)?;
        burst::serve(slf, &ready)?;
        Self::end_turn(slf, ready)
    }

    fn listen(slf: &Bound<'_, Self>, fd: RawFd) -> PyResult<()> {
        // SAFETY: only borrowed for the duplication, which fails cleanly if it is not open.
        let borrowed = unsafe { BorrowedFd::borrow_raw(fd) };
        let listener = Listener::from_fd(borrowed.try_clone_to_owned()?)?;
        accept::listen(slf, listener)
    }

    fn drain(slf: &Bound<'_, Self>) -> PyResult<()> {
        shutdown::drain(slf)
    }

    fn cancel(slf: &Bound<'_, Self>) -> PyResult<()> {
        shutdown::cancel(slf)
    }

    fn close(slf: &Bound<'_, Self>) -> PyResult<()> {
        shutdown::close(slf)
    }

    fn waiting_for(slf: &Bound<'_, Self>) -> PyResult<Vec<String>> {
        shutdown::waiting_for(slf)
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
