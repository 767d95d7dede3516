"""The drive: lifespan, then every subject in every scenario, then once more in a second event loop.

A scenario is compared with the plain request: what fails here and not there, twice, breaks the scenario's clause.
Nothing that is asked takes longer than the time limit, and an application that hangs is not asked for ever.
"""

import asyncio
import json
import traceback
from collections.abc import Coroutine, Mapping
from typing import Any, TypeVar

from asgate.conformance.check.attempt import MOST_MESSAGES, Attempt
from asgate.conformance.check.blocking import Watchdog
from asgate.conformance.check.findings import Seen, Verdict, against
from asgate.conformance.check.plan import Subject, Wish, of_schema
from asgate.conformance.check.scenarios import BODY, PLAIN, PROGRAMMING, REQUEST, Scenario
from asgate.conformance.check.starting import Start
from asgate.conformance.check.websockets import PLAIN as PLAIN_WEBSOCKET
from asgate.conformance.check.websockets import WEBSOCKET
from asgate.spec.clauses import Level
from asgate.spec.types import ASGIApplication
from asgate.testing.application import asgi3
from asgate.testing.http_rules import HttpRules
from asgate.testing.options import Served
from asgate.testing.rules import Rules
from asgate.testing.scopes import handshake, http_scope, websocket_scope
from asgate.testing.websocket_rules import WebsocketRules

MOST_HANGS = 3  # of one subject, each of which takes the time limit
AT_ONCE = 4  # requests at the same time
ORIGIN = "http://localhost"
T = TypeVar("T")


def drive(application: Any, wish: Wish) -> Verdict:
    """Checks an application. Raises `Failure` when it does not start, LookupError when its schema is not there."""
    drive = Drive(asgi3(application), wish)
    bounded(drive.first())
    if not drive.hopeless:
        bounded(drive.second())
    return drive.verdict


class Drive:
    """One check."""

    def __init__(self, application: ASGIApplication, wish: Wish) -> None:
        self.application = application
        self.wish = wish
        self.verdict = Verdict(wish.target)
        self.hopeless = False  # no application that can be called
        self._state: dict[str, Any] = {}

    async def first(self) -> None:
        """Everything, in the first loop."""
        start = Start(self.application, self.wish, self.verdict)
        async with Watchdog() as watchdog:
            self._state = await start.up()
            subjects = list(dict.fromkeys([*self.wish.subjects, *await self._schema()]))
            for subject in subjects:
                await self._examine(subject)
                if self.hopeless:
                    break
            if not self.hopeless:
                await self._strange()
            await start.down()
        self._blocked(watchdog)

    async def second(self) -> None:
        """Another loop in the same process, as servers have that run threads, and tests."""
        start = Start(self.application, self.wish, self.verdict, again=True)
        self._state = await start.up()
        for subject in self.wish.subjects[:1]:
            await self._play(subject, again(PLAIN_WEBSOCKET if subject.websocket else PLAIN))
        await start.down()

    # A subject.

    async def _examine(self, subject: Subject) -> None:
        base = PLAIN_WEBSOCKET if subject.websocket else PLAIN
        plain = await self._play(subject, base)
        if self._uncallable(plain):
            return
        most = plain.heard if plain.silent or plain.heard >= MOST_MESSAGES else MOST_MESSAGES
        hangs, bodies = int(plain.hung), dict[str, Attempt]()
        for scenario in WEBSOCKET if subject.websocket else REQUEST:
            if hangs >= MOST_HANGS:
                self.verdict.note(f"{subject}: given up after {hangs} scenarios in which it did not end")
                return
            if scenario.name == "without state" and self._state:
                continue  # its own state is what it may rely on
            attempt = await self._play(subject, scenario, min(most, MOST_MESSAGES))
            hangs += attempt.hung
            if scenario.body == "known":
                self._compare_bodies(scenario, attempt, bodies)
            if scenario.clause and broken(scenario, attempt) and sound(scenario, plain):
                await self._confirm(subject, scenario, attempt)
        if not subject.websocket and not (plain.silent or plain.hung):
            await self._at_once(subject, plain)

    async def _confirm(self, subject: Subject, scenario: Scenario, attempt: Attempt) -> None:
        """Once more, with a plain request between: applications may fail for reasons of their own."""
        base = PLAIN_WEBSOCKET if subject.websocket else PLAIN
        between, last = await self._made(subject, base), await self._made(subject, scenario)
        if scenario.clause != "ASGI-073" and not (sound(scenario, between) and broken(scenario, last)):
            return
        sentence = f"the application {_how(attempt)} "
        if scenario.departs:
            sentence += "after the client had left"  # the same in every such scenario
        else:
            sentence += f"here, and not for a plain request: {scenario.says}"
        attempt.find(scenario.clause, sentence, scenario.advice, scenario.level)
        self.verdict.add(attempt.findings[-1], scenario.name)

    def _compare_bodies(self, scenario: Scenario, attempt: Attempt, bodies: dict[str, Attempt]) -> None:
        bodies[scenario.name] = attempt
        first, second = bodies["body whole"], bodies.get("body whole again")
        if second is None or attempt is second or not scenario.clause:
            return
        steady = _told(first) == _told(second)
        if steady and not first.failed and not first.silent and _told(attempt) != _told(first):
            sentence = (
                f"another answer ({attempt.answer}) than to the same body in one piece; here {scenario.says}"
            )
            attempt.find(scenario.clause, sentence, scenario.advice, Level.SHOULD)
            self.verdict.add(attempt.findings[-1], scenario.name)

    async def _at_once(self, subject: Subject, plain: Attempt) -> None:
        """Several requests at the same time, the last one's body first."""
        advice = "keep receive, send and scope of a request in its own variables"
        scenario = Scenario(
            "at once", "several requests run at once", PLAIN.play, clause="ASGI-073", advice=advice
        )
        attempts = [self._attempt(subject, scenario, MOST_MESSAGES) for _ in range(AT_ONCE)]
        for attempt in attempts:
            attempt.start()
        for attempt in attempts:
            await attempt.waits()
        for attempt in reversed(attempts):
            attempt.piece(b"")
        await asyncio.gather(*(attempt.read() for attempt in attempts))
        await asyncio.gather(*(attempt.finish() for attempt in attempts))
        for attempt in attempts:
            self._keep(subject, scenario, attempt)
        mixed = [attempt for attempt in attempts if attempt.failed or attempt.silent]
        if mixed and not plain.failed:
            attempt = mixed[0]
            attempt.find(scenario.clause, f"the application {_how(attempt)} when {scenario.says}", advice)
            self.verdict.add(attempt.findings[-1], scenario.name)

    async def _strange(self) -> None:
        """A scope of a type that nobody knows."""
        scope = {"type": "asgate.unknown", "asgi": {"version": "3.0"}}
        attempt = Attempt(
            self.application, scope, Rules(scope), self._served({}), strict=False, most=MOST_MESSAGES
        )
        attempt.start()
        scenario = Scenario("unknown scope", "a scope of a type that nobody knows", PLAIN.play)
        await attempt.waits()
        if not attempt.talk.over:
            await attempt.finish()
        messages = attempt.talk.waiting_messages()
        if messages or attempt.talk.failure is None:
            how = "answers" if messages else "returns without a word"
            sentence = f"the application {how} when the scope is of a type that it cannot know"
            advice = "raise for scope types other than those that you serve"
            attempt.findings[:] = [finding for finding in attempt.findings if finding.clause == "ASGI-003"]
            attempt.find("ASGI-020", sentence, advice, Level.MAY)
        self._keep(Subject("", "asgate.unknown"), scenario, attempt)

    # One attempt.

    async def _play(self, subject: Subject, scenario: Scenario, most: int = MOST_MESSAGES) -> Attempt:
        self.wish.progress(f"{subject}: {scenario.name}")
        attempt = await self._made(subject, scenario, most)
        self._keep(subject, scenario, attempt)
        return attempt

    async def _made(self, subject: Subject, scenario: Scenario, most: int = MOST_MESSAGES) -> Attempt:
        attempt = self._attempt(subject, scenario, most)
        await scenario.play(attempt)
        attempt.close()
        return attempt

    def _keep(self, subject: Subject, scenario: Scenario, attempt: Attempt) -> None:
        if not attempt.seconds:
            attempt.close()
        for finding in attempt.findings:
            self.verdict.add(finding, scenario.name)
        where = str(subject) if subject.target else subject.method
        self.verdict.seen.append(
            Seen(where, scenario.name, scenario.says, attempt.answer, attempt.seconds, len(attempt.findings))
        )

    def _attempt(self, subject: Subject, scenario: Scenario, most: int) -> Attempt:
        served = self._served(scenario.served)
        headers = [(b"host", b"localhost"), (b"user-agent", b"asgate-check"), (b"accept", b"*/*")]
        rules: Rules
        if subject.websocket:
            pairs = [*headers[:2], *handshake([]), *self.wish.headers]
            scope = websocket_scope(f"{ORIGIN}{subject.target}", pairs, [], served, self._state)
            rules = WebsocketRules(scope)
        else:
            if scenario.body:
                headers.append((b"content-type", b"application/x-www-form-urlencoded"))
                headers.append((b"content-length", str(len(BODY)).encode()))
            url = f"{ORIGIN}{subject.target}"
            scope = http_scope(subject.method, url, [*headers, *self.wish.headers], served, self._state)
            rules = HttpRules(scope)
        scenario.shape(scope)
        return Attempt(self.application, scope, rules, served, strict=self.wish.strict, most=most)

    def _served(self, options: Mapping[str, Any]) -> Served:
        given: dict[str, Any] = {"extensions": ("websocket.http.response",), **options}
        return Served(timeout=self.wish.timeout, raise_app_exceptions=False, **given)

    # What there is to ask for, and what can be said at the end.

    async def _schema(self) -> list[Subject]:
        if not self.wish.openapi:
            return []
        subject = Subject(self.wish.openapi, "GET")
        attempt = await self._made(subject, PLAIN)
        try:
            if attempt.status != 200:
                raise ValueError(f"the answer is {attempt.answer}")
            return of_schema(json.loads(bytes(attempt.body)), unsafe=self.wish.unsafe)
        except (ValueError, AttributeError) as error:
            if self.wish.required:
                raise LookupError(f"no OpenAPI schema at {self.wish.openapi}: {error}") from None
            return []

    def _uncallable(self, attempt: Attempt) -> bool:
        """Whether the application takes no three arguments, or gives nothing to await."""
        error = attempt.raised
        if not isinstance(error, TypeError) or not _outside(error):
            return False
        sentence = f"the application cannot be called with (scope, receive, send): {error}"
        attempt.find("ASGI-001", sentence, "make it an async function of scope, receive and send")
        self.verdict.add(attempt.findings[-1], PLAIN.name)
        self.hopeless = True
        return True

    def _blocked(self, watchdog: Watchdog) -> None:
        for place, (seconds, times) in watchdog.places.items():
            if times > 1:
                sentence = f"the application blocks the event loop at {place}"
                advice = f"up to {seconds:.1f} s, {times} times: await it, or run it with asyncio.to_thread"
                self.verdict.add(against("ASGI-003", sentence, advice, "", level=Level.MAY), "all")


def broken(scenario: Scenario, attempt: Attempt) -> bool:
    """Whether the application failed, in the eyes of this scenario."""
    if not scenario.departs:
        return attempt.failed
    return attempt.left and attempt.raised is not None and _careless(attempt.raised)


def sound(scenario: Scenario, plain: Attempt) -> bool:
    """Whether a plain request went well enough to say that it is the scenario that matters."""
    return plain.left or plain.raised is None if scenario.departs else not plain.failed


def _careless(error: BaseException) -> bool:
    """Whether it comes from code that reads an event without looking at its type."""
    if isinstance(error, BaseExceptionGroup):
        return any(map(_careless, error.exceptions))
    return isinstance(error, PROGRAMMING)


def again(scenario: Scenario) -> Scenario:
    """The same under another name."""
    return Scenario("second loop", f"{scenario.says}, in a second event loop", scenario.play)


def _how(attempt: Attempt) -> str:
    if attempt.raised is not None:
        return f"raised {attempt.raised!r:.150}"
    return "did not answer" if attempt.silent else f"answers {attempt.status}"


def _told(attempt: Attempt) -> tuple[int | None, bytes]:
    return attempt.status, bytes(attempt.body)


def _outside(error: BaseException) -> bool:
    """Whether it was raised by the call itself, and not by code of the application."""
    frames = traceback.walk_tb(error.__traceback__)
    return all(str(frame.f_globals.get("__name__")).startswith("asgate.") for frame, _ in frames)


def bounded(main: Coroutine[Any, Any, T]) -> T:
    """Runs in a loop of its own. Tasks that cannot be ended are left behind, where `asyncio.run` would wait."""
    loop = asyncio.new_event_loop()
    loop.set_exception_handler(lambda *_: None)  # what an application leaves behind is not our output
    try:
        asyncio.set_event_loop(loop)
        return loop.run_until_complete(main)
    finally:
        if left := asyncio.all_tasks(loop):
            for task in left:
                task.cancel()
            loop.run_until_complete(asyncio.wait(left, timeout=1))
        loop.run_until_complete(loop.shutdown_asyncgens())
        asyncio.set_event_loop(None)
        loop.close()
