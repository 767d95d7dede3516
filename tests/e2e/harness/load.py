"""Keep-alive clients in threads that ask as fast as they can until their server stops, and judge what they got.

An exchange ends in one of three ways: answered (a complete response), unanswered (a clean end before its
first byte), or broken, which is a fault of the server.
"""

import threading
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from harness.connection import Address, Client, Incomplete, Response, request


@dataclass(frozen=True)
class Question:
    """A request and the body that its answer must have."""

    data: bytes
    body: bytes


@dataclass
class Verdict:
    answered: int = 0
    unanswered: int = 0
    broken: list[str] = field(default_factory=list)
    statuses: Counter[int] = field(default_factory=Counter)


class Crowd:
    """`size` clients, each on its own connection, each in its own thread."""

    def __init__(
        self, address: Address, questions: Sequence[Question], size: int, *, pipeline: int = 1
    ) -> None:
        self._address = address
        self._questions = questions
        self._pipeline = pipeline
        self._news = threading.Condition()
        self.verdict = Verdict()
        self._threads = [threading.Thread(target=self._work, args=(number,)) for number in range(size)]

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def wait_for_answers(self, count: int, patience: float) -> None:
        """Returns when so many requests have been answered, or somebody has found a fault."""
        with self._news:
            reached = self._news.wait_for(
                lambda: self.verdict.answered >= count or self.verdict.broken, patience
            )
        assert reached, f"only {self.verdict.answered} answers in {patience:g} s"

    def join(self, patience: float) -> Verdict:
        for thread in self._threads:
            thread.join(patience)
        assert not any(thread.is_alive() for thread in self._threads), "a client never saw an end"
        return self.verdict

    def _work(self, number: int) -> None:
        try:
            with Client(self._address) as client:
                step = number
                while self._ask(client, step):
                    step += self._pipeline
        except ConnectionRefusedError:
            self._note(unanswered=True)  # Who comes after the end is told so at once.
        except Exception as error:  # whatever it is, the test shall see it
            self._note(broken=f"{type(error).__name__}: {error}")

    def _ask(self, client: Client, step: int) -> bool:
        asked = [self._questions[(step + index) % len(self._questions)] for index in range(self._pipeline)]
        try:
            client.send(b"".join(question.data for question in asked))
        except (BrokenPipeError, ConnectionResetError):
            self._note(unanswered=True)  # it ended before we asked
            return False
        for question in asked:
            try:
                response = client.response()
            except (Incomplete, ConnectionResetError) as error:
                if isinstance(error, Incomplete) and not client.parser.began:
                    self._note(unanswered=True)
                    return False
                line, received = question.data.split(b"\r", 1)[0], len(client.parser.rest)
                raise AssertionError(f"{line!r}: {received} bytes, then {type(error).__name__}") from error
            self._judge(question, response)
            if response.header("connection") == "close":
                assert client.ended(), "bytes after the last response"
                return False
        return True

    def _judge(self, question: Question, response: Response) -> None:
        assert response.status == 200, (response.status, response.body[:200])
        assert response.body == question.body, f"{len(response.body)} bytes, expected {len(question.body)}"
        self._note(answered=True)

    def _note(self, *, answered: bool = False, unanswered: bool = False, broken: str = "") -> None:
        with self._news:
            self.verdict.answered += answered
            self.verdict.unanswered += unanswered
            if broken:
                self.verdict.broken.append(broken)
            self._news.notify_all()


def mixed_questions() -> list[Question]:
    """Short, streamed, large, and with a body: what a server has in its hands when the signal comes."""
    upload = bytes(range(256)) * 80
    return [
        Question(request("GET", "/hello"), b"Hello, World!"),
        Question(request("GET", "/stream?count=20&size=700"), (bytes(range(256)) * 256)[:700] * 20),
        Question(request("GET", "/blob?size=200000"), b"b" * 200_000),
        Question(request("POST", "/echo", body=upload), upload),
        Question(request("GET", "/stream?count=5&size=70000"), (bytes(range(256)) * 512)[:70_000] * 5),
    ]
