"""A small, strict ASGI server for HTTP/1.1, which the conformance kit is tried against: whole it passes every case, and
with one of its planted faults the case for that clause must fail.

It is a judge of the judge, so it takes nothing from asgate: only the standard library. `grammar` reads
requests, `scope` describes them, `exchange` and `response` are what the application talks to, `connection` owns the
socket, `lifespan` and `__main__` the process. `websocket` is what the application of a WebSocket talks to, with
`websocket_handshake`, `websocket_frames` and `websocket_link` below it. `lenient` and `driver` serve faults alone.
"""
