"""Header fields: bytes on the wire, text for the test, names in any case, repeated ones kept."""

from collections.abc import Iterable, Iterator, Mapping

Text = str | bytes
HeadersGiven = Mapping[str, str] | Mapping[bytes, bytes] | Iterable[tuple[Text, Text]] | None


class Headers(Mapping[str, str]):
    """A response's fields. `headers["x"]` joins repeated ones with a comma, `every("x")` keeps them apart, `raw` has
    the exact bytes in order.
    """

    def __init__(self, raw: Iterable[tuple[bytes, bytes]] = ()) -> None:
        self.raw = list(raw)

    def every(self, name: str) -> list[str]:
        """All values of a name, in order; none is an empty list."""
        wanted = name.lower().encode("latin-1")
        return [value.decode("latin-1") for field, value in self.raw if field.lower() == wanted]

    def __getitem__(self, name: str) -> str:
        if values := self.every(name):
            return ", ".join(values)
        raise KeyError(name)

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and bool(self.every(name))

    def __iter__(self) -> Iterator[str]:
        return iter(dict.fromkeys(field.lower().decode("latin-1") for field, _ in self.raw))

    def __len__(self) -> int:
        return len(list(iter(self)))

    def __repr__(self) -> str:
        return f"Headers({self.raw!r})"


def wire_pairs(given: HeadersGiven) -> list[tuple[bytes, bytes]]:
    """What a test wrote, as a server passes it on: bytes, names in lower case (ASGI-067)."""
    if given is None:
        return []
    items: Iterable[tuple[Text, Text]] = given.items() if isinstance(given, Mapping) else given
    return [(_bytes(name).lower(), _bytes(value)) for name, value in items]


def _bytes(text: Text) -> bytes:
    return text if isinstance(text, bytes) else text.encode("latin-1")
