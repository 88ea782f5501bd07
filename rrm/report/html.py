"""The HTML that all pages of reports share: the document, its style, its tables. No script, nothing loaded from
elsewhere."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from html import escape


def variables(colours: Mapping[str, str]) -> dict[str, str]:
    """The CSS variable of each condition.

    Args:
        colours: of each condition.
    """
    return {name: f"c{i}" for i, name in enumerate(colours)}


def document(headline: str, title: str, colours: Mapping[str, str], body: str) -> str:
    """A whole page.

    Args:
        headline: stands in the head of the window.
        title: stands behind it.
        colours: of each condition.
        body: HTML.
    """
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>{escape(headline.replace("*", ""))} · {escape(title)}</title>
<style>{_css(colours, variables(colours))}</style>
</head>
<body>
<main>
{body}
</main>
</body>
</html>
"""


def coloured(text: str, names: Mapping[str, str]) -> str:
    """Escaped, with the names of conditions, which stand between asterisks, in their colours.

    Args:
        text: plain, with names between asterisks.
        names: the CSS variable of each condition.
    """
    return re.sub(
        r"\*([^*]+)\*",
        lambda m: f'<b style="color:var(--{names[m[1]]})">{m[1]}</b>' if m[1] in names else f"<b>{m[1]}</b>",
        escape(text, quote=False),
    )


def cell(heading: str, content: str) -> str:
    """A cell that carries its heading: on a phone, where the head of the table is gone, it stands before the figure.

    Args:
        heading: of its column.
        content: HTML.
    """
    return f'<td data-head="{escape(heading)}">{content}</td>'


def row(name: str, names: Mapping[str, str], cells: Iterable[str], more: str = "") -> str:
    """A row of a table: whose it is, in its colour, and its cells.

    Args:
        name: of the condition.
        names: the CSS variable of each condition.
        cells: HTML.
        more: HTML behind the name.
    """
    head = f'<th scope="row" style="color:var(--{names[name]})">{escape(name)}{more}</th>'
    return f"<tr>{head}{''.join(cells)}</tr>"


def table(headings: Iterable[str], rows: Iterable[str], kind: str) -> str:
    """A whole table, its first column of conditions.

    Args:
        headings: of the other columns.
        rows: HTML.
        kind: its class in CSS.
    """
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
h3{margin:0 0 .6rem;font-size:1rem}h3 small{color:var(--muted);font-weight:400}
a{color:inherit;text-underline-offset:.15em}
p{text-wrap:pretty}
.note,figcaption{color:var(--muted);font-size:.875rem;line-height:1.5;max-width:46rem}
.note{margin:.9rem 0 0}
figure{margin:0}
svg{display:block;width:100%;height:auto;font-family:inherit;overflow:visible}
.grid{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,21rem),1fr));gap:1.75rem 2rem}
.grid.three{grid-template-columns:repeat(auto-fit,minmax(min(100%,17rem),1fr))}
.side{display:grid;grid-template-columns:minmax(0,31rem) minmax(0,1fr);gap:1.25rem 2.5rem;align-items:center;
margin-top:2rem}
.side.wide{grid-template-columns:minmax(0,40rem) minmax(0,1fr);margin-top:0}
section>p{max-width:46rem}
.videos{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,17rem),25rem));gap:1.25rem 2rem}
.videos img{display:block;width:100%;height:auto;border:1px solid var(--rule);border-radius:.5rem;background:#fff}
.videos .still{display:none}
@media print,(prefers-reduced-motion:reduce){.videos .moving{display:none}.videos .still{display:block}}
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
.side{grid-template-columns:3fr 2fr}.videos{grid-template-columns:6.2cm 6.2cm}
figure,tr,.note{break-inside:avoid}h2{break-after:avoid}
pre{max-height:none;white-space:pre-wrap;font-size:7.5pt;columns:2}
.grid{grid-template-columns:1fr 1fr}.grid.three{grid-template-columns:1fr 1fr 1fr}
}
"""
