"""Judgements with every outcome, level and kind, and with evidence that would like to break out of a report."""

from dataclasses import replace

import pytest

from asgate.conformance.results import Judgement, Outcome, Result
from asgate.spec.clauses import Level

HOSTILE = "</script><script>broken=1</script> <!-- \"'`$policy ${x} | *a* \u202egnp.exe \x00\x1b[31m \ud800 ]]> \u2028"
SERVERS = ("plain", "broken", "odd")
# Group, name, clauses, level, then what each of the servers does.
CASES = (
    ("request", "first_event", ("ASGI-085",), "", Level.MUST, "pass", "pass", "pass"),
    ("request", "order_kept", ("ASGI-065", "ASGI-066"), "", Level.MUST, "pass", "fail", "pass"),
    ("request", "cancelled_receive", ("ASGI-022",), "", Level.SHOULD, "pass", "fail", "differs"),
    ("response", "error_page", ("ASGI-017",), "", Level.SHOULD, "pass", "crashed", "pass"),
    ("response", "hints", (), "RFC 8297 2", Level.MAY, "not offered", "fail", "error"),
    ("response", "length", (), "RFC 9112 6.3", Level.MUST, "pass", "differs", "not offered"),
)


def judgement(place: int) -> Judgement:
    results = tuple(
        Result(
            f"{group}/{name}",
            f"A right server does what {name} asks.",
            group,
            clauses,
            rfc,
            level,
            "2.4" if name == "hints" else "",
            "http.response.early_hint" if name == "hints" else "",
            Outcome(outcomes[place]),
            "" if outcomes[place] == "pass" else f"expected: {name}; saw: {HOSTILE}",
            (
                rf"wire 1 > GET /{name} HTTP/1.1\r\nhost: probe\r\n\r\n",
                "app    1: called with {'type': 'http', 'path': '/'}",
                rf"wire 1 < HTTP/1.1 200 OK\r\nx: back\\new\r\n\r\n{HOSTILE}",
            ),
            0.012,
        )
        for group, name, clauses, rfc, level, *outcomes in CASES
    )
    name = SERVERS[place]
    return Judgement(
        name,
        f"1.{place}",
        f"python -m {name} probe:app",
        "3.12.1",
        "0.3.0",
        "2026-11-22T12:00:00+00:00",
        results,
    )


@pytest.fixture(scope="session")
def judgements() -> list[Judgement]:
    return [judgement(place) for place in range(len(SERVERS))]


@pytest.fixture(scope="session")
def many() -> list[Judgement]:
    """As large as a run of everything: nine servers, 450 cases, three kilobytes of evidence each."""
    base = judgement(1)
    line = r"wire 1 < HTTP/1.1 200 OK\r\ncontent-length: 2\r\nserver: any\r\n\r\nok "
    results = tuple(
        replace(
            base.results[number % len(base.results)],
            case=f"group_{number // 30}/case_{number}",
            group=f"group_{number // 30}",
            evidence=(line,) * (3000 // len(line)),
        )
        for number in range(450)
    )
    return [replace(base, server=f"server-{number}", results=results) for number in range(9)]
