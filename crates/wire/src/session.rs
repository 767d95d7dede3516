//! Picks the protocol of a connection and speaks to it with one set of verbs. The only file that knows them all: here a
//! request that asks for a WebSocket is told from others, and here its connection changes hands.

use crate::error::Error;
use crate::event::{Command, Event, Received, Sink, Status, StreamId};
use crate::headers::Fields;
use crate::http1;
use crate::limits::{Limits, Millis};
use crate::websocket::{self, Offer};

/// One connection's protocol state.
///
/// * input: [`receive`](Self::receive), [`receive_eof`](Self::receive_eof), [`wants_input`](Self::wants_input)
/// * output: [`send`](Self::send), [`abort`](Self::abort), [`refuse`](Self::refuse), [`close`](Self::close)
/// * time: [`next_timeout`](Self::next_timeout), [`handle_timeout`](Self::handle_timeout)
pub enum Session {
    /// With the handshake that is to be answered, if there is one.
    Http1(http1::Connection, Option<Offer>),
    WebSocket(websocket::Connection),
}

impl Session {
    #[must_use]
    pub fn http1(now: Millis) -> Self {
        Self::Http1(http1::Connection::new(now), None)
    }

    /// Feeds input; gives at most one event. Call again with what is left until `event` is None; there may be `more` then,
    /// which can wait for its turn.
    ///
    /// `fields` is scratch of the driver's: it holds the header fields when the event is a request or a handshake.
    /// `input` is unmasked in place where a WebSocket consumes it; what is not consumed stays as it is.
    ///
    /// # Errors
    /// `Peer` when the input breaks the protocol or a limit: answer with [`refuse`](Self::refuse), then close.
    #[inline]
    pub fn receive<'a>(
        &mut self,
        input: &'a mut [u8],
        fields: &mut Fields,
        limits: &Limits,
        now: Millis,
    ) -> Result<Received<'a>, Error> {
        match self {
            Self::Http1(machine, offer) => {
                let received = machine.receive(input, fields, limits, now)?;
                if machine.asks_upgrade() && limits.websocket {
                    return handshake(machine, offer, received, fields, limits);
                }
                Ok(received)
            }
            Self::WebSocket(machine) => machine.receive(input, limits, now),
        }
    }

    /// The peer will send nothing more. Gives `Reset` when that cut a message, a handshake or a WebSocket short, which an
    /// exchange must be told.
    pub fn receive_eof(&mut self) -> Option<Event<'static>> {
        match self {
            Self::Http1(machine, offer) => {
                let cut = offer.take().map(|_| Event::Reset { stream: machine.stream() });
                machine.receive_eof().or(cut)
            }
            Self::WebSocket(machine) => machine.receive_eof(),
        }
    }

    /// Whether it has become a WebSocket: input and output are independent of each other then.
    #[must_use]
    #[inline]
    pub fn is_websocket(&self) -> bool {
        matches!(self, Self::WebSocket(_))
    }

    /// Whether more input could be used now. False while an HTTP/1.1 answer is outstanding and its request complete.
    #[must_use]
    pub fn wants_input(&self) -> bool {
        match self {
            Self::Http1(machine, _) => machine.wants_input(),
            Self::WebSocket(machine) => machine.wants_input(),
        }
    }

    /// Tells whether the driver reads at the moment: other time is not held against the peer, neither for its body rate nor
    /// for a pong.
    pub fn set_reading(&mut self, reading: bool, now: Millis) {
        match self {
            Self::Http1(machine, _) => machine.set_reading(reading, now),
            Self::WebSocket(machine) => machine.set_reading(reading, now),
        }
    }

    /// Tells whether all that was sent is written. Before that a WebSocket is not pinged, and its peer owes no answer to a
    /// ping or a close frame: they lie behind what it has to read, and who reads is there.
    pub fn set_flushed(&mut self, flushed: bool, now: Millis) {
        match self {
            Self::Http1(..) => {}
            Self::WebSocket(machine) => machine.set_flushed(flushed, now),
        }
    }

    /// Tells that the peer has ended its side, where what came before was not all read yet. A WebSocket's peer is not
    /// pinged any more: it could not answer.
    pub fn peer_leaves(&mut self) {
        match self {
            Self::Http1(..) => {}
            Self::WebSocket(machine) => machine.peer_leaves(),
        }
    }

    /// Appends a command's bytes to `out`. After [`Command::Accept`] the session is a WebSocket.
    ///
    /// # Errors
    /// `Caller`: illegal here and now; nothing was written and nothing changed. [`Error::BODY_SHORT`] is one of them, and
    /// then only [`abort`](Self::abort) can end the response.
    #[inline]
    pub fn send(
        &mut self,
        stream: StreamId,
        command: Command<'_>,
        out: &mut impl Sink,
        now: Millis,
    ) -> Result<(), Error> {
        match (&mut *self, command) {
            (Self::WebSocket(machine), command) => machine.send(stream, command, out, now),
            (Self::Http1(machine, offer), Command::Accept { subprotocol, fields, base }) => {
                let Some(offer) = offer else {
                    return Err(Error::caller("There is no handshake to accept, or it was answered (ASGI-037)."));
                };
                let mut lines = Vec::new();
                offer.write_fields(subprotocol, &mut lines);
                machine.switch(stream, &lines, fields, base, out.bytes())?;
                *self = Self::WebSocket(websocket::Connection::new(stream, offer.deflate(), now));
                Ok(())
            }
            (Self::Http1(machine, offer), command) => {
                machine.send(stream, command, out, now)?;
                if let Command::Head { .. } = command {
                    *offer = None;
                }
                Ok(())
            }
        }
    }

    /// Ends a stream's response visibly short (ASGI-019): nothing more is written for it. A WebSocket ends without a
    /// close frame.
    pub fn abort(&mut self, stream: StreamId) {
        match self {
            Self::Http1(machine, offer) => {
                *offer = None;
                machine.abort(stream);
            }
            Self::WebSocket(machine) => machine.abort(stream),
        }
    }

    /// Answers a `Peer` error from [`receive`](Self::receive), where that is still possible; closes in any case.
    /// Writes one plain-text response with `error.status`, or nothing when a response had begun; on a WebSocket a close
    /// frame with that code. `fields` over `base` are those of the answer that only the driver knows (`date`, `server`).
    pub fn refuse(&mut self, error: &Error, fields: &Fields, base: &[u8], out: &mut impl Sink) {
        match self {
            Self::Http1(machine, offer) => {
                *offer = None;
                machine.refuse(error, websocket::upgrade_lines(error), (fields, base), out);
            }
            Self::WebSocket(machine) => machine.refuse(error, out),
        }
    }

    /// The end is near: what is answered from now on says so, but a request that is on its way is still taken.
    pub fn announce_end(&mut self) {
        match self {
            Self::Http1(machine, _) => machine.announce_end(),
            Self::WebSocket(_) => {}
        }
    }

    /// A request head that is begun has until `last` to become complete.
    pub fn hurry(&mut self, last: Millis) {
        match self {
            Self::Http1(machine, _) => machine.hurry(last),
            Self::WebSocket(_) => {}
        }
    }

    /// The polite end: no new request is taken, a running response says `Connection: close` if its head is not out yet.
    /// An open WebSocket is closed with [`Command::Close`]; one that was does not wait for the peer's answer any more.
    pub fn close(&mut self) {
        match self {
            Self::Http1(machine, _) => machine.close(),
            Self::WebSocket(machine) => machine.close(),
        }
    }

    #[must_use]
    #[inline]
    pub fn status(&self) -> Status {
        match self {
            Self::Http1(machine, _) => machine.status(),
            Self::WebSocket(machine) => machine.status(),
        }
    }

    /// Whether the connection must end with a reset, because a polite close would make an aborted response look complete.
    #[must_use]
    pub fn must_reset(&self) -> bool {
        match self {
            Self::Http1(machine, _) => machine.must_reset(),
            // What ends without a close frame looks like it (RFC 6455 section 7.1.5).
            Self::WebSocket(_) => false,
        }
    }

    /// When [`handle_timeout`](Self::handle_timeout) should be called, if nothing happens before.
    #[must_use]
    pub fn next_timeout(&self, limits: &Limits) -> Option<Millis> {
        match self {
            Self::Http1(machine, _) => machine.next_timeout(limits),
            Self::WebSocket(machine) => machine.next_timeout(limits),
        }
    }

    /// Time has passed. A WebSocket may write a ping.
    ///
    /// # Errors
    /// `Peer` when the peer was too slow: status 408, or 1011 for a ping that was not answered; 0 where nothing is said
    /// of it: an idle connection that is just closed, a close frame that was not answered.
    pub fn handle_timeout(&mut self, limits: &Limits, out: &mut impl Sink, now: Millis) -> Result<(), Error> {
        match self {
            Self::Http1(machine, _) => machine.handle_timeout(limits, now),
            Self::WebSocket(machine) => machine.handle_timeout(limits, out, now),
        }
    }
}

/// Looks at a request that asks to go on with another protocol.
#[cold]
fn handshake<'a>(
    machine: &mut http1::Connection,
    pending: &mut Option<Offer>,
    received: Received<'a>,
    fields: &Fields,
    limits: &Limits,
) -> Result<Received<'a>, Error> {
    let Received { consumed, event: Some(Event::Request { stream, head }), .. } = received else {
        return Ok(received);
    };
    match websocket::check(&head, fields, limits) {
        Ok(None) => Ok(received),
        Ok(offer) => {
            *pending = offer;
            // Unless it becomes a WebSocket, the connection ends with the answer (ASGI-233).
            machine.announce_end();
            Ok(Received { consumed, event: Some(Event::Handshake { stream, head }), more: false })
        }
        Err(error) => {
            machine.reject();
            Err(error)
        }
    }
}
