//! What has come for a WebSocket application: `websocket.connect`, the client's messages in their order, and the end.
//! What waits is bounded: a full queue pauses the connection, and TCP holds the client back (ASGI-168).

use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyString};

use super::{Ending, Socket, Stage, Waiting, end};
use crate::exchange::{EVENT_COST, Exchange, Polled};
use crate::keys::Keys;
use crate::reactor;
use crate::reactor::input;
use crate::settings::Settings;

impl Socket {
    /// Whether one more message is taken. While the server stops, no more than the queue holds: a client that is always
    /// ahead of the application must not keep the news from it.
    fn takes(&self, settings: &Settings) -> bool {
        self.stage == Stage::Open && !self.told && self.late < settings.message_queue
    }

    fn is_full(&self, settings: &Settings) -> bool {
        self.waiting.len() >= settings.message_queue || self.waiting_bytes >= settings.read_buffer
    }

    /// Half empty is early enough to go on reading, and late enough not to do so for each message.
    fn has_room(&self, settings: &Settings) -> bool {
        self.waiting.len() <= settings.message_queue / 2 && self.waiting_bytes <= settings.read_buffer / 2
    }
}

/// A message of the client, whole; `bytes` of a text are valid UTF-8. Returns whether the connection should stop reading.
pub fn push(exchange: &Exchange, py: Python<'_>, text: bool, bytes: &[u8]) -> PyResult<bool> {
    let (payload, length) = if text {
        let payload = PyString::from_bytes(py, bytes)?;
        // SAFETY: a string that Python itself has just made; only its size is looked at, while we hold it.
        let length = unsafe { payload.data() }?.as_bytes().len();
        (payload.into_any().unbind(), length)
    } else {
        (PyBytes::new(py, bytes).into_any().unbind(), bytes.len())
    };
    let settings = &exchange.reactor.get().settings;
    let (waiters, full) = {
        let mut state = exchange.state.lock()?;
        let full = match &mut state.socket {
            Some(socket) if socket.takes(settings) => {
                socket.waiting.push_back(Waiting { text, payload, length });
                socket.waiting_bytes += length;
                socket.late += usize::from(socket.restarting);
                socket.is_full(settings)
            }
            _ => return Ok(false),
        };
        (state.waiters.take(), full)
    };
    waiters.wake(py);
    Ok(full)
}

enum Next {
    Connect,
    /// `resumed`: there is room for more of them.
    Message {
        message: Waiting,
        resumed: bool,
    },
    /// `overlooked`: the log should say that the application takes no notice of it.
    End {
        ending: Ending,
        overlooked: bool,
    },
    /// The application has heard that the server stops, and asks on: it had its chance.
    Overdue,
    Nothing,
    /// There may be something, but other tasks come first.
    Turn,
}

/// Looks for the next event; asks the connection if there is none.
pub fn poll<'py>(exchange: &Bound<'py, Exchange>) -> PyResult<Polled<'py>> {
    let (this, reactor) = (exchange.get(), exchange.get().reactor.bind(exchange.py()));
    if let Some(polled) = look(exchange)? {
        return Ok(polled);
    }
    let pulled = input::pull(reactor, this.key)?;
    if pulled > 0 {
        // Framing counts, too: a flood of empty frames is mostly that.
        this.state.lock()?.streak += pulled;
        if let Some(polled) = look(exchange)? {
            return Ok(polled);
        }
    }
    input::look_later(reactor, this.key)?;
    Ok(Polled::Pending)
}

fn look<'py>(exchange: &Bound<'py, Exchange>) -> PyResult<Option<Polled<'py>>> {
    let py = exchange.py();
    let event = match next(exchange.get())? {
        Next::Nothing => return Ok(None),
        Next::Turn => return Ok(Some(Polled::Turn)),
        Next::Connect => event(py, &Keys::of(py).websocket_connect)?,
        Next::Message { message, resumed } => {
            if resumed {
                input::resume_reading(exchange.get().reactor.bind(py), exchange.get().key)?;
            }
            received(py, message)?
        }
        Next::End { ending, overlooked } => {
            if overlooked {
                crate::exchange::end::overlooked(exchange, "websocket.disconnect (ASGI-175)")?;
            }
            disconnect(py, &ending)?
        }
        Next::Overdue => {
            let ending = Ending::new(Ending::RESTART, "");
            end::close(exchange, ending.code, &ending.reason)?;
            disconnect(py, &ending)?
        }
    };
    Ok(Some(Polled::Event(event)))
}

fn next(exchange: &Exchange) -> PyResult<Next> {
    let reactor = exchange.reactor.get();
    let now = reactor::now(reactor)?;
    let mut state = exchange.state.lock()?;
    let state = &mut *state;
    if state.gives_way() {
        return Ok(Next::Turn);
    }
    state.last_active = now;
    let Some(socket) = &mut state.socket else { return Ok(Next::Nothing) };
    let mut next = socket.next(&reactor.settings);
    match &mut next {
        Next::Nothing | Next::Turn => {}
        Next::Message { message, .. } => state.streak += message.length + EVENT_COST,
        Next::Connect | Next::Overdue => state.streak += EVENT_COST,
        Next::End { overlooked, .. } => *overlooked = state.tells_end(),
    }
    Ok(next)
}

impl Socket {
    fn next(&mut self, settings: &Settings) -> Next {
        if !self.introduced {
            self.introduced = true;
            return Next::Connect;
        }
        if self.stage == Stage::Leaving {
            return Next::Overdue;
        }
        if !self.told
            && let Some(message) = self.waiting.pop_front()
        {
            self.listens = true;
            self.waiting_bytes -= message.length;
            return Next::Message { message, resumed: self.has_room(settings) };
        }
        let over = matches!(self.stage, Stage::Closed | Stage::Denied | Stage::Gone);
        let ending = match &self.ending {
            Some(ending) => ending.clone(),
            None if over => Ending::new(Ending::LOST, ""),
            None => return Next::Nothing,
        };
        self.told = true;
        self.ending = Some(ending.clone());
        if self.stage == Stage::Open {
            self.stage = Stage::Leaving; // the one end that is known before the WebSocket is over: ours
        }
        Next::End { ending, overlooked: false }
    }
}

fn event<'py>(py: Python<'py>, kind: &Py<PyString>) -> PyResult<Bound<'py, PyDict>> {
    let event = PyDict::new(py);
    event.set_item(&Keys::of(py).kind, kind)?;
    Ok(event)
}

/// Only the key that is set, as the applications of other servers expect it (AMB-10).
fn received(py: Python<'_>, message: Waiting) -> PyResult<Bound<'_, PyDict>> {
    let keys = Keys::of(py);
    let event = event(py, &keys.websocket_receive)?;
    event.set_item(if message.text { &keys.text } else { &keys.bytes }, message.payload)?;
    Ok(event)
}

fn disconnect<'py>(py: Python<'py>, ending: &Ending) -> PyResult<Bound<'py, PyDict>> {
    let keys = Keys::of(py);
    let event = event(py, &keys.websocket_disconnect)?;
    event.set_item(&keys.code, ending.code)?;
    event.set_item(&keys.reason, &ending.reason)?;
    Ok(event)
}
