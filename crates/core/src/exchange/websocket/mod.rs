//! The WebSocket side of an exchange (ASGI-130 to 188, 230 to 236): what is asked of the application, what it may
//! answer, and what it is told in the end. `message` reads what it sends, `command` carries that out, `inbound` holds
//! what has come for it, `end` ends the conversation from either side.
//!
//! ```text
//!                accept          the stop is told              its close
//!   Connecting ─────────▶ Open ─────────────────▶ Leaving ───────────────▶ Closed
//!        │                 └──────────────── its close ──────────────────────▲
//!        ├── close: 403 ─────────────────────────────────────────────────────┘
//!        └── websocket.http.response.start ──▶ Denying ── last body ──▶ Denied
//!
//!   from each of them, when the client closes or is lost: Gone
//! ```
//!
//! A denial goes the way of an HTTP response: `Phase` says how far it is.

pub mod command;
pub mod end;
pub mod inbound;
mod message;

use std::collections::VecDeque;

use pyo3::prelude::*;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    Connecting,
    /// A response in place of the WebSocket has begun (ASGI-232).
    Denying,
    Denied,
    Open,
    /// The application has heard that the server stops, and may close in its own words (ASGI-187).
    Leaving,
    /// The application has closed.
    Closed,
    /// The client has closed, or was lost. What it had sent before is still received.
    Gone,
}

/// What `websocket.disconnect` says (ASGI-176).
#[derive(Clone)]
pub struct Ending {
    pub code: u16,
    pub reason: String,
}

impl Ending {
    /// The connection was lost without a close frame, or never came to be (ASGI-152, ASGI-154, ASGI-177).
    pub const LOST: u16 = 1006;
    /// The server goes, and comes back: "Service Restart" of the registry that RFC 6455 section 11.7 opens (ASGI-187).
    pub const RESTART: u16 = 1012;

    pub fn new(code: u16, reason: impl Into<String>) -> Self {
        Self { code, reason: reason.into() }
    }
}

/// A message of the client that the application has not taken.
struct Waiting {
    text: bool,
    payload: Py<PyAny>,
    /// Bytes that it takes here: a text with an emoji has four for each of its characters.
    length: usize,
}

pub struct Socket {
    pub stage: Stage,
    /// `websocket.connect` was given (ASGI-145).
    introduced: bool,
    /// The application takes messages: it will come to hear of the end.
    listens: bool,
    /// The subprotocols that the client offers; empty once one was chosen.
    offered: Vec<String>,
    waiting: VecDeque<Waiting>,
    /// Bytes of all that waits.
    waiting_bytes: usize,
    /// What the application is told at the end, once that is known.
    ending: Option<Ending>,
    /// It was told.
    pub told: bool,
    /// The server stops.
    pub restarting: bool,
    /// Messages that have come since.
    late: usize,
}

impl Socket {
    pub fn new(offered: Vec<String>) -> Box<Self> {
        Box::new(Self {
            stage: Stage::Connecting,
            introduced: false,
            listens: false,
            offered,
            waiting: VecDeque::new(),
            waiting_bytes: 0,
            ending: None,
            told: false,
            restarting: false,
            late: 0,
        })
    }

    /// Nobody takes what waits any more.
    fn forget(&mut self) {
        self.waiting = VecDeque::new();
        self.waiting_bytes = 0;
    }

    /// What the application is told at the end. The last who knows is right, until it was told: then that is it.
    fn ends(&mut self, ending: Ending) {
        if !self.told {
            self.ending = Some(ending);
        }
    }

    /// How it has ended, as far as one knows.
    pub fn close_code(&self) -> u16 {
        self.ending.as_ref().map_or(Ending::LOST, |ending| ending.code)
    }

    /// The client is not there any more.
    pub fn left(&mut self) {
        if !matches!(self.stage, Stage::Closed | Stage::Denied) {
            self.stage = Stage::Gone;
        }
    }

    /// Whether the application may never notice that its client has gone: it takes no messages, and does not ask now.
    pub fn may_not_notice(&self) -> bool {
        !self.listens && !self.told && matches!(self.stage, Stage::Open | Stage::Leaving | Stage::Gone)
    }
}
