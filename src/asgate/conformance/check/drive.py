"""The drive: lifespan, then every subject in every scenario, then once more in a second event loop.

A scenario is compared with the plain request: what fails here and not there, twice, breaks the scenario's clause.
Every wait has the time limit, and an application that hangs is not asked for ever. One that does not let the event
loop turn any more is ended from outside (`child.py`).
"""

import contextlib
import json
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from asgate.conformance.check import together
from asgate.conformance.check.attempt import FEW, Attempt, Bounds
from asgate.conformance.check.blocking import Watchdog
from asgate.conformance.check.bodies import FORM
from asgate.conformance.check.findings import STAYING, Report, Seen, against
from asgate.conformance.check.loops import LoopEnded, bounded
from asgate.conformance.check.outcome import broken, hint, how, outside, sound, told
from asgate.conformance.check.plan import SAFE, Subject, Wish, of_schema
from asgate.conformance.check.scenarios import BODY, PLAIN, REQUEST, Scenario
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
ORIGIN = "http://localhost"
USUAL = Bounds()


def drive(application: Any, wish: Wish, report: Report) -> None:
    """Checks an application. Raises `Failure` when it does not start, ends the loop, or its schema is not there."""
    drive = Drive(asgi3(application), wish, report)
    try:
        bounded(drive.first(), report)
        if not drive.hopeless:
            bounded(drive.second(), report)
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
        self._causes: dict[tuple[str, str], str] = {}  # clause and failure, to what was done first
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
        bounds, bodies = self._bounds(subject, plain), dict[str, Attempt]()
        scenarios = self._scenarios(subject)
        for at, scenario in enumerate(scenarios):
            if overdue >= MOST_OVERDUE:
                self._give_up(subject, len(scenarios) - at)
                break
            attempt = await self._play(subject, scenario, bounds)
            overdue, answered, tried = overdue + attempt.overdue, answered or attempt.answered, tried + 1
            if scenario.body == "known":
                self._compare_bodies(scenario, attempt, bodies)
            if scenario.clause and broken(scenario, attempt) and sound(scenario, plain):
                await self._confirm(subject, scenario, attempt, bounds)
        if not answered:
            self._not_judged(subject, plain, tried)
        elif not (subject.websocket or plain.silent or plain.hung or subject in self._given_up):
            await self._at_once(subject, plain, bounds)

    def _bounds(self, subject: Subject, plain: Attempt) -> Bounds:
        """How far the other scenarios are read: an endless response is only begun, which is soon done."""
        if subject.websocket:
            return Bounds()
        if plain.silent or plain.hung:
            return Bounds(most=plain.heard, patient=False)
        if not plain.endless:
            return Bounds()
        limit = f"the {self.wish.timeout:g} s of --timeout"
        self.report.note(f"{subject}: its response does not end in {limit}: the others were left soon")
        return Bounds(most=min(plain.heard, FEW), endless=True, cut=True)

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
            said = f"gave no answer: it {plain.place or 'ended'}"
        else:
            said = f"{plain.answer}, at {innermost(of_traceback(error.__traceback__))}"
        if advice := hint(subject, plain):
            said = f"{said}; {advice}"
        where = f"{tried} scenarios" if tried > 1 else "the one scenario that was tried"
        self.report.leave_out(str(subject), f"{said}; no answer in {where}", plain.trace)

    async def _confirm(self, subject: Subject, scenario: Scenario, attempt: Attempt, bounds: Bounds) -> None:
        """Once more, with a plain request between: applications may fail for reasons of their own."""
        base = PLAIN_WEBSOCKET if subject.websocket else PLAIN
        between, last = await self._made(subject, base, bounds), await self._made(subject, scenario, bounds)
        if scenario.clause != "ASGI-073" and not (sound(scenario, between) and broken(scenario, last)):
            return
        sentence = f"the application {how(attempt)} "
        if scenario.departs:
            sentence += "after the client had left"  # the same in every such scenario
        else:
            says = self._causes.setdefault((scenario.clause, sentence), scenario.says)
            sentence += f"here, and not for a plain request: {says}"
        attempt.find(scenario.clause, sentence, scenario.advice, scenario.level)
        self.report.add(attempt.findings[-1], scenario.name)

    def _compare_bodies(self, scenario: Scenario, attempt: Attempt, bodies: dict[str, Attempt]) -> None:
        bodies[scenario.name] = attempt
        first, second = bodies["body whole"], bodies.get("body whole again")
        if second is None or attempt is second or not scenario.clause:
            return
        if attempt.endless or first.endless or second.endless:
            return
        steady = told(first) == told(second)
        if steady and not first.failed and not first.silent and told(attempt) != told(first):
            sentence = (
                f"another answer ({attempt.answer}) than to the same body in one piece; here {scenario.says}"
            )
            attempt.find(scenario.clause, sentence, scenario.advice, Level.SHOULD)
            self.report.add(attempt.findings[-1], scenario.name)

    async def _at_once(self, subject: Subject, plain: Attempt, bounds: Bounds) -> None:
        """Several requests at the same time: alike, the last one's body first, and each with a mark of its own."""
        advice = "keep receive, send and scope of a request in its own variables"
        scenario = Scenario(
            "at once", "several requests run at once", PLAIN.play, clause="ASGI-073", advice=advice
        )
        same = await self._together(subject, [subject] * together.AT_ONCE, scenario, bounds)
        failed = [attempt for attempt in same if attempt.failed or attempt.silent]
        if failed and not plain.failed:
            attempt = failed[0]
            attempt.find(scenario.clause, f"the application {how(attempt)} when {scenario.says}", advice)
            self.report.add(attempt.findings[-1], scenario.name)
        elif subject.method != "HEAD":  # nobody reads its body
            marked = replace(
                scenario, name="at once, marked", says="several requests run at once, each its own"
            )
            await self._marked(subject, marked, bounds)

    async def _marked(self, subject: Subject, scenario: Scenario, bounds: Bounds) -> None:
        before, during, after = together.marks()
        if not await self._kept_apart(subject, before, bounds):
            return
        asked = [together.marked(subject, mark) for mark in during]
        attempts = await self._together(subject, asked, scenario, bounds)
        mixed = together.mixed_up(attempts, during)
        if mixed is not None and await self._kept_apart(subject, after, bounds):
            sentence = f"the answer to one request has what belongs to another when {scenario.says}"
            mixed.find(scenario.clause, sentence, "keep what belongs to a request in its own variables")
            self.report.add(mixed.findings[-1], scenario.name)

    async def _kept_apart(self, subject: Subject, marks: Sequence[str], bounds: Bounds) -> bool:
        """Whether each of two requests, one after the other, is answered with its own mark and not the other's."""
        for mark in marks:
            attempt = await self._made(together.marked(subject, mark), PLAIN, bounds)
            if together.shown(attempt, marks) != [mark]:
                return False
        return True

    async def _together(
        self, subject: Subject, asked: Sequence[Subject], scenario: Scenario, bounds: Bounds
    ) -> list[Attempt]:
        self.report.begin(str(subject), scenario.name)
        attempts = [self._attempt(one, scenario, bounds) for one in asked]
        await together.play(attempts)
        for attempt in attempts:
            self._keep(subject, scenario, attempt)
        return attempts

    async def _strange(self) -> None:
        """A scope of a type that nobody knows."""
        scope = {"type": "asgate.unknown", "asgi": {"version": "3.0"}}
        served = self._served({})
        attempt = Attempt(self.application, scope, Rules(scope), served, strict=False, bounds=Bounds())
        self.report.begin("asgate.unknown", "unknown scope")
        attempt.start()
        scenario = Scenario("unknown scope", "a scope of a type that nobody knows", PLAIN.play)
        await attempt.waits()
        if not attempt.talk.over:
            await attempt.finish()
        messages = attempt.talk.waiting_messages()
        if messages or attempt.talk.failure is None:
            reaction = "answers" if messages else "returns without a word"
            sentence = f"the application {reaction} when the scope is of a type that it cannot know"
            advice = "raise for scope types other than those that you serve"
            attempt.findings[:] = [finding for finding in attempt.findings if finding.clause == "ASGI-003"]
            attempt.find("ASGI-020", sentence, advice, Level.MAY)
        self._keep(Subject("", "asgate.unknown"), scenario, attempt)

    # One attempt.

    async def _play(self, subject: Subject, scenario: Scenario, bounds: Bounds = USUAL) -> Attempt:
        self.report.begin(str(subject), scenario.name)
        attempt = await self._made(subject, scenario, bounds)
        self._keep(subject, scenario, attempt)
        return attempt

    async def _made(self, subject: Subject, scenario: Scenario, bounds: Bounds = USUAL) -> Attempt:
        attempt = self._attempt(subject, scenario, bounds)
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

    def _attempt(self, subject: Subject, scenario: Scenario, bounds: Bounds) -> Attempt:
        if scenario.departs:  # is about the end
            bounds = replace(bounds, cut=False)
        served = self._served(scenario.served)
        headers = [(b"host", b"localhost"), (b"user-agent", b"asgate-check"), (b"accept", b"*/*")]
        headers += subject.headers
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
            self.application, scope, rules, served, strict=self.wish.strict, bounds=bounds, content=content
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
        if not isinstance(error, TypeError) or not outside(error):
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


def again(scenario: Scenario) -> Scenario:
    """The same under another name."""
    return Scenario("second loop", f"{scenario.says}, in a second event loop", scenario.play)
