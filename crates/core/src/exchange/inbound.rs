//! The request on its way in: body bytes from the connection (`push_body`) until the application takes them
//! (`poll_receive`). What waits here is bounded: a full exchange pauses its connection.

use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict};
use wire::Command;

use crate::exchange::{EVENT_COST, Exchange, Phase, Polled, command, end, websocket};
use crate::keys::Keys;
use crate::reactor;
use crate::reactor::input;

/// The request body between the connection and `receive`.
#[derive(Default)]
pub struct Inbound {
    first: Option<Py<PyBytes>>,
    rest: Vec<u8>,
    /// All of the body has come in.
    ended: bool,
    /// The application was told so: exactly once (ASGI-088).
    told: bool,
}

impl Inbound {
    pub fn new(has_body: bool) -> Self {
        Self { ended: !has_body, ..Self::default() }
    }

    fn push(&mut self, py: Python<'_>, bytes: &[u8], end: bool) {
        if self.first.is_none() && self.rest.is_empty() {
            if !bytes.is_empty() {
                self.first = Some(PyBytes::new(py, bytes).unbind());
            }
        } else {
            self.rest.extend_from_slice(bytes);
        }
        self.ended |= end;
    }

    fn waiting(&self, py: Python<'_>) -> usize {
        self.first.as_ref().map_or(0, |first| first.as_bytes(py).len()) + self.rest.len()
    }

    /// The next piece and whether more will follow.
    fn take<'py>(&mut self, py: Python<'py>) -> Option<(Bound<'py, PyBytes>, bool)> {
        if self.told {
            return None;
        }
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

impl Exchange {
    /// Body bytes from the connection. Returns whether the connection should stop reading for now.
    pub fn push_body(&self, py: Python<'_>, bytes: &[u8], end: bool, limit: usize) -> PyResult<bool> {
        let (waiters, full) = {
            let mut state = self.state.lock()?;
            state.inbound.push(py, bytes, end);
            state.streak += EVENT_COST;
            let full = !state.inbound.ended && state.inbound.waiting(py) >= limit;
            (state.waiters.take(), full)
        };
        waiters.wake(py);
        Ok(full)
    }

    /// The next event, if there is one now.
    pub fn poll_receive<'py>(slf: &Bound<'py, Self>) -> PyResult<Polled<'py>> {
        let this = slf.get();
        if this.websocket {
            return websocket::inbound::poll(slf);
        }
        if this.state.lock()?.gives_way() {
            return Ok(Polled::Turn);
        }
        if let Some(event) = Self::ready_event(slf)? {
            return Ok(Polled::Event(event));
        }
        Self::ask_for_body(slf)?;
        let pulled = input::pull(this.reactor.bind(slf.py()), this.key)?;
        // Framing counts, too: an upload of one-byte chunks is mostly that.
        this.state.lock()?.streak += pulled;
        // Asking, too, may have brought news: a client that is gone.
        if let Some(event) = Self::ready_event(slf)? {
            return Ok(Polled::Event(event));
        }
        input::look_later(this.reactor.bind(slf.py()), this.key)?;
        Ok(Polled::Pending)
    }

    #[inline]
    fn ready_event<'py>(exchange: &Bound<'py, Self>) -> PyResult<Option<Bound<'py, PyDict>>> {
        let (this, py) = (exchange.get(), exchange.py());
        let (piece, gone, overlooked) = {
            let mut state = this.state.lock()?;
            state.last_active = reactor::now(this.reactor.get())?;
            let complete = matches!(state.phase, Phase::Complete);
            let piece = if complete { None } else { state.inbound.take(py) };
            let gone = complete || state.gone;
            let overlooked = match &piece {
                Some((piece, _)) => {
                    state.streak += piece.as_bytes().len() + EVENT_COST;
                    false
                }
                None => gone && state.tells_end(),
            };
            (piece, gone, overlooked)
        };
        if overlooked {
            end::overlooked(exchange, "http.disconnect (ASGI-095)")?;
        }
        match piece {
            Some((piece, more)) => {
                if more {
                    input::resume_reading(this.reactor.bind(py), this.key)?;
                }
                request_event(piece, more).map(Some)
            }
            None if gone => disconnect_event(py).map(Some),
            None => Ok(None),
        }
    }

    /// `100 Continue`, once, when the application first asks for a body that has not come (ASGI-092).
    fn ask_for_body(slf: &Bound<'_, Self>) -> PyResult<()> {
        let ask = std::mem::take(&mut slf.get().state.lock()?.expects_continue);
        if ask { command::write(slf, Command::Continue) } else { Ok(()) }
    }
}

fn request_event(piece: Bound<'_, PyBytes>, more: bool) -> PyResult<Bound<'_, PyDict>> {
    let py = piece.py();
    let keys = Keys::of(py);
    let event = PyDict::new(py);
    event.set_item(&keys.kind, &keys.http_request)?;
    event.set_item(&keys.body, piece)?;
    event.set_item(&keys.more_body, more)?;
    Ok(event)
}

fn disconnect_event(py: Python<'_>) -> PyResult<Bound<'_, PyDict>> {
    let keys = Keys::of(py);
    let event = PyDict::new(py);
    event.set_item(&keys.kind, &keys.http_disconnect)?;
    Ok(event)
}
