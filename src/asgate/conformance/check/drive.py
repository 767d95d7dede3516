"""The drive: lifespan, then every subject in every scenario, then once more in a second event loop.

A scenario is compared with the plain request: what fails here and not there, twice, breaks the scenario's clause.
Every wait has the time limit, and an application that hangs is not asked for ever. One that does not let the event
loop turn any more is ended from outside (`child.py`).
"""

import asyncio
import contextlib
import json
import traceback
from collections.abc import AsyncIterator, Coroutine, Mapping
from typing import Any, TypeVar

from asgate.conformance.check.attempt import MOST_MESSAGES, Attempt
from asgate.conformance.check.blocking import Watchdog
from asgate.conformance.check.bodies import FORM
from asgate.conformance.check.findings import STAYING, Report, Seen, against
from asgate.conformance.check.plan import SAFE, Subject, Wish, of_schema
from asgate.conformance.check.scenarios import BODY, PLAIN, PROGRAMMING, REQUEST, Scenario
from asgate.conformance.check.starting import LIFESPAN, Start
from asgate.conformance.check.websockets import PLAIN as PLAIN_WEBSOCKET
from asgate.conformance.check.websockets import WEBSOCKET
from asgate.errors import Exit, Failure
from asgate.spec.clauses import Level
from asgate.spec.types import ASGIApplication
from asgate.testing.application import asgi3
from asgate.testing.http_rules import HttpRules
from asgate.testing.options import Served
from asgate.testing.places import innermost, of_traceback
from asgate.testing.rules import Rules
from asgate.testing.scopes import handshake, http_scope, websocket_scope
from asgate.testing.websocket_rules import WebsocketRules

MOST_OVERDUE = 3  # waits of one subject, each of which takes the time limit
LAST = 5  # time limits in which the loop has to turn
LEAST = 3.0  # seconds, likewise
MOST_NAMED = 5  # operations that are left out
AT_ONCE = 4  # requests at the same time
ORIGIN = "http://localhost"
T = TypeVar("T")


def drive(application: Any, wish: Wish, report: Report) -> None:
    """Checks an application. Raises `Failure` when it does not start, ends the loop, or its schema is not there."""
    drive = Drive(asgi3(application), wish, report)
    try:
        bounded(drive.first())
        if not drive.hopeless:
            bounded(drive.second())
    except LoopEnded:
        where, scenario = report.at
        sentence = "the application ended the event loop"
        report.add(against("ASGI-025", sentence, STAYING, where), scenario)
        sentence += f"{report.during}, and what comes after was not asked"
        raise Failure(Exit.FAULTS, sentence) from None


class Drive:
    """One check."""

    def __init__(self, application: ASGIApplication, wish: Wish, report: Report) -> None:
        self.application = application
        self.wish = wish
        self.report = report
        self.hopeless = False  # no application that can be called
        self._given_up: set[Subject] = set()
        self._state: dict[str, Any] = {}
        self._patience = 0.0  # seconds in which the loop has to turn

    async def first(self) -> None:
        """Everything, in the first loop."""
        start = Start(self.application, self.wish, self.report)
        async with self._started(start) as watchdog:
            for subject in dict.fromkeys([*self.wish.subjects, *await self._schema()]):
                await self._examine(subject)
                if self.hopeless:
                    break
            if not self.hopeless:
                await self._strange()
        self._blocked(watchdog)

    async def second(self) -> None:
        """Another loop in the same process, as servers have that run threads, and tests."""
        async with self._started(Start(self.application, self.wish, self.report, again=True)):
            for subject in self.wish.subjects[:1]:
                if subject not in self._given_up:
                    await self._play(subject, again(PLAIN_WEBSOCKET if subject.websocket else PLAIN))

    @contextlib.asynccontextmanager
    async def _started(self, start: Start) -> AsyncIterator[Watchdog]:
        """The lifespan, and who watches the loop. A start may take its time, and holds the loop up in many."""
        self._be_patient(max(self.wish.timeout, LIFESPAN))
        async with Watchdog(turns=lambda: self.report.alive(self._patience)) as watchdog:
            self._state = await start.up()
            self._be_patient(self.wish.timeout)
            yield watchdog
            self._be_patient(max(self.wish.timeout, LIFESPAN))
            await start.down()

    def _be_patient(self, limit: float) -> None:
        self._patience = max(LAST * limit, LEAST)
        self.report.alive(self._patience)

    # A subject.

    async def _examine(self, subject: Subject) -> None:
        plain = await self._play(subject, PLAIN_WEBSOCKET if subject.websocket else PLAIN)
        if self._uncallable(plain):
            return
        overdue, answered, tried = plain.overdue, plain.answered, 1
        most = plain.heard if plain.silent or plain.heard >= MOST_MESSAGES else MOST_MESSAGES
        bodies = dict[str, Attempt]()
        scenarios = self._scenarios(subject)
        for at, scenario in enumerate(scenarios):
            if overdue >= MOST_OVERDUE:
                self._give_up(subject, len(scenarios) - at)
                break
            attempt = await self._play(subject, scenario, min(most, MOST_MESSAGES))
            overdue, answered, tried = overdue + attempt.overdue, answered or attempt.answered, tried + 1
            if scenario.body == "known":
                self._compare_bodies(scenario, attempt, bodies)
            if scenario.clause and broken(scenario, attempt) and sound(scenario, plain):
                await self._confirm(subject, scenario, attempt)
        if not answered:
            self._not_judged(subject, plain, tried)
        elif not (subject.websocket or plain.silent or plain.hung or subject in self._given_up):
            await self._at_once(subject, plain)

    def _scenarios(self, subject: Subject) -> list[Scenario]:
        """Those that say something about this subject: it may rely on its own state, and on its own body."""
        hidden = {"without state"} if self._state else set()
        if subject.body:
            hidden.add("bare event")
        rows = WEBSOCKET if subject.websocket else REQUEST
        return [scenario for scenario in rows if scenario.name not in hidden]

    def _give_up(self, subject: Subject, left: int) -> None:
        self._given_up.add(subject)
        took = f"{MOST_OVERDUE} times it did not answer or end in the {self.wish.timeout:g} s of --timeout"
        self.report.note(f"{subject}: {left} scenarios skipped: {took}")

    def _not_judged(self, subject: Subject, plain: Attempt, tried: int) -> None:
        """A check of what never answers would find nothing, and would be taken for one that went well."""
        error = plain.raised
        if error is None:
            how = f"gave no answer: it {plain.place or 'ended'}"
        else:
            how = f"{plain.answer}, at {innermost(of_traceback(error.__traceback__))}"
        where = f"{tried} scenarios" if tried > 1 else "the one scenario that was tried"
        self.report.leave_out(str(subject), f"{how}; no answer in {where}", plain.trace)

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
        self.report.add(attempt.findings[-1], scenario.name)

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
            self.report.add(attempt.findings[-1], scenario.name)

    async def _at_once(self, subject: Subject, plain: Attempt) -> None:
        """Several requests at the same time, the last one's body first."""
        advice = "keep receive, send and scope of a request in its own variables"
        scenario = Scenario(
            "at once", "several requests run at once", PLAIN.play, clause="ASGI-073", advice=advice
        )
        self.report.begin(str(subject), scenario.name)
        attempts = [self._attempt(subject, scenario, MOST_MESSAGES) for _ in range(AT_ONCE)]
        for attempt in attempts:
            attempt.start()
        for attempt in attempts:
            await attempt.waits()
        for attempt in reversed(attempts):
            attempt.piece(attempt.content)
        await asyncio.gather(*(attempt.read() for attempt in attempts))
        await asyncio.gather(*(attempt.finish() for attempt in attempts))
        for attempt in attempts:
            self._keep(subject, scenario, attempt)
        mixed = [attempt for attempt in attempts if attempt.failed or attempt.silent]
        if mixed and not plain.failed:
            attempt = mixed[0]
            attempt.find(scenario.clause, f"the application {_how(attempt)} when {scenario.says}", advice)
            self.report.add(attempt.findings[-1], scenario.name)

    async def _strange(self) -> None:
        """A scope of a type that nobody knows."""
        scope = {"type": "asgate.unknown", "asgi": {"version": "3.0"}}
        attempt = Attempt(
            self.application, scope, Rules(scope), self._served({}), strict=False, most=MOST_MESSAGES
        )
        self.report.begin("asgate.unknown", "unknown scope")
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
        self.report.begin(str(subject), scenario.name)
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
            self.report.add(finding, scenario.name)
        where = str(subject) if subject.target else subject.method
        self.report.see(
            Seen(where, scenario.name, scenario.says, attempt.answer, attempt.seconds, len(attempt.findings))
        )

    def _attempt(self, subject: Subject, scenario: Scenario, most: int) -> Attempt:
        served = self._served(scenario.served)
        headers = [(b"host", b"localhost"), (b"user-agent", b"asgate-check"), (b"accept", b"*/*")]
        content = subject.body or (BODY if scenario.body else b"")
        url = f"{ORIGIN}{subject.target}"
        rules: Rules
        if subject.websocket:
            pairs = [*headers[:2], *handshake([]), *self.wish.headers]
            scope = websocket_scope(url, pairs, [], served, self._state)
            rules = WebsocketRules(scope)
        else:
            if content:
                headers.append((b"content-type", (subject.content_type or FORM).encode("latin-1", "replace")))
                headers.append((b"content-length", str(len(content)).encode()))
            scope = http_scope(subject.method, url, [*headers, *self.wish.headers], served, self._state)
            rules = HttpRules(scope)
        scenario.shape(scope)
        return Attempt(
            self.application, scope, rules, served, strict=self.wish.strict, most=most, content=content
        )

    def _served(self, options: Mapping[str, Any]) -> Served:
        given: dict[str, Any] = {"extensions": ("websocket.http.response",), **options}
        return Served(timeout=self.wish.timeout, raise_app_exceptions=False, **given)

    # What there is to ask for, and what can be said at the end.

    async def _schema(self) -> list[Subject]:
        if not self.wish.openapi:
            return []
        self.report.begin(f"GET {self.wish.openapi}", "schema")
        attempt = await self._made(Subject(self.wish.openapi, "GET"), PLAIN)
        try:
            if attempt.status != 200:
                raise ValueError("none")
            offered = of_schema(json.loads(bytes(attempt.body)))
        except (ValueError, TypeError, AttributeError) as error:
            if not self.wish.required:
                return []
            kind = f"content-type {attempt.content_type}" if attempt.content_type else "no content-type"
            reason = f": {error}" if attempt.status == 200 else ""
            answer = f"the answer is {attempt.answer}, {kind}{reason}"
            sentence = f"no OpenAPI schema at {self.wish.openapi}: {answer}"
            raise Failure(Exit.USAGE, sentence, "--openapi PATH says where it is") from None
        chosen = [subject for subject in offered if self.wish.unsafe or subject.method in SAFE]
        if left := [str(subject) for subject in offered if subject not in chosen]:
            more = f" and {len(left) - MOST_NAMED} more" if len(left) > MOST_NAMED else ""
            self.report.note(f"{', '.join(left[:MOST_NAMED])}{more}: left out, --unsafe asks for them, too")
        return chosen

    def _uncallable(self, attempt: Attempt) -> bool:
        """Whether the application takes no three arguments, or gives nothing to await."""
        error = attempt.raised
        if not isinstance(error, TypeError) or not _outside(error):
            return False
        sentence = f"the application cannot be called with (scope, receive, send): {error}"
        attempt.find("ASGI-001", sentence, "make it an async function of scope, receive and send")
        self.report.add(attempt.findings[-1], PLAIN.name)
        self.hopeless = True
        return True

    def _blocked(self, watchdog: Watchdog) -> None:
        for place, (seconds, times) in watchdog.places.items():
            if times > 1:
                sentence = f"the application blocks the event loop at {place}"
                advice = f"up to {seconds:.1f} s, {times} times: await it, or run it with asyncio.to_thread"
                self.report.add(against("ASGI-003", sentence, advice, "", level=Level.MAY), "all")


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
    """Runs in a loop of its own. Tasks that cannot be ended are left behind, where `asyncio.run` would wait.
    Raises `LoopEnded`.
    """
    loop = asyncio.new_event_loop()
    loop.set_exception_handler(lambda *_: None)  # what an application leaves behind is not our output
    try:
        asyncio.set_event_loop(loop)
        return _result(loop, loop.create_task(main))
    finally:
        if left := asyncio.all_tasks(loop):
            for task in left:
                task.cancel()
            _result(loop, loop.create_task(asyncio.wait(left, timeout=1)))
        generators = loop.create_task(loop.shutdown_asyncgens())
        _result(loop, loop.create_task(asyncio.wait([generators], timeout=1)))
        asyncio.set_event_loop(None)
        loop.close()


class LoopEnded(Exception):
    """The loop was stopped, or broke, before its work was done."""


def _result(loop: asyncio.AbstractEventLoop, task: asyncio.Task[T]) -> T:
    try:
        return loop.run_until_complete(task)
    except Exception as error:
        if task.done():
            raise
        raise LoopEnded from error
