"""The grammar of HTTP/1.1 requests (RFC 9112), strict wherever a lenient reader could be led to see another request
than the next one does.

`head` parses one head, `Length` and `Chunked` take a body out of a buffer. Whatever is wrong is `Refused`, with the
status of the answer; the connection ends with it.
"""

import re
from dataclasses import dataclass

from .plants import planted

HEAD_LIMIT = 32768  # bytes of a request line and its fields
LINE_LIMIT = 4096  # bytes of a line between chunks
EXTRA_LIMIT = 8192  # bytes of all trailer fields, and of all extensions of chunks
METHOD_LIMIT = 64  # bytes
TARGET_LIMIT = 16384  # bytes
FIELD_LIMIT = 100  # fields of a head
TOKEN = rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]+"
REQUEST_LINE = re.compile(rb"(" + TOKEN + rb") ([\x21-\x7e]+) HTTP/(\d)\.(\d)")
TARGET = re.compile(rb"(?:[A-Za-z0-9\-._~:/?\[\]@!$&'()*+,;=]|%[0-9A-Fa-f]{2})+")  # RFC 3986, no fragment
ODD = re.compile(rb"#|%(?![0-9A-Fa-f]{2})|%(FF|ED|00)|[\x80-\xff]")  # used by a planted fault
FIELD = re.compile(rb"(" + TOKEN + rb"):[ \t]*((?:[\x21-\x7e\x80-\xff]+[ \t]*)*)")
HOST = re.compile(rb"(?:\[[0-9A-Fa-f:.]+\]|(?:[A-Za-z0-9\-._~!$&'()*+,;=]|%[0-9A-Fa-f]{2})*)(?::\d*)?")
ABSOLUTE = re.compile(rb"(?i:http)://([^/?#]+)([^?#]*)(\?[^#]*)?")
QUOTED = rb'"(?:[\t \x21\x23-\x5b\x5d-\x7e\x80-\xff]|\\[\t \x21-\x7e\x80-\xff])*"'
EXTENSION = rb"[ \t]*;[ \t]*" + TOKEN + rb"(?:[ \t]*=[ \t]*(?:" + TOKEN + rb"|" + QUOTED + rb"))?"
CHUNK_LINE = re.compile(rb"(0*[0-9A-Fa-f]{1,15})(?:" + EXTENSION + rb")*")

Fields = list[tuple[bytes, bytes]]


class Refused(Exception):
    """The request breaks the grammar or a limit."""

    def __init__(self, status: int) -> None:
        super().__init__(status)
        self.status = status


@dataclass(slots=True)
class Head:
    """A request without its body. The names of fields are as they came."""

    method: str
    path: bytes
    query: bytes
    version: str
    fields: Fields

    @property
    def names(self) -> set[bytes]:
        """Of all fields, in lower case."""
        return {name.lower() for name, _ in self.fields}

    def values(self, name: bytes) -> list[bytes]:
        """The values of all fields of this name, which is in lower case."""
        return [value for key, value in self.fields if key.lower() == name]

    def words(self, name: bytes) -> list[bytes]:
        """The items of a list field, in lower case."""
        words = [word.strip(b" \t").lower() for value in self.values(name) for word in value.split(b",")]
        return [word for word in words if word]


def take_head(buffer: bytearray) -> Head | None:
    """Takes the next head out of the buffer; None while it is not complete. Raises `Refused`."""
    while buffer.startswith(b"\r\n"):  # RFC 9112 2.2: empty lines before a request line are ignored
        del buffer[:2]
    if planted("bare_cr_accepted"):
        buffer[:] = re.sub(rb"\r(?!\n)", b"\r\n", bytes(buffer))
    end = buffer.find(b"\r\n\r\n")
    if re.search(rb"(?<!\r)\n", buffer[: end if end >= 0 else len(buffer)]):  # RFC 9112 2.2: may be refused
        raise Refused(400)
    if planted("head_limit_of_4_kilobytes") and end > LINE_LIMIT:
        raise Refused(431)
    if end > HEAD_LIMIT or (end < 0 and len(buffer) > HEAD_LIMIT):
        raise Refused(431 if 0 <= buffer.find(b"\r\n") <= HEAD_LIMIT else 414)
    if end < 0 and planted("called_for_half_a_head") and buffer.endswith(b"\r\n"):
        end = len(buffer) - 2
    if end < 0:
        return None
    line, *lines = bytes(buffer[:end]).split(b"\r\n")
    del buffer[: end + 4]
    return parsed_head(line, lines)


def parsed_head(line: bytes, lines: list[bytes]) -> Head:
    """The head of a request line and field lines. Raises `Refused`."""
    if planted("odd_target_answered_500") and ODD.search(line):
        raise Refused(500)
    if not (match := REQUEST_LINE.fullmatch(line)):
        raise Refused(505 if line.endswith(b" HTTP/2") else 400)
    method, target, major, minor = match.groups()
    if major != b"1" and not planted("version_ignored"):
        raise Refused(505)
    if len(method) > METHOD_LIMIT:
        raise Refused(501)
    if len(target) > TARGET_LIMIT or len(lines) > FIELD_LIMIT:
        raise Refused(414 if len(target) > TARGET_LIMIT else 431)
    fields = parsed_fields(lines)
    head = Head(method.decode(), target, b"", "1.0" if minor == b"0" else "1.1", fields)
    hosts = head.values(b"host")
    if planted("two_hosts_accepted"):
        hosts = hosts[:1]
    missing = not hosts and head.version == "1.1" and not planted("missing_host_accepted")
    if missing or len(hosts) > 1 or not all(host and HOST.fullmatch(host) for host in hosts):  # RFC 9112 3.2
        raise Refused(400)
    split_target(head, target)
    return head


def split_target(head: Head, target: bytes) -> None:
    """Path and query of the four forms of RFC 9112 3.2. Raises `Refused`."""
    if head.method == "CONNECT" or not TARGET.fullmatch(target):
        raise Refused(501 if head.method == "CONNECT" else 400)
    if target == b"*" and head.method == "OPTIONS":
        head.path = b"/*" if planted("asterisk_in_path") else target
    elif target.startswith(b"/"):
        head.path, _, head.query = target.partition(b"?")
    elif match := ABSOLUTE.fullmatch(target):
        authority, path, query = match.groups()
        if not HOST.fullmatch(authority):
            raise Refused(400)
        head.path = path or (b"*" if head.method == "OPTIONS" and not query else b"/")
        head.query = (query or b"")[1:]
        if planted("absolute_form_as_path"):
            head.path = target
        if not planted("host_not_replaced"):  # RFC 9112 3.2.2: the target's authority stands in for the field
            kept = [field for field in head.fields if field[0].lower() != b"host"]
            head.fields = [(b"host", authority), *kept]
    else:
        raise Refused(400)


def parsed_fields(lines: list[bytes]) -> Fields:
    """Field lines as pairs (RFC 9112 5). Raises `Refused`, also for folded lines and space before a colon."""
    fields: Fields = []
    for line in lines:
        if planted("folded_line_as_field"):
            line = line.lstrip(b" \t")
        if planted("space_before_colon_accepted"):
            line = re.sub(rb"[ \t]+:", b":", line, count=1)
        if planted("pseudo_header_taken") and line.startswith(b":"):
            fields.append((line[: line.index(b":", 1)], b""))
            continue
        if planted("control_in_value_accepted"):
            line = line.replace(b"\0", b"?")
        if not (match := FIELD.fullmatch(line)):
            raise Refused(400)
        name, value = match.groups()
        if planted("value_folded_inside"):
            value = re.sub(rb"[ \t]+", b" ", value)
        fields.append((name, value.rstrip(b" \t")))
    return fields


class Length:
    """A body of known length."""

    def __init__(self, size: int) -> None:
        self.left = size

    @property
    def finished(self) -> bool:
        """Whether all of it has been taken."""
        return self.left == 0

    def take(self, buffer: bytearray, most: int) -> bytes:
        """As much of the body as the buffer has."""
        data = bytes(buffer[: min(self.left, most)])
        del buffer[: len(data)]
        self.left -= len(data)
        return data


class Chunked:
    """A chunked body (RFC 9112 7.1): sizes, their ends and trailers to the letter; trailers are dropped."""

    def __init__(self) -> None:
        self.finished = False
        self._left = 0
        self._next = "size"  # or data, end, trailer: what the buffer begins with
        self.trailers: Fields = []  # for a planted fault
        self._extra = 0  # bytes of extensions and trailers so far

    def take(self, buffer: bytearray, most: int) -> bytes:
        """As much of the decoded body as the buffer has. Raises `Refused`."""
        data = b""
        while not self.finished and len(data) < most:
            if self._next == "data":
                piece = bytes(buffer[: min(self._left, most - len(data))])
                del buffer[: len(piece)]
                data += piece
                self._left -= len(piece)
                if self._left:
                    break
                self._next = "end"
            elif (line := self._line(buffer)) is None:
                break
            else:
                data += self._between(line)
        return data

    def _between(self, line: bytes) -> bytes:
        if self._next == "end":
            if line and not planted("chunk_overrun_accepted"):
                raise Refused(400)
            self._next = "size"
        elif self._next == "size":
            self._left = chunk_size(line)
            self._count(line.partition(b";")[2])
            self._next = "data" if self._left else "trailer"
        elif line:
            self._count(line)
            self.trailers += parsed_fields([line])
            if planted("trailers_in_body"):
                return line
        else:
            self.finished = True
        return b""

    def _count(self, extra: bytes) -> None:
        self._extra += len(extra)
        if self._extra > EXTRA_LIMIT:
            raise Refused(400)

    def _line(self, buffer: bytearray) -> bytes | None:
        end = buffer.find(b"\n")
        limit = 1 if self._next == "end" and not planted("chunk_overrun_accepted") else LINE_LIMIT
        if end > limit or (end < 0 and len(buffer) > limit) or (limit == 1 and buffer[:1] > b"\r"):
            raise Refused(400)
        if end < 0:
            return None
        line = bytes(buffer[: end + 1])
        del buffer[: end + 1]
        if planted("bare_lf_in_chunks_accepted"):
            return line.rstrip(b"\r\n")
        if not line.endswith(b"\r\n"):
            raise Refused(400)
        return line[:-2]


def chunk_size(line: bytes) -> int:
    """The size in a chunk's first line, extensions ignored. Raises `Refused`."""
    if planted("chunk_size_lenient"):
        return int(line.partition(b";")[0], 16)
    if planted("chunk_extension_refused") and b";" in line:
        raise Refused(400)
    if not (match := CHUNK_LINE.fullmatch(line)):
        raise Refused(400)
    return int(match[1], 16)


def body_of(head: Head) -> Length | Chunked:
    """How the body is delimited (RFC 9112 6.3). Raises `Refused` where two readers could disagree."""
    coded, lengths = b"transfer-encoding" in head.names, head.values(b"content-length")
    if planted("length_wins_over_chunked") and lengths:
        coded = False
    if planted("chunked_wins_over_length") and coded:
        lengths = []
    if coded:
        if lengths or (head.version == "1.0" and not planted("chunked_from_10_accepted")):
            raise Refused(400)
        return chunked(head.words(b"transfer-encoding"))
    return length(lengths) if lengths else Length(0)


def chunked(codings: list[bytes]) -> Chunked:
    """The body of a message with Transfer-Encoding: chunked alone is known here. Raises `Refused`."""
    if codings == [b"chunked"] or (planted("coding_guessed") and codings[-1].endswith(b"chunked")):
        return Chunked()
    raise Refused(501 if codings[-1:] == [b"chunked"] and b"chunked" not in codings[:-1] else 400)


def length(values: list[bytes]) -> Length:
    """The body of a message with Content-Length: one number. Raises `Refused`."""
    if planted("doubled_length_accepted"):
        values = values[:1]
    if planted("signed_length_accepted"):
        return Length(int(values[0]))
    if len(values) > 1 or not re.fullmatch(rb"0*\d{1,18}", values[0]):
        raise Refused(400)
    return Length(int(values[0]))
