from asgate.conformance.control import Peer
from asgate.conformance.evidence import FIRST_LINES, LAST_LINES, LINE, Evidence, brief, printable, shown

PEERS = [Peer.__new__(Peer), Peer.__new__(Peer)]
for number, peer in enumerate(PEERS, 1):
    peer.number = number


def opened(number, **more):
    return {"open": number, "mode": "steered", "scope": {"type": "http"}, "facts": {}} | more


def test_conversations_are_numbered_in_each_case():
    evidence = Evidence()
    evidence.report(PEERS[0], opened(57))
    evidence.report(PEERS[1], opened(57))
    evidence.report(
        PEERS[0], {"conversation": 57, "do": "send", "op": 9, "message": {"type": "x", "body": b"y"}}
    )
    evidence.report(PEERS[0], {"op": 9, "raised": {"type": "OSError", "kinds": [], "text": "gone"}})
    evidence.report(PEERS[1], {"closed": 57, "how": "returned"})
    assert evidence.lines() == (
        "app    1: called with {'type': 'http'}",
        "app    2: called with {'type': 'http'}",
        "app    1: 9 send {'type': 'x', 'body': b'y'}",
        "app       9 raised OSError: gone",
        "app    2: returned",
    )


def test_what_belongs_to_no_case_is_left_out():
    evidence = Evidence()
    evidence.report(PEERS[0], opened(1, mode="aside", aside="1"))
    evidence.report(PEERS[0], {"closed": 1, "how": "returned"})
    evidence.report(PEERS[0], {"closed": 4, "how": "cancelled"})
    evidence.report(PEERS[0], {"conversation": 4, "do": "abandon", "op": 3})
    assert evidence.lines() == ()


def test_lines_are_bounded_and_the_last_ones_kept():
    evidence = Evidence()
    for number in range(1000):
        evidence.write(f"{number} " + "x" * 10_000)
    lines = evidence.lines()
    assert len(lines) == FIRST_LINES + 1 + LAST_LINES
    assert lines[FIRST_LINES] == f"… {1000 - FIRST_LINES - LAST_LINES} lines left out"
    assert lines[-1].startswith("999 ")
    assert max(map(len, lines)) < LINE + 200


def test_long_reads_become_one_line():
    evidence = Evidence()
    for _ in range(1000):
        evidence.wire("wire 1 <", b"x" * 65536)
    evidence.wire("wire 1 <", b"FIN")
    evidence.wire("wire 1 <", b"y" * 65536)
    first, end, last = evidence.lines()
    assert first.endswith("… (65536000 bytes)")
    assert end == "wire 1 < FIN"
    assert last.startswith("wire 1 < yyy")


def test_text_that_a_terminal_can_take():
    assert printable("\x1b[31m \udce9 é\n") == "\\x1b[31m \\udce9 é\\n"
    assert shown(b"\r\n\xff") == "\\r\\n\\xff"


def test_brief_does_not_spell_out_what_is_long():
    assert brief("as it stands") == "as it stands"
    assert brief({"a": "b", "c": b"d" * 1000}, 600).endswith("… (1000 bytes)}")
    assert len(brief([b"x"] * 10_000)) < 250
