//! What of the reactor changes, and the small operations on it. Plain Rust: nothing here runs Python code.

use std::time::{Instant, SystemTime, UNIX_EPOCH};

use net::memory::{self, Tide};
use net::poller::{Poller, Ready};
use net::slab::Slab;
use net::timers::Timers;
use pyo3::prelude::*;
use wire::websocket::deflate;
use wire::{Fields, Millis};

use super::accept::Listening;
use super::burst::Slots;
use super::connection::Connection;
use super::tally::Tally;
use crate::exchange::Exchange;
use crate::exchange::fields::Block;
use crate::exchange::waiters::Steps;
use crate::settings::Settings;

/// Largest buffer of a kept block: a response with huge headers must not cost memory for ever.
const SPARE_BLOCK_SIZE: usize = 16 * 1024;

/// Blocks of response fields that are kept for the next response.
const SPARE_BLOCKS: usize = 64;

/// What an idle connection takes, with the Python objects of its client: an estimate.
const IDLE_CONNECTION: usize = 4 * 1024;

/// What changes. Locked for moments only, never while Python code runs.
pub struct State {
    pub poller: Poller,
    pub(super) ready: Vec<Ready>,
    pub connections: Slab<Connection>,
    pub listeners: Vec<Option<Listening>>,
    pub accepting: Accepting,
    pub(super) timers: Timers,
    pub(super) due: Vec<usize>,
    /// The one receive buffer. Empty while it is in use.
    pub buffer: Vec<u8>,
    /// The receive buffers of a burst.
    pub slots: Slots,
    pub fields: Fields,
    /// Connections and listeners that could go on at once, but gave way to others.
    pub(super) backlog: Vec<usize>,
    /// Connections whose output is collected until the application yields.
    pub(super) dirty: Vec<usize>,
    /// The connection whose input is being looked at: what its applications send is written when they yield.
    pub dispatching: Option<usize>,
    pub in_turn: bool,
    pub steps: Steps,
    /// A call of `_turn` is in the loop's queue.
    pub(super) scheduled: bool,
    /// When the loop's timer calls `turn`, and its handle.
    pub(super) alarm: Millis,
    pub(super) alarm_handle: Option<Py<PyAny>>,
    pub turns: u64,
    pub(super) born: Instant,
    pub now: Millis,
    pub defaults: Defaults,
    pub(super) blocks: Vec<Block>,
    pub spare: Vec<Vec<u8>>,
    /// Exchanges whose application still runs.
    pub running: Slab<Py<Exchange>>,
    /// Applications that the loop will start in its present round (before Python 3.12 a task cannot start at once).
    pub unstarted: usize,
    pub places: Places,
    tide: Tide,
    pub requests: u64,
    pub tally: Tally,
    /// We are a forked child: all this is the parent's.
    pub abandoned: bool,
    pub draining: bool,
    /// The end: no turn, no alarm.
    pub closed: bool,
    /// The grace time of a stop is over: a connection whose applications have ended goes, whatever it still has to say.
    pub cancelling: bool,
    pub drained: bool,
}

/// Whether new connections may come in.
#[derive(Default)]
pub struct Accepting {
    /// They wait: the connection limit is reached, or descriptors ran out (then until this moment).
    pub paused: Option<Millis>,
    /// A timer for another try is set.
    pub retry: bool,
    /// When exhaustion was last reported.
    pub told: Option<Millis>,
}

/// How many places are taken, of those that are limited.
#[derive(Default)]
pub struct Places {
    /// By requests whose response is not complete.
    pub requests: usize,
    /// By WebSockets whose application runs.
    pub websockets: usize,
}

impl Places {
    pub fn of(&mut self, websocket: bool) -> &mut usize {
        if websocket { &mut self.websockets } else { &mut self.requests }
    }
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
    pub(super) fn new(settings: &Settings) -> PyResult<Self> {
        Ok(Self {
            poller: Poller::new(settings.batch)?,
            ready: Vec::with_capacity(settings.batch),
            connections: Slab::new(),
            listeners: Vec::new(),
            accepting: Accepting::default(),
            timers: Timers::new(0),
            due: Vec::new(),
            buffer: vec![0; settings.read_size()],
            slots: Slots::new(),
            fields: Fields::remembering(),
            backlog: Vec::new(),
            dirty: Vec::new(),
            dispatching: None,
            in_turn: false,
            steps: Steps::default(),
            scheduled: false,
            alarm: Millis::MAX,
            alarm_handle: None,
            turns: 0,
            born: Instant::now(),
            now: 0,
            defaults: Defaults { date: [b' '; 29], date_until: 0 },
            blocks: Vec::new(),
            spare: Vec::new(),
            running: Slab::new(),
            unstarted: 0,
            places: Places::default(),
            tide: Tide::default(),
            requests: 0,
            tally: Tally::default(),
            abandoned: false,
            draining: false,
            closed: false,
            cancelling: false,
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

    /// Closed: memory that is needed no more goes now; somebody may keep the rest for long (a timer of the loop).
    pub fn close(&mut self) {
        self.closed = true;
        self.buffer = Vec::new();
        self.slots = Slots::new();
        self.spare = Vec::new();
        self.blocks = Vec::new();
    }

    pub fn lend_block(&mut self) -> Block {
        self.blocks.pop().unwrap_or_default()
    }

    #[inline]
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

    /// Something goes that a connection held, or all of it.
    pub fn before_ebb(&mut self) {
        self.tide.rises(self.held());
    }

    /// Looks whether so much has gone that it is worth while to give it back to the system. Deadlines are a good time
    /// for it: seldom, and for every connection one comes after its end.
    pub fn after_ebb(&mut self) {
        if self.tide.ebbs(self.held()) {
            memory::give_back();
        }
    }

    /// About how many bytes the connections hold between requests and messages.
    fn held(&self) -> usize {
        self.connections.len() * IDLE_CONNECTION + deflate::kept_memory()
    }

    /// Looks again later, for a listener that waits.
    pub fn arm_at(&mut self, key: usize, at: Millis) {
        self.timers.insert(key, at);
    }
}
