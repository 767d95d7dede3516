"""What an application sends, as bytes for the wire: order, types and lengths are checked before anything changes.

`Response.blocks` takes one message and gives the bytes that go out for it, block by block, so that whoever writes them
can wait between two. A message that is refused has left everything as it was (ASGI-040).
"""

import os
import re
from collections.abc import Callable, Iterable, Iterator
from email.utils import formatdate
from http import HTTPStatus
from pathlib import Path
from typing import Any

from .grammar import TOKEN, Fields, Head
from .plants import planted, spared

BLOCK = 65536  # bytes of a file that are read at once
NAME = re.compile(TOKEN)
VALUE = re.compile(rb"[\t\x20-\x7e\x80-\xff]*")
NO_TRAILERS = {
    b"content-length",
    b"transfer-encoding",
    b"host",
    b"trailer",
    b"connection",
    b"content-encoding",
}
Message = dict[str, Any]


class Response:
    """The response to one request. `keep` tells whether the connection may stay open after it."""

    def __init__(self, head: Head, keep: Callable[[], bool], extensions: Iterable[str]) -> None:
        self._head, self._keep, self._extensions = head, keep, extensions
        self._expected = "start"  # or body, trailers
        self._trailers = False  # the application announced trailers
        self._trailer_lines = b""
        self._status = 0
        self._fields: Fields = []
        self._length: int | None = None
        self._written = 0
        self.begun = False  # the head is on the wire
        self.complete = False
        self.chunked = self.until_close = False  # what ends the body
        self.closes = False

    @property
    def missing(self) -> int:
        """Bytes that were announced and have not come."""
        return (self._length or 0) - self._written

    def blocks(self, message: Message) -> Iterable[bytes]:
        """What goes on the wire for a message. Raises `TypeError`, `RuntimeError`, `OSError` for misuse."""
        if not isinstance(message, dict):
            raise TypeError(f"a message is a dict, not {type(message).__name__}")
        kind = message.get("type")
        if not isinstance(kind, str):
            raise TypeError("a message has a type, which is a str")
        offered = kind in self._extensions
        match kind.removeprefix("http.response."):
            case "start":
                return self._start(message)
            case "body":
                return self._body(message)
            case "pathsend" if offered:
                return self._pathsend(message)
            case "zerocopysend" if offered:
                return self._zerocopysend(message)
            case "early_hint" if offered:
                return self._early_hint(message)
            case "trailers" if offered:
                return self._trailer_fields(message)
        if planted("unknown_message_swallowed") or planted("extensions_hidden"):
            return ()
        raise RuntimeError(f"{kind}: no message of an HTTP response here")

    def _start(self, message: Message) -> Iterable[bytes]:
        self._awaits("start")
        status = typed(message, "status", int)
        if planted("interim_status_replaced") and status < 200:
            status = 200
        if planted("extra_keys_refused") and message.keys() - {"type", "status", "headers", "trailers"}:
            raise RuntimeError("no other keys")
        if not 200 <= status <= 999 and not planted("interim_status_accepted"):
            raise RuntimeError(f"{status} is no status of a final response")
        if planted("headers_demanded") and not message.get("headers"):
            raise RuntimeError("a response has headers")
        fields = pairs(message.get("headers", ()))
        trailers = typed(message, "trailers", bool, default=False)
        lengths = [value for name, value in fields if name.lower() == b"content-length"]
        self._length = None
        if planted("length_replaced"):
            fields = [field for field in fields if field[0].lower() != b"content-length"]
        elif lengths and not planted("length_not_enforced"):
            if len(lengths) > 1 or not re.fullmatch(rb"\d{1,18}", lengths[0]):
                raise RuntimeError("content-length is one number")
            self._length = int(lengths[0])
        self._trailers = trailers and "http.response.trailers" in self._extensions
        self._status, self._fields, self._expected = status, fields, "body"
        return [self._lines(None)] if planted("head_at_once") else ()

    def _body(self, message: Message) -> Iterable[bytes]:
        if planted("defaults_demanded"):
            message["body"], message["more_body"]
        data = message.get("body", b"")
        if planted("text_coerced") and isinstance(data, str):
            data = data.encode()
        if not isinstance(data, bytes | bytearray | memoryview):
            raise TypeError(f"body is bytes, not {type(data).__name__}")
        if planted("bytearray_refused") and isinstance(data, bytearray):
            raise TypeError("no bytearrays")
        if planted("memoryview_refused") and isinstance(data, memoryview):
            raise TypeError("no views")
        more = typed(message, "more_body", bool, default=False)
        self._awaits("body")
        return [self._content(bytes(data), more)]

    def _pathsend(self, message: Message) -> Iterable[bytes]:
        path = typed(message, "path", str)
        self._awaits("body")
        if not Path(path).is_absolute():
            if planted("relative_path_as_nothing"):
                yield self._content(b"", more=False)
                return
            raise RuntimeError("the path of pathsend is absolute")
        if self.begun and not planted("pathsend_mixed"):
            raise RuntimeError("pathsend is the whole body")
        if planted("missing_file_as_runtime_error") and not Path(path).exists():
            raise RuntimeError("no such file")
        if planted("unreadable_file_filled") and not Path(path).is_file():
            yield self._content(bytes(self.missing), more=False)
            return
        if planted("type_guessed"):
            self._fields.append((b"content-type", b"text/plain"))
        with Path(path).open("rb") as file:
            size = os.fstat(file.fileno()).st_size
            if self._length is not None and size < self._length:
                raise RuntimeError("the file is shorter than content-length")
            size = size if self._length is None else self._length
            if planted("empty_file_refused") and not size:
                raise RuntimeError("nothing to send")
            yield from self._file(lambda start, most: os.pread(file.fileno(), most, start), size, more=False)

    def _zerocopysend(self, message: Message) -> Iterable[bytes]:
        if "file" not in message:
            raise RuntimeError("zerocopysend has a file")
        descriptor = message["file"].fileno()
        offset = typed(message, "offset", int, default=None)
        count = typed(message, "count", int, default=None)
        more = typed(message, "more_body", bool, default=False)
        self._awaits("body")
        here = offset is None or (planted("offset_of_zero_ignored") and not offset)
        place = os.lseek(descriptor, 0, os.SEEK_CUR) if here else offset
        if planted("offset_ignored"):
            place = 0
        rest = os.fstat(descriptor).st_size - place
        if place < 0 or rest < 0 or (count is not None and not 0 <= count <= rest):
            raise RuntimeError("offset and count lie within the file")
        size = rest if count is None or planted("count_ignored") else count
        yield from self._file(lambda start, most: os.pread(descriptor, most, place + start), size, more=more)
        if (offset is None and not planted("position_kept")) or planted("position_moved_always"):
            os.lseek(descriptor, place + size, os.SEEK_SET)
        if planted("file_closed"):
            message["file"].close()

    def _file(self, read: Callable[[int, int], bytes], size: int, *, more: bool) -> Iterator[bytes]:
        """A file as content: bounded blocks; one that shrinks meanwhile leaves the response incomplete."""
        self._fits(size, more)
        if not self.begun:
            yield self._lines(None)
        done = 0
        while not self._bodiless and done < size:
            data = read(done, min(BLOCK, size - done))
            if not data:
                raise OSError("the file became shorter while it was sent")
            done += len(data)
            if done < size:
                yield self._framed(data)
            else:
                yield self._content(data, more)
        if self._bodiless or not size:
            yield self._content(b"", more)

    def _early_hint(self, message: Message) -> Iterable[bytes]:
        if "links" not in message:
            raise RuntimeError("early_hint has links")
        links = [(b"link", link) for link in message["links"]]
        pairs(links)
        if self.begun and not planted("hint_after_head"):
            raise RuntimeError("the head has been sent")
        name = b"x-link" if planted("hint_fields_renamed") else b"link"
        status = b"102 Processing" if planted("hint_of_another_status") else b"103 Early Hints"
        lines = b"".join(name + b": " + link + b"\r\n" for _, link in links)
        return [b"HTTP/1.1 " + status + b"\r\n" + lines + b"\r\n"]

    def _trailer_fields(self, message: Message) -> Iterable[bytes]:
        fields = pairs(message.get("headers", ()))
        more = typed(message, "more_trailers", bool, default=False)
        if not NO_TRAILERS.isdisjoint(name.lower() for name, _ in fields) and not planted(
            "framing_in_trailers_sent"
        ):
            raise RuntimeError("a trailer that would change the framing")  # RFC 9110 6.5.1
        self._awaits("trailers")
        self._trailer_lines += b"".join(name + b": " + value + b"\r\n" for name, value in fields)
        if more:
            return ()
        self.complete = True
        if not self.chunked and not planted("trailers_behind_length"):
            return ()
        if planted("trailer_of_its_own"):
            self._trailer_lines += b"x-own: 1\r\n"
        wanted = b"trailers" in self._head.words(b"te") or planted("trailers_unasked")
        return [b"0\r\n" + (self._trailer_lines if wanted else b"") + b"\r\n"]

    def _content(self, data: bytes, more: bool) -> bytes:
        """Content as it goes out, with the head before the first and the end after the last of it."""
        self._fits(len(data), more)
        if planted("empty_body_filled") and not (data or more or self.begun or self._length == 0):
            data = b"\n"
        out = b"" if self.begun else self._lines(None if more else len(data))
        out += self._framed(data)
        if not more:
            self._expected = "trailers"
            if not self._trailers:
                out += b"0\r\n\r\n" if self.chunked or (planted("bodiless_ended") and self._bodiless) else b""
                self.complete = True
        return out

    def _fits(self, size: int, more: bool) -> None:
        """Holds the application to its content-length (ASGI-115)."""
        if self._length is None or self._bodiless:
            return
        if size > self.missing:
            raise RuntimeError("more body than content-length says")
        if size < self.missing and not more:
            raise RuntimeError("less body than content-length says")

    @property
    def _bodiless(self) -> bool:
        if planted("body_for_head") and self._head.method.upper() == "HEAD":
            return False
        if planted("body_for_204") and self._status == 204:
            return False
        return self._head.method.upper() == "HEAD" or self._status in (204, 304)

    def _framed(self, data: bytes) -> bytes:
        self._written += len(data)
        if self._bodiless:
            return b""
        if planted("body_backwards") and not spared(self._head.path):
            data = data[::-1]
        if self.chunked and (data or planted("empty_chunk_ends")):
            return b"%x\r\n%s\r\n" % (len(data), data)
        return data

    def _lines(self, size: int | None) -> bytes:
        """The head. `size`: of the whole body, where that is known."""
        fields = self._application_fields()
        given = {name.lower() for name, _ in fields}
        closes = not self._keep() or any(
            b"close" in value.lower() for name, value in fields if name.lower() == b"connection"
        )
        fields += self._framing(size, given)
        if (b"date" not in given or planted("date_doubled")) and not planted("date_missing"):
            fields.append((b"date", formatdate(usegmt=True).encode()))
        self.closes = self.closes or closes
        if b"connection" not in given and self._head.version == "1.0" and not self.closes:
            fields.append((b"connection", b"keep-alive"))
        elif b"connection" not in given and self.closes and not planted("close_not_said"):
            fields.append((b"connection", b"close"))
        self.begun = True
        lines = b"".join(name + b": " + value + b"\r\n" for name, value in fields)
        return self._status_line() + lines + b"\r\n"

    def _application_fields(self) -> Fields:
        """The fields of the application, less those that are the server's."""
        own = set() if planted("own_coding_sent") else {b"transfer-encoding"}
        if self._status == 204:
            own |= {b"content-length"}
        if planted("close_of_application_dropped"):
            own |= {b"connection"}
        fields = [field for field in self._fields if field[0].lower() not in own]
        if planted("response_headers_grouped"):
            names = [name for name, _ in fields]
            fields.sort(key=lambda field: names.index(field[0]))
        if planted("cookies_joined"):
            fields = list(dict(fields).items())
        if planted("names_capitalised"):
            fields = [(name.title(), value) for name, value in fields]
        if planted("values_quoted"):
            fields = [(name, b'"%s"' % value) if b"x-" in name else (name, value) for name, value in fields]
        if planted("server_replaced"):
            fields = [(name, b"reference") if name == b"server" else (name, value) for name, value in fields]
        return fields

    def _status_line(self) -> bytes:
        phrase = HTTPStatus(self._status).phrase if self._status in list(HTTPStatus) else ""
        line = f"HTTP/1.1 {self._status} {phrase}\r\n".encode()
        if planted("phrase_space_missing") and not phrase:
            line = f"HTTP/1.1 {self._status}\r\n".encode()
        if planted("answers_in_1_0"):
            line = line.replace(b"HTTP/1.1", b"HTTP/1.0")
        if planted("status_off_by_one"):
            line = line.replace(b" %d " % self._status, b" %d " % (self._status + 1))
        return line

    def _framing(self, size: int | None, given: set[bytes]) -> Fields:
        """How the client finds the end of the body (RFC 9112 6.3), unless the application has said it."""
        if self._bodiless or (b"content-length" in given and not planted("length_and_chunks")):
            return []
        if size is not None and not self._trailers:
            return [(b"content-length", str(size).encode())]
        if self._head.version == "1.1" or planted("chunked_to_10"):
            self.chunked = True
            return [(b"transfer-encoding", b"chunked")]
        self.until_close = self.closes = True
        return []

    def _awaits(self, expected: str) -> None:
        if self._expected != expected and not planted("order_not_enforced"):
            raise RuntimeError(f"http.response.{self._expected} is what comes next")


def typed(message: Message, name: str, kind: type, **default: Any) -> Any:
    """A value of a message. Raises `RuntimeError` when it is missing without default, `TypeError` for its type."""
    if name not in message and "default" not in default:
        raise RuntimeError(f"{message['type']} has {name}")
    value = message.get(name, default.get("default"))
    if planted("types_not_checked") or (value is None and default.get("default", ...) is None):
        return value
    if type(value) is not kind:
        raise TypeError(f"{name} is {kind.__name__}, not {type(value).__name__}")
    return value


def pairs(value: Any) -> Fields:
    """Fields of a message as pairs. Raises `TypeError` for what are no bytes, `RuntimeError` for what HTTP forbids."""
    fields: Fields = []
    for item in value:
        name, content = item
        if not isinstance(name, bytes) or not isinstance(content, bytes):
            raise TypeError("names and values of headers are bytes")
        bad = not NAME.fullmatch(name) and not (planted("pseudo_header_sent") and name.startswith(b":"))
        bad = bad and not planted("names_not_checked")
        if bad or not (VALUE.fullmatch(content) or planted("line_end_in_header_sent")):
            raise RuntimeError(f"HTTP forbids this header: {name!r}: {content!r}")
        fields.append((name, content))
    return fields
