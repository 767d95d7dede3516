"""What the request line becomes in the scope: method, path, raw_path and query_string, in every form of a target.

Whether a server refuses a malformed target is for `http1.py`; here it may do either, but must not misread it.
"""

from typing import Any

from asgate.conformance.case import case
from asgate.conformance.trial import Trial

REFUSED: dict[str, Any] = {}


def scope_of(trial: Trial, line: bytes, *, refusal: bool = False) -> dict[str, Any]:
    """The scope that a request line causes. `refusal`: that may be a 4xx or 501 instead; then it is `REFUSED`."""
    wire = trial.connect()
    wire.send(line + b" HTTP/1.1\r\nhost: probe\r\n\r\n")
    if refusal and not trial.calls():
        status = wire.response().status
        trial.expect(
            400 <= status <= 501 and status != 500, "a 4xx, or a call of the application", saw=status
        )
        return REFUSED
    app = trial.conversation()
    app.respond()
    wire.response(head=line.startswith(b"HEAD "))
    scope: dict[str, Any] = app.scope
    return scope


# Methods.


def _method(name: str, method: str, title: str, *, refusal: bool = True) -> None:
    def check(trial: Trial) -> None:
        scope = scope_of(trial, method.encode() + b" /", refusal=refusal)
        if scope is REFUSED:
            trial.differs(f"the server refuses the method {method}, as RFC 9110 9.1 allows")
        trial.expect(scope["method"] == method.upper(), repr(method.upper()), saw=scope["method"])

    check.__name__, check.__doc__ = name, title
    case("ASGI-053", rfc="RFC 9110 9.1")(check)


for _word in ("GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH"):
    _method(f"method_{_word.lower()}", _word, f"{_word} is method '{_word}'.", refusal=False)
_method("method_of_ones_own", "X-PROBE", "A method nobody has registered is passed on as it is.")
_method("method_with_odd_characters", "A!#$%&'*+.^_`|~9", "A method may have every character of a token.")
_method("method_in_lower_case", "purge", "A method in lower case is refused, or given in upper case.")


# Paths.

PATHS = (
    ("space", b"/a%20b", "/a b", "%20 in the target is a space in path."),
    ("utf8", b"/caf%C3%A9", "/café", "Percent-encoded UTF-8 is decoded to characters."),
    ("utf8_of_four_bytes", b"/%F0%9F%98%80", "/\N{GRINNING FACE}", "UTF-8 of four bytes is one character."),
    ("lower_hex", b"/%c3%a9%2f", "/é/", "Percent-encoding in lower-case hex digits is decoded."),
    ("slash", b"/a%2Fb", "/a/b", "%2F is a slash in path."),
    ("percent", b"/100%25", "/100%", "%25 is a percent sign in path."),
    ("decoded_once", b"/%2541", "/%41", "path is decoded once: %2541 is %41."),
    ("plus", b"/a+b%2Bc", "/a+b+c", "A plus sign in the path stays one."),
    ("question_mark", b"/a%3Fb?c", "/a?b", "%3F belongs to path and begins no query."),
    ("hash", b"/a%23b", "/a#b", "%23 is a number sign in path and begins no fragment."),
    ("double_slashes", b"//a//b/", "//a//b/", "Empty segments and the last slash stay in path."),
    ("dots", b"/a/./b/../c", "/a/./b/../c", "Dot segments are for the application: path keeps them."),
    ("encoded_dots", b"/a/%2e%2e/b", "/a/../b", "Encoded dots are decoded and not resolved."),
    ("parameters", b"/a;b=c,d:e@f", "/a;b=c,d:e@f", "Semicolons and other delimiters of a segment stay."),
    ("control", b"/a%0D%0Ab", "/a\r\nb", "%0D%0A is decoded like every other octet."),
)


def _path(name: str, target: bytes, path: str, title: str) -> None:
    def check(trial: Trial) -> None:
        scope = scope_of(trial, b"GET " + target, refusal=True)
        if scope is REFUSED:
            trial.differs("the server refuses this target")
        trial.expect(scope["path"] == path, repr(path), saw=scope["path"])

    check.__name__, check.__doc__ = f"path_with_{name}", title
    case("ASGI-055")(check)


for _row in PATHS:
    _path(*_row)


def _undefined(name: str, target: bytes, title: str, *, never: str = "\0never") -> None:
    def check(trial: Trial) -> None:
        scope = scope_of(trial, b"GET " + target, refusal=True)
        if scope is not REFUSED:
            trial.expect(type(scope["path"]) is str, "a str", saw=scope["path"])
            trial.expect(never not in scope["path"], f"no {never!r} in path", saw=scope["path"])

    check.__name__, check.__doc__ = f"path_with_{name}", title
    case("ASGI-055", "ASGI-013")(check)


_undefined(
    "bad_utf8", b"/a%FFb", "A path that is no UTF-8 is refused with a 4xx, or some str: never an error."
)
_undefined(
    "overlong_utf8",
    b"/a%C0%AFb",
    "An overlong encoding of a slash is refused or replaced, and never decoded to a slash.",
    never="a/b",
)
_undefined("a_surrogate", b"/a%ED%A0%80", "An encoded surrogate is refused or replaced.", never="\ud800")
_undefined("half_an_escape", b"/a%2", "A percent sign with one digit is refused, or stays as it is.")
_undefined("a_wrong_escape", b"/a%zz", "A percent sign without digits is refused, or stays as it is.")
_undefined("raw_octets", b"/a\xc3\xa9", "Octets above 0x7F in the target are refused, or decoded.")


@case("ASGI-055", "ASGI-013")
def path_with_nul(trial: Trial) -> None:
    """%00 is refused, or decoded: nothing is cut off there."""
    scope = scope_of(trial, b"GET /a%00b", refusal=True)
    if scope is not REFUSED:
        trial.expect(scope["path"] == "/a\0b", repr("/a\0b"), saw=scope["path"])


def _raw(name: str, target: bytes, raw: bytes, title: str) -> None:
    def check(trial: Trial) -> None:
        scope = scope_of(trial, b"GET " + target)
        if scope.get("raw_path") is None:
            trial.not_offered("no raw_path in the scope")
        trial.expect(scope["raw_path"] == raw, repr(raw), saw=scope["raw_path"])

    check.__name__, check.__doc__ = f"raw_path_{name}", title
    case("ASGI-056")(check)


_raw("keeps_escapes", b"/a%20%2Fb%c3%A9", b"/a%20%2Fb%c3%A9", "raw_path keeps every escape as it was sent.")
_raw("without_query", b"/a%20b?c=d", b"/a%20b", "raw_path ends before the question mark.")
_raw("keeps_needless_escapes", b"/%61%7E", b"/%61%7E", "raw_path keeps escapes of unreserved characters.")
_raw("keeps_dots", b"//a/./b/../c", b"//a/./b/../c", "raw_path keeps dot segments and empty segments.")


# Queries.

QUERIES = (
    ("plain", b"/?a=1&b=2", b"a=1&b=2", "query_string is what follows the question mark."),
    ("absent", b"/", b"", "Without a question mark query_string is b''."),
    ("empty", b"/?", b"", "With nothing after the question mark query_string is b''."),
    ("encoded", b"/?a=%20%C3%A9%c3%3D+", b"a=%20%C3%A9%c3%3D+", "query_string stays percent-encoded."),
    ("of_question_marks", b"/?a?b??", b"a?b??", "Only the first question mark ends the path."),
    ("with_slashes", b"/?/a/../b", b"/a/../b", "Slashes and dots in the query are left alone."),
    ("of_odd_pairs", b"/?&&=&;a", b"&&=&;a", "query_string need be no list of pairs."),
)


def _query(name: str, target: bytes, query: bytes, title: str) -> None:
    def check(trial: Trial) -> None:
        scope = scope_of(trial, b"GET " + target)
        trial.expect(scope["query_string"] == query, repr(query), saw=scope["query_string"])
        trial.expect(scope["path"] == "/", "path '/'", saw=scope["path"])

    check.__name__, check.__doc__ = f"query_{name}", title
    case("ASGI-057", *(["ASGI-077"] if name == "empty" else []))(check)


for _query_row in QUERIES:
    _query(*_query_row)


@case("ASGI-057", "ASGI-070")
def query_of_raw_octets(trial: Trial) -> None:
    """Octets above 0x7F in the query are refused, or given as they are."""
    scope = scope_of(trial, b"GET /?a=\xff\xc3\xa9", refusal=True)
    if scope is not REFUSED:
        trial.expect(scope["query_string"] == b"a=\xff\xc3\xa9", "the same octets", saw=scope["query_string"])


@case("ASGI-077", rfc="RFC 9112 3.2")
def fragment(trial: Trial) -> None:
    """A fragment, which no target has, is refused or left out."""
    scope = scope_of(trial, b"GET /a?b#c", refusal=True)
    if scope is not REFUSED:
        trial.expect("#" not in scope["path"], "no fragment in path", saw=scope["path"])
        trial.expect(b"#" not in scope["query_string"], "nor in query_string", saw=scope["query_string"])


# Other forms.


@case("ASGI-075", "ASGI-055", rfc="RFC 9112 3.2.2")
def absolute_form(trial: Trial) -> None:
    """Of an absolute-form target the path is path, and the query is query_string."""
    scope = scope_of(trial, b"GET http://probe/a%20b?c=d", refusal=False)
    trial.expect(scope["path"] == "/a b", "'/a b'", saw=scope["path"])
    trial.expect(scope["query_string"] == b"c=d", "b'c=d'", saw=scope["query_string"])


@case("ASGI-056", "ASGI-075", rfc="RFC 9112 3.2.2")
def raw_path_of_absolute_form(trial: Trial) -> None:
    """Of an absolute-form target raw_path is the path only."""
    raw = scope_of(trial, b"GET http://probe/a%20b?c=d").get("raw_path")
    if raw is None:
        trial.not_offered("no raw_path in the scope")
    trial.expect(raw == b"/a%20b", "b'/a%20b'", saw=raw)


@case("SERVER-31", "ASGI-075", rfc="RFC 9110 4.2.3")
def absolute_form_without_path(trial: Trial) -> None:
    """An absolute-form target without a path has the path '/'."""
    scope = scope_of(trial, b"GET http://probe?c=d", refusal=True)
    if scope is REFUSED:
        trial.differs("the server refuses an absolute target without a path")
    trial.expect(scope["path"] == "/", "'/'", saw=scope["path"])
    trial.expect(scope["query_string"] == b"c=d", "b'c=d'", saw=scope["query_string"])


@case("ASGI-076", rfc="RFC 9112 3.2.4")
def options_asterisk(trial: Trial) -> None:
    """The path of OPTIONS * is '*', unless the server answers for itself."""
    wire = trial.connect()
    wire.send(b"OPTIONS * HTTP/1.1\r\nhost: probe\r\n\r\n")
    if not trial.calls():
        status = wire.response().status
        trial.expect(status < 500, "an answer", saw=status)
        trial.differs(f"the server itself answers with {status}")
    app = trial.conversation()
    app.respond()
    trial.expect(app.path == "*", "'*'", saw=app.path)
