//! One connection: socket, protocol, what waits to be written, and which exchanges run on it. Plain Rust: nothing here
//! runs Python code, so everything may happen while the reactor's state is locked.

use net::outlet::{Flush, Outlet};
use net::stream::{Read, Stream};
use pyo3::prelude::*;
use pyo3::types::PyDict;
use wire::{Command, Limits, Millis, Session, Status, StreamId};

use crate::exchange::Exchange;
use crate::exchange::fields::Block;
use crate::reactor::output::LAST_LINGER;
use crate::reactor::payload::{Chunk, Source, Writer};
use crate::settings::Settings;

/// Time for an application to take the rest of its body after the client has hung up, where no other is set.
const UNHEARD_GRACE: Millis = 30_000;

/// A client that was answered within this time may have its next request on the way.
const BUSY_LATELY: Millis = 1000;

/// Bytes written for one connection before the others get their turn.
const WRITE_BUDGET: u64 = 1 << 20;

/// What a flush left to do.
#[derive(Debug)]
pub enum Flushed {
    /// All is with the kernel.
    Done,
    /// The kernel takes no more now; a writable event will come.
    Full,
    /// More could be written at once, but others wait.
    Again,
    /// The connection is of no use any more, and why.
    Lost(&'static str),
}

impl Flushed {
    pub fn lost(self) -> Option<&'static str> {
        match self {
            Self::Lost(reason) => Some(reason),
            _ => None,
        }
    }
}

pub struct Connection {
    pub stream: Stream,
    pub session: Session,
    pub outlet: Outlet<Chunk>,
    /// Input that could not be used yet: part of a head, or pipelined requests.
    pub inbox: Vec<u8>,
    /// Exchanges whose response is not complete. HTTP/1.1 has one at most.
    pub exchanges: Vec<(StreamId, Py<Exchange>)>,
    /// Complete responses whose last bytes are not with the kernel yet: they are logged when they are.
    pub leaving: Vec<Py<Exchange>>,
    pub client: Option<Py<PyAny>>,
    /// What all scopes of its requests have in common.
    pub template: Py<PyDict>,
    /// Bytes that may wait to be written before a new request waits, too.
    write_buffer: u64,
    /// What the newest ping held that could not be answered yet.
    pub owed_pong: Option<(StreamId, Box<[u8]>)>,
    /// Bytes may be waiting in the kernel (edge-triggered: true until a read came back short).
    pub readable: bool,
    /// The peer has shut down its side; there may still be bytes before its end.
    pub hung_up: bool,
    /// When that was noticed, or when the application last took of its body since.
    hung_up_at: Millis,
    /// The end of input was read.
    pub ended: bool,
    /// Nothing can be written any more.
    pub broken: bool,
    /// The inbox can be looked at again, although nothing new was read.
    pub fresh: bool,
    /// What was looked at last was mostly the framing of a body, which costs more to read than the data.
    pub framed: bool,
    /// Exchanges whose `send` waits until less is waiting to be written.
    pub waiting_for_room: Vec<Py<Exchange>>,
    /// The turn in which the last request began.
    pub born: u64,
    /// The application is behind with its body: nothing is read.
    pub paused: bool,
    /// Input of this connection is being looked at further up the stack.
    pub digesting: bool,
    /// Output is collected until the application yields; a flush is scheduled.
    pub dirty: bool,
    /// In the backlog already.
    pub queued: bool,
    /// Our side is shut down; input is thrown away until then.
    pub linger_until: Option<Millis>,
    /// When something was last written.
    wrote_at: Millis,
    /// When output stopped flowing.
    pub stalled_since: Option<Millis>,
    /// When the timer wheel looks at this connection next.
    pub alarm: Millis,
}

impl Connection {
    pub fn new(
        stream: Stream,
        client: Option<Py<PyAny>>,
        template: Py<PyDict>,
        write_buffer: u64,
        now: Millis,
    ) -> Self {
        Self {
            stream,
            session: Session::http1(now),
            outlet: Outlet::new(),
            inbox: Vec::new(),
            exchanges: Vec::new(),
            leaving: Vec::new(),
            client,
            template,
            write_buffer,
            owed_pong: None,
            readable: false,
            hung_up: false,
            hung_up_at: 0,
            ended: false,
            broken: false,
            fresh: false,
            framed: false,
            waiting_for_room: Vec::new(),
            born: 0,
            paused: false,
            digesting: false,
            dirty: false,
            queued: false,
            linger_until: None,
            wrote_at: 0,
            stalled_since: None,
            alarm: Millis::MAX,
        }
    }

    pub fn exchange(&self, stream: StreamId) -> Option<&Py<Exchange>> {
        self.exchanges.iter().find(|(id, _)| *id == stream).map(|(_, exchange)| exchange)
    }

    /// Takes an exchange off the connection. The caller drops it where Python may run.
    pub fn take_exchange(&mut self, stream: StreamId) -> Option<Py<Exchange>> {
        let index = self.exchanges.iter().position(|(id, _)| *id == stream)?;
        Some(self.exchanges.swap_remove(index).1)
    }

    /// Takes one of the buffers that others have left, warm from their use.
    #[inline]
    pub fn borrow_buffer(&mut self, spare: &mut Vec<Vec<u8>>) {
        if self.outlet.is_empty()
            && let Some(buffer) = spare.pop()
        {
            self.outlet.reuse(buffer);
        }
    }

    /// Whether all that is left is the client's answer to the end of a WebSocket.
    pub fn owes_close(&self) -> bool {
        self.session.is_websocket() && self.exchanges.is_empty() && self.linger_until.is_none()
    }

    /// Whether input could be used now.
    pub fn wants_input(&self) -> bool {
        !self.paused && !self.is_crowded() && (self.linger_until.is_some() || self.session.wants_input())
    }

    /// A client that does not read its answers gets no further ones: the next request waits, however often it was sent.
    pub fn is_crowded(&self) -> bool {
        self.exchanges.is_empty() && self.has_much_to_write()
    }

    /// Whether nothing more can be taken in: answers, or messages, wait for somebody to take them.
    pub fn is_full(&self) -> bool {
        self.is_crowded() || (self.session.is_websocket() && self.paused)
    }

    /// Whether what was looked at last cost more time than its bytes tell.
    pub fn is_laborious(&self) -> bool {
        self.fresh || self.framed || self.session.is_websocket()
    }

    /// Whether so much waits to be written that nothing should be added unasked.
    pub fn has_much_to_write(&self) -> bool {
        self.outlet.len() > self.write_buffer
    }

    /// Whether what comes in starts something new, which does not belong to an application that reads it as it likes.
    pub fn between_answers(&self) -> bool {
        self.exchanges.is_empty() || self.session.is_websocket()
    }

    /// Whether reading could bring something that is useful now.
    pub fn wants_read(&self) -> bool {
        !self.ended && self.wants_input()
    }

    /// Whether there is something to look at: in the kernel, or kept from an earlier read.
    pub fn has_input(&self) -> bool {
        self.fresh || (self.readable && !self.ended)
    }

    /// One read behind what is in `buffer[..filled]`.
    pub fn read(&mut self, buffer: &mut [u8]) -> Read {
        let room = buffer.len();
        let read = self.stream.read(buffer);
        // A short read means that the kernel has no more (epoll(7), question 9), unless an end of input follows.
        self.readable = match read {
            Read::Bytes(count) => count == room || self.hung_up,
            Read::Empty | Read::Eof | Read::Lost(_) => false,
        };
        read
    }

    #[inline]
    pub fn send(
        &mut self,
        stream: StreamId,
        command: Command<'_>,
        source: Source<'_, '_>,
        now: Millis,
    ) -> Result<(), wire::Error> {
        self.session.send(stream, command, &mut Writer { outlet: &mut self.outlet, source }, now)
    }

    /// Takes an exchange off whose conversation is over: the connection goes on without it, and the access log hears of it
    /// when all is written. The caller drops what is given where Python may run.
    pub fn depart(&mut self, stream: StreamId, logged: bool, now: Millis) -> Option<Py<Exchange>> {
        let mut taken = self.take_exchange(stream);
        self.fresh = !self.inbox.is_empty();
        if self.paused {
            self.resume(now);
        }
        if let Some(exchange) = taken.take_if(|_| logged) {
            self.leaving.push(exchange);
        }
        taken
    }

    /// What the time has brought: a ping to write, or the end.
    pub fn handle_timeout(&mut self, limits: &Limits, now: Millis) -> Result<(), wire::Error> {
        self.session.handle_timeout(limits, &mut Writer { outlet: &mut self.outlet, source: Source::None }, now)
    }

    /// Answers a broken request; `block` holds the fields that all our answers have.
    pub fn refuse(&mut self, error: &wire::Error, block: &Block) {
        let mut writer = Writer { outlet: &mut self.outlet, source: Source::None };
        self.session.refuse(error, &block.fields, &block.bytes, &mut writer);
    }

    /// Writes what waits, as far as the kernel takes it.
    pub fn flush(&mut self, now: Millis) -> Flushed {
        self.dirty = false;
        if self.outlet.is_empty() {
            return Flushed::Done;
        }
        let before = self.outlet.len();
        let flushed = match self.outlet.flush(&self.stream, WRITE_BUDGET) {
            Flush::Done => Flushed::Done,
            Flush::Full => Flushed::Full,
            Flush::Budget => Flushed::Again,
            Flush::Truncated => return Flushed::Lost("a file became shorter while it was sent"),
            Flush::Lost(_) => return Flushed::Lost(""),
        };
        self.wrote_at = now;
        self.stalled_since = match flushed {
            Flushed::Full if self.outlet.len() == before => self.stalled_since.or(Some(now)),
            Flushed::Full => Some(now),
            _ => None,
        };
        if self.session.is_websocket() {
            self.tell_pace(now);
        }
        flushed
    }

    /// Whether the peer can do what it owes us: we read it, and a ping does not lie behind what it has to read.
    fn tell_pace(&mut self, now: Millis) {
        self.session.set_reading(!self.paused, now);
        self.session.set_flushed(self.outlet.is_empty(), now);
        if self.hung_up && self.paused {
            self.session.peer_leaves();
        }
    }

    /// The application is behind: nothing is read.
    pub fn pause(&mut self, now: Millis) {
        self.paused = true;
        self.tell_pace(now);
    }

    /// The peer will send no more than what lies in the kernel.
    pub fn hang_up(&mut self, now: Millis) {
        self.hung_up = true;
        self.hung_up_at = now;
        self.tell_pace(now);
    }

    /// The application takes its body again.
    pub fn resume(&mut self, now: Millis) {
        self.paused = false;
        self.hung_up_at = now;
        self.tell_pace(now);
    }

    /// The client is gone, as far as one can see, but the application takes nothing of what it has sent, and so would not
    /// hear of it: how long it is given for that. (Of a WebSocket's it is then asked whether it ever takes something.)
    pub fn departure(&self, settings: &Settings) -> Option<Millis> {
        let unheard = self.hung_up && self.paused && !self.ended;
        let grace = match (self.session.is_websocket(), settings.disconnect_timeout) {
            (true, 0) => return None,
            (true, _) if self.exchanges.is_empty() => return None,
            (false, _) if settings.half_close => return None,
            (false, 0) => UNHEARD_GRACE,
            (_, grace) => grace,
        };
        unheard.then(|| self.hung_up_at + grace)
    }

    /// The application of a WebSocket may be asked later, its time beginning at `since`.
    pub fn put_off_departure(&mut self, since: Millis) {
        self.hung_up_at = since;
    }

    /// When something must be done about this connection, if nothing happens before.
    pub fn deadline(&self, settings: &Settings) -> Option<Millis> {
        if let Some(until) = self.linger_until {
            return Some(until);
        }
        let stalled = self.stalled_since.map(|since| since + settings.write_timeout);
        let protocol = self.session.next_timeout(&settings.wire);
        [stalled, protocol, self.departure(settings)].into_iter().flatten().min()
    }

    /// Ends a connection on which nothing is going on (shutdown). A client that was answered a moment ago may be sending
    /// its next request right now: a plain close would meet it with a reset, and that could take the answer away.
    pub fn close_idle(&mut self, now: Millis) {
        let busy_lately = self.wrote_at > 0 && now < self.wrote_at + BUSY_LATELY;
        self.readable |= busy_lately;
        self.session.hurry(now + LAST_LINGER);
        self.session.close();
    }

    /// The last word, before the socket is closed. An answer that was cut short must not look complete: where nothing but
    /// the close would tell, it is a reset (ASGI-019).
    pub fn part(&mut self) {
        for index in 0..self.exchanges.len() {
            self.session.abort(self.exchanges[index].0);
        }
        if !self.outlet.is_empty() || self.session.must_reset() {
            self.stream.reset();
        } else if !self.broken {
            // A process that the application has forked may hold a copy: closing ours alone would not tell the peer.
            self.stream.shutdown_write();
        }
    }

    /// Answers the ping that has waited for room; returns whether there was one.
    pub fn answer_ping(&mut self, now: Millis) -> bool {
        let Some((stream, bytes)) = self.owed_pong.take() else { return false };
        self.send(stream, Command::Pong { bytes: &bytes }, Source::None, now).is_ok()
    }

    /// All is said and written: whether the connection should end now.
    pub fn closing(&self) -> Option<bool> {
        match self.session.status() {
            Status::Closing { linger } if self.outlet.is_empty() && self.exchanges.is_empty() => {
                // Unread input would turn our close into a reset, and the answer would be lost with it.
                Some(linger || self.readable || !self.inbox.is_empty())
            }
            _ => None,
        }
    }
}
