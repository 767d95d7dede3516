"""The validator's watch over a lifespan. Here both sides share one machine, for each answers the other."""

import asyncio
from typing import Any

from asgate.spec.clauses import Level
from asgate.spec.findings import Side
from asgate.spec.ledger import Ledger
from asgate.spec.messages import LIFESPAN
from asgate.spec.watch import ENTRIES, Receive, Send, Watch, faults

MACHINE = LIFESPAN.answers
ENTRY = ENTRIES["lifespan"]


class LifespanWatch(Watch):
    """One lifespan of one loop."""

    protocol = "lifespan"
    entries = ENTRY
    __slots__ = ("starting",)

    def __init__(self, ledger: Ledger, scope: dict[str, Any], receive: Receive, send: Send) -> None:
        super().__init__(ledger, scope, receive, send)
        self.state = MACHINE.first
        self.starting: asyncio.AbstractEventLoop | None = None  # where the ledger knows that we start

    def begin(self) -> None:
        self.check_scope()
        self.ledger.lifespan_state = self.scope.get("state")

    async def receive(self) -> Any:
        event = await self._receive()
        kind = self.check_message(event, Side.SERVER)
        if kind:
            self.trace.append(("receive:", kind))
            then = MACHINE.after(self.state, event)
            if then is not None:
                self.state = then
                if self.state == "starting":
                    self.starting = self.ledger.begin_startup()
            elif self.state == "new":
                sentence = f"{kind} came as the first event"
                self.report(Side.SERVER, "ASGI-193", sentence, "begin with lifespan.startup")
            elif kind == "lifespan.startup" or self.state in ("stopping", "ended"):
                sentence = f"{kind} came in the state {self.state!r}"
                self.report(Side.SERVER, "ASGI-202", sentence, "give each event once: startup, then shutdown")
        return event

    async def send(self, message: Any) -> None:
        kind = self.check_message(message, Side.APPLICATION)
        if kind:
            self._check_answer(kind, message)
        try:
            await self._send(message)
        except BaseException as error:
            self.refused(error)
            raise

    def end(self) -> None:
        name = MACHINE.unfinished.get(self.state)
        if name is not None and not self.loose:
            self.report(
                Side.APPLICATION,
                name,
                "the application returned without an answer to lifespan.shutdown",
                "send lifespan.shutdown.complete or lifespan.shutdown.failed",
                Level.SHOULD,
            )

    def leave(self) -> None:
        if self.starting is not None:
            self.ledger.end_startup(self.starting)
            self.starting = None

    def _check_answer(self, kind: str, message: dict[str, Any]) -> None:
        entry = ENTRY[kind]
        self.trace.append(("send:", kind))
        if found := faults(entry.checks, message):
            self.report_faults(Side.APPLICATION, kind, found)
        then = MACHINE.after(self.state, message)
        if then is not None:
            self.state = then
            self.leave()
        elif not self.loose:
            self.report_order(MACHINE, kind, entry.order, Side.APPLICATION)
