"""Judgements as one self-contained HTML page: no request leaves it, it works from a file. The table is in the markup,
so that it can be read, searched and printed without scripts; what a cell opens is packed by groups, and unpacked by
the browser when asked for: servers are sent the same bytes and answer with much the same, so that takes a fifth.

`page.html` is the frame, `page.css` and `page.js` go into it. A content security policy with their hashes keeps what
evidence might smuggle in from running, and the page from asking the network for anything.
"""

import base64
import hashlib
import json
import zlib
from collections.abc import Iterator, Mapping, Sequence
from html import escape
from importlib.resources import files
from string import Template
from typing import Any
from urllib.parse import quote

from asgate.conformance.report.matrix import (
    KINDS,
    MEANINGS,
    SIGNS,
    Line,
    command,
    distinct,
    lines,
    signed,
    tally,
)
from asgate.conformance.report.visible import visible
from asgate.conformance.results import Judgement, Outcome, Result
from asgate.spec.clauses import Level

LONG = 100  # cases; a longer group is folded at first, which keeps the overview and the time to open
CLASSES = {outcome: outcome.name.lower().replace("_", "-") for outcome in Outcome}


def page(judgements: Sequence[Judgement], missing: Mapping[str, str] | None = None) -> str:
    """The whole document. Texts of other people are escaped, and made visible where they hide.

    `missing`: servers without a judgement, and why.
    """
    judgements = distinct(judgements)
    groups = lines(judgements)
    style, script = _part("page.css"), _part("page.js")
    return Template(_part("page.html")).substitute(
        policy=_policy(style, script),
        style=style,
        script=script,
        kit=text(", ".join(dict.fromkeys(it.kit for it in judgements if it.kit)) or "of unknown version"),
        date=text(_dates(judgements)),
        cases=sum(map(len, groups.values())),
        groups=len(groups),
        servers=_count(len(judgements), "server"),
        summary="\n".join(_summary(judgements)),
        missing="\n".join(_missing(missing or {})),
        legend="\n".join(_legend()),
        size=_size(len(judgements)),
        columns=len(judgements),
        head="".join(_heads(judgements)),
        body="\n".join(_body(judgements, groups)),
        blocks="\n".join(_blocks(judgements, groups)),
    )


def text(value: str) -> str:
    """A text of anybody as markup, in elements and in attributes."""
    return escape(visible(value))


def packed(data: Any) -> str:
    """JSON in the zlib format (RFC 1950) in base64: no character of it can end a script element."""
    return base64.b64encode(zlib.compress(json.dumps(data, separators=(",", ":")).encode(), 9)).decode()


def _part(name: str) -> str:
    return files(__package__).joinpath(name).read_text(encoding="utf-8")


def _policy(style: str, script: str) -> str:
    hashes = (base64.b64encode(hashlib.sha256(it.encode()).digest()).decode() for it in (style, script))
    styles, scripts = (f"'sha256-{it}'" for it in hashes)
    parts = (
        f"style-src {styles}",
        "style-src-attr 'unsafe-inline'",
        f"script-src {scripts}",
        "img-src data:",
    )
    return "; ".join(("default-src 'none'", *parts, "base-uri 'none'", "form-action 'none'"))


def _dates(judgements: Sequence[Judgement]) -> str:
    days = sorted({judgement.date[:10] for judgement in judgements if judgement.date})
    return " to ".join(dict.fromkeys((days[0], days[-1]))) if days else "at an unknown date"


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def _size(servers: int) -> str:
    """The class of the table: whether the columns fit beside each other on usual screens."""
    return "few" if servers <= 9 else "many" if servers <= 16 else "crowd"


# The head of the page: a row for each server, and the legend.


def _summary(judgements: Sequence[Judgement]) -> Iterator[str]:
    for place, judgement in enumerate(judgements):
        yield (
            f'<tr><th scope="row"><label><input type="checkbox" class="server" value="{place}" checked> '
            f"{text(judgement.server)}</label></th>"
            f'<td data-label="version">{text(judgement.version) or "?"}</td>'
            f'<td data-label="faults" class="number">{_verdict(judgement.results)}</td>'
        )
        for level in Level:
            yield f'<td data-label="{level}">{_bar(judgement.results, level)}</td>'
        started = f"<code>{text(command(judgement))}</code>{_python(judgement)}{_interrupted(judgement)}"
        yield f'<td data-label="command" class="command">{started}</td></tr>'


def _missing(missing: Mapping[str, str]) -> Iterator[str]:
    for server, why in missing.items():
        yield f'<p class="about"><b class="bad">{text(server)} was not judged</b>: {text(why)}</p>'


def _python(judgement: Judgement) -> str:
    return f' <span class="faint">Python {text(judgement.python)}</span>' if judgement.python else ""


def _interrupted(judgement: Judgement) -> str:
    told = f"interrupted: only {len(judgement.results)} cases were judged"
    return "" if judgement.complete else f' <b class="bad">{told}</b>'


def _bar(results: Sequence[Result], level: Level) -> str:
    counts = tally(results, level)
    parts = "".join(
        f'<i class="{CLASSES[outcome]}" style="flex-grow:{counts[outcome]}"></i>'
        for outcome in SIGNS
        if counts[outcome]
    )
    told = "".join(
        f'<span title="{MEANINGS[outcome]}"><b aria-hidden="true">{SIGNS[outcome]}</b>'
        f'<span class="unseen">{outcome}: </span>{counts[outcome]}</span> '
        for outcome in SIGNS
        if counts[outcome]
    )
    return f'<div class="bar" aria-hidden="true">{parts}</div><div class="counts">{told or "none"}</div>'


def _legend() -> Iterator[str]:
    for outcome in SIGNS:
        sign = f'<b class="sign {CLASSES[outcome]}" aria-hidden="true">{SIGNS[outcome]}</b>'
        yield f"<li>{sign} {MEANINGS[outcome]}</li>"


# The table: a body for each group, a row for each case.


def _heads(judgements: Sequence[Judgement]) -> Iterator[str]:
    for judgement in judgements:
        about = text(f"{judgement.server} {judgement.version}".strip())
        yield f'<th scope="col" title="{about}"><span>{text(judgement.server)}</span></th>'


def _body(judgements: Sequence[Judgement], groups: dict[str, list[Line]]) -> Iterator[str]:
    for number, (group, cases) in enumerate(groups.items()):
        title = text(group.replace("_", " "))
        folded = len(cases) > LONG
        style = "group folded" if folded else "group"
        yield f'<tbody class="{style}" id="group-{number}"><tr class="group"><th scope="rowgroup">'
        size = f"<small>{_count(len(cases), 'case')}</small>"
        yield f'<button type="button" aria-expanded="{str(not folded).lower()}">{title} {size}</button></th>'
        for judgement, column in zip(
            judgements, zip(*(it.results for it in cases), strict=True), strict=True
        ):
            told = text(f"{judgement.server}, {group}: {signed(tally(column))}")
            yield f'<td data-server="{text(judgement.server)}" title="{told}">{_verdict(column)}</td>'
        yield "</tr>"
        for line in cases:
            yield _row(judgements, line)
        yield "</tbody>"


def _verdict(results: Sequence[Result | None]) -> str:
    run = [result for result in results if result]
    faults = sum(result.faulty for result in run)
    if faults:
        return f'<b class="bad"><span aria-hidden="true">✗</span> {faults}<span class="unseen"> faults</span></b>'
    if errors := sum(result.outcome is Outcome.ERROR for result in run):
        return (
            f'<b><span aria-hidden="true">!</span> {errors}<span class="unseen"> errors of the kit</span></b>'
        )
    if not run:
        return '<span class="faint">not run</span>'
    return '<span class="good"><span aria-hidden="true">✓</span><span class="unseen">no fault</span></span>'


def _row(judgements: Sequence[Judgement], line: Line) -> str:
    case = line.first
    cells = "".join(
        _cell(judgement.server, case.case, result)
        for judgement, result in zip(judgements, line.results, strict=True)
    )
    return (
        f'<tr data-case="{text(case.case)}" data-level="{case.level}" class="{line.kind.lower()} {case.level.lower()}">'
        f'<th scope="row"><span class="title">{text(case.title)}</span> <span class="facts">{_facts(line)}</span></th>'
        f"{cells}</tr>"
    )


def _facts(line: Line) -> str:
    case = line.first
    known = {clause.id: clause for clause in line.clauses}
    parts = [f'<b class="level {case.level.lower()}">{case.level}</b>']
    for name in case.clauses:
        says = known[name].says if name in known else ""
        parts.append(f'<span title="{text(says)}">{text(name)}</span>')
    if line.kind not in ("text", "RFC"):
        parts.append(f'<span class="kind" title="{KINDS[line.kind]}">{line.kind}</span>')
    more = (case.rfc, case.since and f"since {case.since}", case.extension)
    parts += [f"<span>{text(it)}</span>" for it in more if it]
    parts.append(f"<code>{text(case.case.rpartition('/')[2])}</code>")
    return " ".join(parts)


def _cell(server: str, case: str, result: Result | None) -> str:
    if result is None:
        return f'<td data-server="{text(server)}" data-outcome=""><span class="faint">not run</span></td>'
    outcome = result.outcome
    faulty = ' data-faulty=""' if result.faulty else ""
    return (
        f'<td data-server="{text(server)}" data-outcome="{outcome}"{faulty}>'
        f'<a class="{CLASSES[outcome]}" href="#{link(case, server)}" data-server="{text(server)}" tabindex="-1"'
        f' title="{outcome}">'
        f'<span aria-hidden="true">{SIGNS[outcome]}</span><span class="unseen">{outcome}</span></a></td>'
    )


def link(case: str, server: str) -> str:
    """The fragment of a cell: `case@server`, quoted."""
    return f"{quote(visible(case), safe='/')}@{quote(visible(server), safe='')}"


# The evidence: a block for each group, with the name of each case and what is to be told of it.


def _blocks(judgements: Sequence[Judgement], groups: dict[str, list[Line]]) -> Iterator[str]:
    for number, cases in enumerate(groups.values()):
        data = packed({visible(line.first.case): _told(judgements, line) for line in cases})
        yield f'<script type="text/plain" data-evidence="group-{number}">{data}</script>'


def _told(judgements: Sequence[Judgement], line: Line) -> dict[str, Any]:
    case = line.first
    return {
        "case": visible(case.case),
        "title": visible(case.title),
        "level": case.level.value,
        "kind": line.kind,
        "binding": KINDS[line.kind],
        "clauses": [[it.id, it.level.value, it.kind, it.says] for it in line.clauses],
        "facts": [
            visible(it) for it in (case.rfc, case.since and f"since {case.since}", case.extension) if it
        ],
        "cells": [
            {
                "server": visible(judgement.server),
                "version": visible(judgement.version),
                "outcome": result.outcome.value,
                "style": CLASSES[result.outcome],
                "sign": SIGNS[result.outcome],
                "meaning": MEANINGS[result.outcome],
                "detail": visible(result.detail),
                "evidence": [visible(it) for it in result.evidence],
                "seconds": result.seconds,
                "link": link(case.case, judgement.server),
            }
            for judgement, result in zip(judgements, line.results, strict=True)
            if result
        ],
    }
