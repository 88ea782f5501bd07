"""The report as one HTML page: no script, nothing loaded from elsewhere; for laptops, phones, dark rooms and paper."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from html import escape

from rrm.findings import Condition, Findings, Style, amount, bounds, count, share

COLUMNS: Sequence[tuple[str, str, Style]] = (
    ("utility", "utility", amount),
    ("evaluator_score", "evaluator’s score", amount),
    ("hack_rate", "hack rate", share),
    ("gap_recovered", "gap recovered", share),
    ("labels", "labels", count),
    ("env_steps", "env steps", count),
)
"""The columns of every table of results: key, heading, and how its numbers are written."""

GLOSSARY = (
    ("utility", "The truth about what an agent has accomplished, at the end of an episode. No agent, reward model or "
     "evaluator ever reads it; only these figures and the oracle do."),
    ("evaluator’s score", "What the condition’s evaluator, with the help that the condition gives it, concludes about "
     "the same episode from the few fields that it may read. An evaluator that scores more than there is, is fooled."),
    ("hack rate", "The share of episodes that end in a state that only looks good."),
    ("gap recovered", "(U − U_unaided) / (U_oracle − U_unaided), where U is the interquartile mean of the utility over "
     "seeds: 0 % is no better than no help, 100 % as good as training on the truth. It is not clipped: harm is below "
     "0 %. Its interval redraws the same seeds for all three. It is undefined where the interval of the gap itself "
     "reaches 0."),
    ("interquartile mean, interval", "The mean of the middle half of the seeds (of all, with fewer than four) and its "
     "95 % percentile bootstrap interval over seeds. With few seeds such intervals are too short: look at the dots."),
    ("labels, fields read, assistant steps, env steps", "What a condition cost, all its rounds together, the unaided "
     "agent in whose states assistants practise included: answers of the evaluator; fields that it read to give them; "
     "steps that assistants took to help it; steps in the worlds that agents were trained in."),
    ("held-out error", "The root mean square error of the reward model V on its newest labels, before it was fitted "
     "to them, in units of the labels’ standard deviation: 1 is no better than always guessing their mean."),
)  # fmt: skip


@dataclass(frozen=True)
class Film:
    """A film to show: whose, of which seed; the GIF, and its last frame for paper and for those who want no motion."""

    condition: str
    seed: int
    moving: str
    still: str


@dataclass(frozen=True)
class Round:
    """One round of a condition, in figures that are ready to be read."""

    condition: str
    world: str
    labels: str
    env_steps: str
    utility: str
    held_out_error: str


@dataclass(frozen=True)
class Content:
    """Everything on the page. Texts hold names of conditions between asterisks; figures are SVG."""

    findings: Findings
    colours: Mapping[str, str]
    headline: str
    paragraph: str
    episodes: int
    dots: str
    dots_caption: str
    curves: Sequence[str]
    curves_caption: str
    cost: Sequence[str]
    films: Sequence[Film]
    films_caption: str
    rounds: Sequence[Round]
    config: str


def variables(colours: Mapping[str, str]) -> dict[str, str]:
    """The CSS variable of each condition."""
    return {name: f"c{i}" for i, name in enumerate(colours)}


def page(content: Content) -> str:
    """The whole page."""
    findings = content.findings
    names = variables(content.colours)
    seeds = f"{findings.seeds} seed{'s' * (findings.seeds > 1)}"
    kicker = f"{findings.experiment} · {findings.env} · {len(findings.conditions)} conditions × {seeds}"

    intervals = (
        "Interquartile means over seeds, below them 95&#8239;% bootstrap intervals."
        if findings.seeds > 1
        else "A single seed, so without intervals."
    )

    def told(text: str) -> str:
        """Escaped, with the names of conditions in their colours."""
        return re.sub(
            r"\*([^*]+)\*",
            lambda m: f'<b style="color:var(--{names[m[1]]})">{m[1]}</b>' if m[1] in names else f"<b>{m[1]}</b>",
            escape(text, quote=False),
        )

    sections = [
        f"""<header>
<p class="kicker">{escape(kicker)}</p>
<h1>{told(content.headline)}</h1>
<p class="lead">{told(content.paragraph)}</p>
</header>""",
        f"""<section>
<h2>Result</h2>
{_results(findings, names)}
<p class="note">{intervals} The final policies, judged on {content.episodes:,} episodes that they never trained on.
Costs are those of all rounds together.</p>
<figure class="side">{content.dots}<figcaption>{told(content.dots_caption)}</figcaption></figure>
</section>""",
    ]
    if content.films:
        shown = "".join(
            f'<figure><img class="moving" src="{film.moving}" alt="Film of one episode of the agent of '
            f'{escape(film.condition)}, seed {film.seed}">'
            f'<img class="still" src="{film.still}" alt="Its last frame"></figure>'
            for film in content.films
        )
        sections.append(
            f"""<section>
<h2>What the agents do</h2>
<div class="films">{shown}</div>
<p class="note">{told(content.films_caption)}</p>
</section>"""
        )
    sections += [
        f"""<section>
<h2>What they do while they learn, and what their evaluators believe</h2>
<div class="grid">{"".join(f"<figure>{curve}</figure>" for curve in content.curves)}</div>
<p class="note">{told(content.curves_caption)}</p>
</section>""",
        f"""<section>
<h2>What evaluation cost</h2>
<div class="grid three">{"".join(f"<figure>{bars}</figure>" for bars in content.cost)}</div>
<p class="note">All rounds of a condition together, the unaided agent in whose states its assistants practise
included.</p>
</section>""",
        f"""<section>
<h2>Every seed</h2>
{_seeds(findings, names)}
</section>""",
        f"""<section>
<h2>Every round</h2>
{_rounds(content.rounds, names)}
<p class="note">Interquartile means over seeds. The utility of an assistant is that of its own world. Held-out error:
that of the reward model on its newest labels before it was fitted to them, in units of their standard deviation.</p>
</section>""",
        f"""<section>
<h2>Again</h2>
<p>Save this as <code>{escape(findings.experiment)}.yaml</code> and run
<code>rrm run {escape(findings.experiment)}.yaml</code>.</p>
<pre tabindex="0">{escape(content.config)}</pre>
</section>""",
        f"""<section>
<h2>Words</h2>
<dl>{"".join(f"<dt>{escape(word)}</dt><dd>{escape(meaning)}</dd>" for word, meaning in GLOSSARY)}</dl>
</section>""",
    ]
    body = "\n".join(sections)
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>{escape(re.sub(r"[*]", "", content.headline))} · {escape(findings.experiment)}</title>
<style>{_css(content.colours, names)}</style>
</head>
<body>
<main>
{body}
</main>
</body>
</html>
"""


def _results(findings: Findings, names: Mapping[str, str]) -> str:
    rows = []
    for one in findings.conditions:
        cells = []
        for key, heading, style in COLUMNS:
            estimate = one.figures[key]
            if estimate is None:
                cells.append(_cell(heading, _why_none(findings, one, key)))
                continue
            inside = bounds(estimate, style) if key not in ("labels", "env_steps") else None
            small = f"<small>{inside}</small>" if inside else ""
            cells.append(_cell(heading, f"{style(estimate.iqm)}{small}"))
        rows.append(_row(one.name, names, cells))
    return _table([heading for _, heading, _ in COLUMNS], rows, "results")


def _why_none(findings: Findings, one: Condition, key: str) -> str:
    if key == "gap_recovered" and one is not findings.unaided:
        return '<span class="none">undefined</span>'
    return '<span class="none">–</span>'


def _seeds(findings: Findings, names: Mapping[str, str]) -> str:
    rows = []
    for one in findings.conditions:
        for seed in one.seeds:
            figures = {**seed.figures, "gap_recovered": seed.gap_recovered}
            values = [(heading, style, figures[key]) for key, heading, style in COLUMNS]
            cells = [_cell(heading, "–" if value is None else style(value)) for heading, style, value in values]
            rows.append(_row(one.name, names, cells, f" <span>seed {seed.seed}</span>"))
    return _table([heading for _, heading, _ in COLUMNS], rows, "seeds")


def _rounds(rounds: Iterable[Round], names: Mapping[str, str]) -> str:
    rows = []
    for one in rounds:
        cells = [
            _cell("world", escape(one.world)),
            _cell("labels", one.labels),
            _cell("env steps", one.env_steps),
            _cell("utility", one.utility),
            _cell("held-out error", one.held_out_error),
        ]
        rows.append(_row(one.condition, names, cells))
    return _table(["world", "labels", "env steps", "utility", "held-out error"], rows, "rounds")


def _cell(heading: str, content: str) -> str:
    """A cell that carries its heading: on a phone, where the head of the table is gone, it stands before the figure."""
    return f'<td data-head="{escape(heading)}">{content}</td>'


def _row(name: str, names: Mapping[str, str], cells: Iterable[str], more: str = "") -> str:
    head = f'<th scope="row" style="color:var(--{names[name]})">{escape(name)}{more}</th>'
    return f"<tr>{head}{''.join(cells)}</tr>"


def _table(headings: Iterable[str], rows: Iterable[str], kind: str) -> str:
    heads = "".join(f'<th scope="col">{escape(heading)}</th>' for heading in headings)
    return (
        f'<table class="{kind}"><thead><tr><th scope="col">condition</th>{heads}</tr></thead>'
        f"<tbody>{''.join(rows)}</tbody></table>"
    )


def _css(colours: Mapping[str, str], names: Mapping[str, str]) -> str:
    light = "".join(f"--{names[name]}:{colour};" for name, colour in colours.items())
    dark = "".join(f"--{names[name]}:{_lighter(colour)};" for name, colour in colours.items())
    return CSS.replace("/*light*/", light).replace("/*dark*/", dark)


def _lighter(colour: str) -> str:
    """The same hue for a dark page: half way to white."""
    parts = [int(colour[i : i + 2], 16) for i in (1, 3, 5)]
    return "#" + "".join(f"{round(part + (255 - part) * 0.42):02x}" for part in parts)


CSS = """
:root{--paper:#fdfcfa;--ink:#1f2328;--muted:#6b7280;--rule:#dfddd6;--soft:#f4f2ed;/*light*/}
@media screen and (prefers-color-scheme:dark){
:root{--paper:#15171a;--ink:#e9e7e2;--muted:#9aa2ad;--rule:#33373d;--soft:#1d2024;/*dark*/}}
*{box-sizing:border-box}
html{-webkit-text-size-adjust:100%}
body{margin:0;background:var(--paper);color:var(--ink);
font:1rem/1.55 system-ui,-apple-system,"Segoe UI",Roboto,"Helvetica Neue",Arial,sans-serif}
main{max-width:62rem;margin:0 auto;padding:clamp(1.5rem,5vw,4rem) clamp(1rem,4vw,2.5rem) 5rem}
header{max-width:46rem}
.kicker{margin:0 0 .6rem;color:var(--muted);font-size:.9rem}
h1{margin:0 0 1rem;font-size:clamp(1.6rem,4.4vw,2.5rem);line-height:1.15;letter-spacing:-.018em;font-weight:700;
text-wrap:balance}
.lead{margin:0;font-size:clamp(1.05rem,2vw,1.2rem);line-height:1.6;text-wrap:pretty}
section{margin-top:clamp(2.5rem,6vw,4rem)}
h2{margin:0 0 1rem;font-size:1.2rem;line-height:1.3;letter-spacing:-.008em}
p{text-wrap:pretty}
.note,figcaption{color:var(--muted);font-size:.875rem;line-height:1.5;max-width:46rem}
.note{margin:.9rem 0 0}
figure{margin:0}
svg{display:block;width:100%;height:auto;font-family:inherit;overflow:visible}
.grid{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,21rem),1fr));gap:1.75rem 2rem}
.grid.three{grid-template-columns:repeat(auto-fit,minmax(min(100%,17rem),1fr))}
.side{display:grid;grid-template-columns:minmax(0,31rem) minmax(0,1fr);gap:1.25rem 2.5rem;align-items:center;
margin-top:2rem}
.films{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,17rem),25rem));gap:1.25rem 2rem}
.films img{display:block;width:100%;height:auto;border:1px solid var(--rule);border-radius:.5rem;background:#fff}
.films .still{display:none}
@media print,(prefers-reduced-motion:reduce){.films .moving{display:none}.films .still{display:block}}
table{width:100%;border-collapse:collapse;font-variant-numeric:tabular-nums lining-nums;font-size:.94rem}
th,td{padding:.55rem 0 .55rem 1rem;text-align:right;vertical-align:top;border-bottom:1px solid var(--rule)}
th:first-child{padding-left:0;text-align:left}
thead th{padding-top:0;color:var(--muted);font-size:.8rem;font-weight:500;vertical-align:bottom}
td small{display:block;color:var(--muted);font-size:.76rem;white-space:nowrap}
.none,tbody th span{color:var(--muted)}
tbody th span{font-weight:400}
.seeds td,.seeds tbody th,.rounds td,.rounds tbody th{padding-top:.28rem;padding-bottom:.28rem;font-size:.875rem}
.rounds td[data-head=world],.rounds th:nth-child(2){text-align:left}
pre{max-height:24rem;overflow:auto;margin:0;padding:1rem 1.1rem;border-radius:.5rem;background:var(--soft);
font:.8rem/1.5 ui-monospace,SFMono-Regular,Menlo,Consolas,monospace}
code{font-family:ui-monospace,SFMono-Regular,Menlo,Consolas,monospace;font-size:.9em}
dl{display:grid;grid-template-columns:minmax(9rem,13rem) minmax(0,1fr);gap:.6rem 2rem;margin:0;font-size:.94rem}
dt{font-weight:600}dd{margin:0;color:var(--muted)}
@media (max-width:46rem){
.side,dl{grid-template-columns:1fr}dl{gap:.15rem}dd{margin-bottom:.7rem}
thead{position:absolute;clip-path:inset(50%);height:1px;overflow:hidden}
table,tbody{display:block}
tr{display:grid;grid-template-columns:repeat(3,1fr);gap:.5rem .75rem;padding:.8rem 0;
border-bottom:1px solid var(--rule)}
tbody th{grid-column:1/-1;font-size:1rem!important}
th,td{padding:0!important;text-align:left!important;border:0}
td::before{content:attr(data-head);display:block;color:var(--muted);font-size:.72rem;line-height:1.3}
td small{font-size:.72rem;letter-spacing:-.01em}
.rounds td[data-head=world]{grid-column:1/-1}
}
@media print{
@page{margin:16mm}
:root{--paper:#fff}
body{font-size:10pt}main{padding:0;max-width:none}h1{font-size:20pt}
section{margin-top:1.5rem}
.side{grid-template-columns:3fr 2fr}.films{grid-template-columns:6.2cm 6.2cm}
figure,tr,.note{break-inside:avoid}h2{break-after:avoid}
pre{max-height:none;white-space:pre-wrap;font-size:7.5pt;columns:2}
.grid{grid-template-columns:1fr 1fr}.grid.three{grid-template-columns:1fr 1fr 1fr}
}
"""
