"""The handshake of a WebSocket (RFC 6455 4.2): whether a request is one, whether it is sound, and its answer."""

import base64
import binascii
import hashlib
import re

from .grammar import Fields, Head, Refused
from .plants import planted
from .websocket_frames import Terms

GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
DEFLATE = "permessage-deflate"
OWN = {b"upgrade", b"connection", b"sec-websocket-key", b"sec-websocket-version"}


def is_handshake(head: Head) -> bool:
    """Whether the request asks for a WebSocket; another version of HTTP has none (RFC 9110 7.8)."""
    upgrades, options = head.words(b"upgrade"), head.words(b"connection")
    if planted("ws_tokens_case_sensitive"):
        upgrades = head.values(b"upgrade")
    if planted("ws_one_connection_option"):
        options = [b",".join(head.values(b"connection")[:1]).lower()]
    if head.version == "1.0" and not planted("ws_http_1_0"):
        return False
    wanted = b"websocket" in upgrades or (planted("ws_any_upgrade") and upgrades)
    return bool(wanted) and (b"upgrade" in options or planted("ws_connection_ignored"))


def check(head: Head) -> None:
    """Raises `Refused` for a handshake that is none."""
    if head.method != "GET" and not planted("ws_any_method"):
        raise Refused(400)
    if head.values(b"sec-websocket-version") != [b"13"] and not planted("ws_version_ignored"):
        raise Refused(426 if not planted("ws_426_without_version") else 400)
    keys = head.values(b"sec-websocket-key")
    if planted("ws_key_not_checked"):
        return
    try:
        sound = len(keys) == 1 and len(base64.b64decode(keys[0], validate=True)) == 16
    except binascii.Error:
        sound = False
    if not sound:
        raise Refused(400)
    if planted("ws_unknown_extension_refused") and b"x-" in b"".join(
        head.values(b"sec-websocket-extensions")
    ):
        raise Refused(400)


def subprotocols(head: Head) -> list[str]:
    """Those that the client offers, in its order."""
    values = head.values(b"sec-websocket-protocol")
    if planted("ws_subprotocols_of_one_field"):
        values = values[:1]
    if planted("ws_subprotocols_not_split"):
        return [value.decode() for value in values]
    names = [name.strip(b" \t").decode("latin-1") for value in values for name in value.split(b",")]
    return [name for name in names if name] or ([""] if planted("ws_empty_subprotocol") else [])


def terms(head: Head) -> Terms | None:
    """The first offer of compression that can be kept to (RFC 7692 5)."""
    for value in head.values(b"sec-websocket-extensions"):
        for offer in value.decode("latin-1").split(","):
            if (found := _kept(offer)) is not None or planted("ws_first_offer_only"):
                return found
    return None


def _kept(offer: str) -> Terms | None:
    name, *parts = (part.strip() for part in offer.split(";"))
    pairs = [tuple(part.partition("=")[::2]) for part in parts]
    found = dict(pairs)
    if planted("ws_offer_not_checked"):
        return Terms() if name == DEFLATE else None
    bits = found.pop("server_max_window_bits", "15")
    flags = {
        key: found.pop(key, None) for key in ("server_no_context_takeover", "client_no_context_takeover")
    }
    window = found.pop("client_max_window_bits", "")
    sound = re.fullmatch("9|1[0-5]", bits) and re.fullmatch("8|9|1[0-5]|", window)
    if name != DEFLATE or found or not sound or len(dict(pairs)) < len(pairs) or any(flags.values()):
        return None
    return Terms(int(bits), *(value is None for value in flags.values()))


def answer(head: Head, subprotocol: str | None, agreed: Terms | None) -> Fields:
    """The fields of the 101 that are the server's."""
    key = head.values(b"sec-websocket-key")[:1] or [b""]
    guid = GUID.lower() if planted("ws_wrong_proof") else GUID
    proof = base64.b64encode(hashlib.sha1(key[0] + guid).digest())
    fields = [(b"upgrade", b"websocket"), (b"connection", b"Upgrade"), (b"sec-websocket-accept", proof)]
    if planted("ws_first_subprotocol_chosen"):
        subprotocol = (subprotocols(head) or [None])[0]  # type: ignore[list-item]
    if subprotocol is not None and not planted("ws_subprotocol_dropped"):
        fields.append((b"sec-websocket-protocol", subprotocol.encode()))
    if agreed is not None:
        fields.append((b"sec-websocket-extensions", said(agreed).encode()))
    elif planted("ws_extension_unasked"):
        fields.append((b"sec-websocket-extensions", DEFLATE.encode()))
    return fields


def said(agreed: Terms) -> str:
    """The terms as a field has them."""
    words = [DEFLATE]
    if not agreed.server_takeover and not planted("ws_takeover_not_said"):
        words.append("server_no_context_takeover")
    if not agreed.client_takeover:
        words.append("client_no_context_takeover")
    if agreed.bits < 15 and not planted("ws_window_not_said"):
        words.append(f"server_max_window_bits={agreed.bits}")
    if planted("ws_client_window_unasked"):
        words.append("client_max_window_bits=15")
    if planted("ws_unknown_term"):
        words.append("x-term")
    return "; ".join(words)
