"""The ASGI tables: which keys scopes and messages have, and who may send what when. Data, and nothing else.

Two rules stand above the state tables. A message that has no step from the current state is out of order and breaks
the clause `Message.order`; in a state of `Machine.silent` it is ignored instead. Keys that no table names are allowed
everywhere (ASGI-033).

Validator and test client walk the machines of what applications send, and that of lifespan. What a server gives to
several tasks at once may be heard in another order, so the validator judges it event by event; tests hold that
against the machines of what servers give. docs/messages.md is drawn from all of them.
"""

from collections.abc import Mapping

from asgate.spec import values as v
from asgate.spec.findings import Side
from asgate.spec.tables import Field, Machine, Message, Protocol, Step, When

SERVER, APPLICATION = Side.SERVER, Side.APPLICATION


def _by_type(*messages: Message) -> dict[str, Message]:
    return {message.type: message for message in messages}


# Fields that several scopes and messages share.

SENT = {"pseudo": "ASGI-104", "injection": "ASGI-116", "capitals": "ASGI-104"}
TRAILERS = {"pseudo": "ASGI-281", "injection": "ASGI-116", "capitals": "ASGI-281"}
PUSHED = {"pseudo": "ASGI-241", "injection": "ASGI-116", "capitals": "ASGI-241"}
ACCEPTED = {"pseudo": "ASGI-149", "subprotocol": "ASGI-149", "injection": "ASGI-116", "capitals": "ASGI-147"}
CLOSED = {"range": "ASGI-186", "surrogate": "ASGI-161"}
STATUS = Field("status", v.STATUS, "ASGI-101", required=True, aspects={"range": "SERVER-20"})
HEADERS = Field("headers", v.SENT_PAIRS, "ASGI-101", default="[]", aspects=SENT)
MORE_BODY = Field("more_body", v.FLAG, "ASGI-109", default="False")

BODILESS = (204, 304)  # statuses whose responses have no body, whatever the application sends (ASGI-114)

HTTP_SCOPE = (
    Field("type", v.one_of("http"), "ASGI-050", required=True),
    Field("asgi", v.ASGI, "ASGI-006", required=True, aspects={"spec": "ASGI-051"}),
    Field("http_version", v.one_of("1.0", "1.1", "2", "3"), "ASGI-052", required=True),
    Field("method", v.METHOD, "ASGI-053", required=True),
    Field("scheme", v.FILLED, "ASGI-054", default='"http"'),
    Field("path", v.TEXT, "ASGI-055", required=True),
    Field("raw_path", v.BYTES_OR_NONE, "ASGI-056", default="None"),
    Field("query_string", v.BYTES, "ASGI-057", required=True),
    Field("root_path", v.TEXT, "ASGI-058", default='""'),
    Field("headers", v.RECEIVED_PAIRS, "ASGI-059", required=True, aspects={"pseudo": "ASGI-068"}),
    Field("client", v.CLIENT, "ASGI-060", default="None", aspects={"port": "ASGI-064"}),
    Field("server", v.SERVER, "ASGI-061", default="None", aspects={"port": "ASGI-064"}),
    Field("state", v.MAPPING, "ASGI-062", default="no lifespan state"),
    Field("extensions", v.EXTENSIONS, "ASGI-220", default="none", aspects={"none": "ASGI-222"}),
)

WEBSOCKET_SCOPE = (
    Field("type", v.one_of("websocket"), "ASGI-130", required=True),
    Field("asgi", v.ASGI, "ASGI-006", required=True, aspects={"spec": "ASGI-131"}),
    Field("http_version", v.one_of("1.1", "2", "3"), "ASGI-132", default='"1.1"'),
    Field("scheme", v.FILLED, "ASGI-133", default='"ws"'),
    Field("path", v.TEXT, "ASGI-134", required=True),
    Field("raw_path", v.BYTES_OR_NONE, "ASGI-135", default="None"),
    Field("query_string", v.BYTES_OR_NONE, "ASGI-136", default='b""'),
    Field("root_path", v.TEXT, "ASGI-137", default='""'),
    Field("headers", v.RECEIVED_PAIRS, "ASGI-138", required=True, aspects={"pseudo": "ASGI-068"}),
    Field("client", v.CLIENT, "ASGI-139", default="None", aspects={"port": "ASGI-064"}),
    Field("server", v.SERVER, "ASGI-139", default="None", aspects={"port": "ASGI-064"}),
    Field("subprotocols", v.TEXTS, "ASGI-140", default="[]"),
    Field("state", v.MAPPING, "ASGI-141", default="no lifespan state"),
    Field("extensions", v.EXTENSIONS, "ASGI-220", default="none", aspects={"none": "ASGI-222"}),
)

LIFESPAN_SCOPE = (
    Field("type", v.one_of("lifespan"), "ASGI-190", required=True),
    Field("asgi", v.LIFESPAN_ASGI, "ASGI-006", required=True, aspects={"spec": "ASGI-190"}),
    Field("state", v.MAPPING, "ASGI-191", default="no lifespan state"),
)

TLS_ENTRY = (
    Field("server_cert", v.TEXT_OR_NONE, "ASGI-301", required=True),
    Field("client_cert_chain", v.TEXTS, "ASGI-302", default="[]"),
    Field("client_cert_name", v.TEXT_OR_NONE, "ASGI-303", default="None"),
    Field("client_cert_error", v.FILLED_OR_NONE, "ASGI-304", default="None"),
    Field("tls_version", v.INTEGER_OR_NONE, "ASGI-305", required=True),
    Field("cipher_suite", v.CIPHER, "ASGI-306", required=True),
)

HTTP = Protocol(
    "http",
    HTTP_SCOPE,
    _by_type(
        Message(
            "http.request",
            SERVER,
            "A piece of the body.",
            "ASGI-088",
            (
                Field("body", v.BYTES, "ASGI-012", default='b""'),
                Field("more_body", v.FLAG, "ASGI-086", default="False"),
            ),
        ),
        Message("http.disconnect", SERVER, "The client is gone, or the response complete.", "ASGI-085"),
        Message(
            "http.response.start",
            APPLICATION,
            "The head of the response.",
            "ASGI-037",
            (STATUS, HEADERS, Field("trailers", v.FLAG, "ASGI-101", default="False")),
        ),
        Message(
            "http.response.body",
            APPLICATION,
            "A piece of the body.",
            "ASGI-037",
            (Field("body", v.BUFFER, "ASGI-109", default='b""'), MORE_BODY),
        ),
        Message(
            "http.response.zerocopysend",
            APPLICATION,
            "A piece of the body, out of an open file.",
            "ASGI-250",
            (
                Field("file", v.FILE, "ASGI-251", required=True),
                Field("offset", v.INTEGER, "ASGI-251", default="the file's position"),
                Field("count", v.INTEGER, "ASGI-251", default="up to the file's end"),
                Field("more_body", v.FLAG, "ASGI-251", default="False"),
            ),
            extension="http.response.zerocopysend",
        ),
        Message(
            "http.response.pathsend",
            APPLICATION,
            "The whole body, out of a file with this path.",
            "ASGI-260",
            (Field("path", v.PATH, "ASGI-261", required=True),),
            extension="http.response.pathsend",
        ),
        Message(
            "http.response.trailers",
            APPLICATION,
            "Fields after the body.",
            "ASGI-280",
            (
                Field("headers", v.SENT_PAIRS, "ASGI-281", required=True, aspects=TRAILERS),
                Field("more_trailers", v.FLAG, "ASGI-281", default="False"),
            ),
            extension="http.response.trailers",
        ),
        Message(
            "http.response.early_hint",
            APPLICATION,
            "A 103 with link headers. (Newer text: before the start; older: after it.)",
            "ASGI-271",
            (Field("links", v.LINKS, "ASGI-270", required=True, aspects={"injection": "ASGI-274"}),),
            extension="http.response.early_hint",
        ),
        Message(
            "http.response.push",
            APPLICATION,
            "A promise of another response.",
            "ASGI-240",
            (
                Field("path", v.TEXT, "ASGI-241", required=True),
                Field("headers", v.SENT_PAIRS, "ASGI-241", required=True, aspects=PUSHED),
            ),
            extension="http.response.push",
        ),
        Message(
            "http.response.debug",
            APPLICATION,
            "Facts for a test client.",
            "ASGI-290",
            (Field("info", v.MAPPING, "ASGI-290", required=True),),
            extension="http.response.debug",
        ),
    ),
    (
        Machine(
            "what the server gives",
            "reading",
            (
                Step("reading", "http.request", "reading", When.MORE),
                Step("reading", "http.request", "read", When.LAST),
                Step("reading", "http.disconnect", "gone"),
                Step("read", "http.disconnect", "gone"),
                Step("gone", "http.disconnect", "gone"),
            ),
        ),
        Machine(
            "what the application sends",
            "waiting",
            (
                Step("waiting", "http.response.debug", "debugged"),
                *(
                    step
                    for state in ("waiting", "debugged")
                    for step in (
                        Step(state, "http.response.early_hint", state),
                        Step(state, "http.response.start", "started"),
                    )
                ),
                *(
                    step
                    for state in ("started", "streaming")
                    for body in ("http.response.body", "http.response.zerocopysend")
                    for step in (
                        Step(state, body, "streaming", When.MORE),
                        Step(state, body, "complete", When.LAST),
                        Step(state, body, "trailing", When.OWING),
                    )
                ),
                Step("started", "http.response.pathsend", "delivered", When.LAST),
                Step("started", "http.response.pathsend", "trailing", When.OWING),
                *(
                    Step(state, message, state)
                    for state in ("started", "streaming")
                    for message in ("http.response.push", "http.response.early_hint")
                ),
                Step("trailing", "http.response.trailers", "trailing", When.MORE),
                Step("trailing", "http.response.trailers", "complete", When.LAST),
            ),
            silent=("complete", "delivered"),
            unfinished={
                "waiting": "ASGI-018",
                "debugged": "ASGI-018",
                "started": "ASGI-105",
                "streaming": "ASGI-018",
                "trailing": "ASGI-285",
            },
        ),
    ),
)

WEBSOCKET = Protocol(
    "websocket",
    WEBSOCKET_SCOPE,
    _by_type(
        Message("websocket.connect", SERVER, "A handshake waits for an answer.", "ASGI-145"),
        Message(
            "websocket.receive",
            SERVER,
            "A message of the client. Exactly one of the two is not None (ASGI-160). Only after the accept "
            "(ASGI-146).",
            "ASGI-179",
            (
                Field("bytes", v.BYTES_OR_NONE, "ASGI-161", default="None"),
                Field("text", v.UNICODE_OR_NONE, "ASGI-161", default="None"),
            ),
        ),
        Message(
            "websocket.disconnect",
            SERVER,
            "The connection is over.",
            "ASGI-145",
            (
                Field("code", v.INTEGER, "ASGI-176", required=True),
                Field("reason", v.TEXT_OR_NONE, "ASGI-176", default='""', since="2.5"),
            ),
        ),
        Message(
            "websocket.accept",
            APPLICATION,
            "Yes to the handshake.",
            "ASGI-037",
            (
                Field("subprotocol", v.TEXT_OR_NONE, "ASGI-147", default="None"),
                Field("headers", v.ACCEPT_PAIRS, "ASGI-147", default="[]", since="2.1", aspects=ACCEPTED),
            ),
        ),
        Message(
            "websocket.send",
            APPLICATION,
            "A message to the client. Exactly one of the two is not None.",
            "ASGI-037",
            (
                Field("bytes", v.BYTES_OR_NONE, "ASGI-165", default="None"),
                Field(
                    "text", v.UNICODE_OR_NONE, "ASGI-165", default="None", aspects={"surrogate": "ASGI-161"}
                ),
            ),
        ),
        Message(
            "websocket.close",
            APPLICATION,
            "No to the handshake, with a 403; or the end of the connection.",
            "ASGI-037",
            (
                Field("code", v.CLOSE_CODE, "ASGI-181", default="1000", aspects=CLOSED),
                Field("reason", v.CLOSE_REASON, "ASGI-181", default='""', since="2.3", aspects=CLOSED),
            ),
        ),
        Message(
            "websocket.http.response.start",
            APPLICATION,
            "No to the handshake, with a response of one's own: its head.",
            "ASGI-231",
            (
                Field("status", v.STATUS, "ASGI-231", required=True, aspects={"range": "SERVER-20"}),
                Field("headers", v.SENT_PAIRS, "ASGI-231", default="[]", aspects=SENT),
            ),
            extension="websocket.http.response",
        ),
        Message(
            "websocket.http.response.body",
            APPLICATION,
            "A piece of its body.",
            "ASGI-231",
            (
                Field("body", v.BUFFER, "ASGI-231", default='b""'),
                Field("more_body", v.FLAG, "ASGI-231", default="False"),
            ),
            extension="websocket.http.response",
        ),
    ),
    (
        Machine(
            "what the server gives",
            "opening",
            (
                Step("opening", "websocket.connect", "connected"),
                Step("connected", "websocket.receive", "connected"),
                Step("connected", "websocket.disconnect", "gone"),
                Step("gone", "websocket.disconnect", "gone"),
            ),
        ),
        Machine(
            "what the application sends",
            "connecting",
            (
                Step("connecting", "websocket.accept", "open"),
                Step("connecting", "websocket.close", "denied"),
                Step("connecting", "websocket.http.response.start", "denying"),
                Step("denying", "websocket.http.response.body", "denying", When.MORE),
                Step("denying", "websocket.http.response.body", "responded", When.LAST),
                Step("open", "websocket.send", "open"),
                Step("open", "websocket.close", "closed"),
            ),
            silent=("responded",),
            unfinished={"connecting": "ASGI-153", "denying": "ASGI-018"},
        ),
    ),
)

LIFESPAN = Protocol(
    "lifespan",
    LIFESPAN_SCOPE,
    _by_type(
        Message("lifespan.startup", SERVER, "The server is about to accept connections.", "ASGI-202"),
        Message("lifespan.shutdown", SERVER, "The server has closed all connections.", "ASGI-202"),
        Message("lifespan.startup.complete", APPLICATION, "The application is ready.", "ASGI-037"),
        Message(
            "lifespan.startup.failed",
            APPLICATION,
            "The application cannot start, and the server should end.",
            "ASGI-037",
            (Field("message", v.TEXT, "ASGI-195", default='""'),),
        ),
        Message("lifespan.shutdown.complete", APPLICATION, "The application has cleaned up.", "ASGI-037"),
        Message(
            "lifespan.shutdown.failed",
            APPLICATION,
            "The application could not clean up.",
            "ASGI-037",
            (Field("message", v.TEXT, "ASGI-201", default='""'),),
        ),
    ),
    (
        Machine(
            "what both say",
            "new",
            (
                Step("new", "lifespan.startup", "starting"),
                Step("starting", "lifespan.startup.complete", "running"),
                Step("starting", "lifespan.startup.failed", "failed"),
                Step("running", "lifespan.shutdown", "stopping"),
                Step("stopping", "lifespan.shutdown.complete", "ended"),
                Step("stopping", "lifespan.shutdown.failed", "ended"),
            ),
            unfinished={"stopping": "ASGI-200"},
        ),
    ),
)

PROTOCOLS: Mapping[str, Protocol] = {protocol.type: protocol for protocol in (HTTP, WEBSOCKET, LIFESPAN)}
MESSAGES: Mapping[str, Message] = {
    name: message for protocol in PROTOCOLS.values() for name, message in protocol.messages.items()
}
