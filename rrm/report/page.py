"""The report of an experiment as one HTML page, for laptops, phones, dark rooms and paper."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from html import escape

from rrm.report.formats import Style, amount, count, share
from rrm.report.html import cell, coloured, document, row, table, variables
from rrm.report.schema import OF_IMITATION
from rrm.report.summary import Condition, Summary
from rrm.report.wording import INTERVAL_NOTE, below

COLUMNS: Sequence[tuple[str, str, Style]] = (
    ("utility", "utility", amount),
    ("evaluator_score", "evaluator’s score", amount),
    ("hack_rate", "hack rate", share),
    ("gap_recovered", "gap recovered", share),
    ("labels", "labels", count),
    ("env_steps", "env steps", count),
)
"""The columns of every table of results: key, heading, and how its numbers are written."""

EVALUATED = ("evaluation_labels", "evaluation labels", count)
"""Stands behind the labels where there are any."""

GLOSSARY = (
    ("utility", "The truth about what an agent has accomplished, at the end of an episode. No agent, reward model or "
     "evaluator ever reads it; only these figures and the oracle do."),
    ("evaluator’s score", "What the condition’s evaluator, with the condition’s help, concludes about the same "
     "episode from the few fields that it may read. An evaluator whose score is above the utility is fooled."),
    ("hack rate", "The share of episodes that end in a state that only looks good: the mean over seeds. A seed counts "
     "as one that hacks if more than 1 % of its episodes do."),
    ("gap recovered", "(U − U_unaided) / (U_oracle − U_unaided), where U is the interquartile mean of the utility over "
     "seeds: 0 % is as good as no help, 100 % as good as training on the truth. It is not clipped: help that harms is "
     "below 0 %. It is undefined if the interval of the gap itself reaches 0. Below it: how many of the seeds with a "
     "gap of their own recover at least 90 % of it."),
    ("interquartile mean, interval", "The mean of the middle half of the seeds (of all, with fewer than four) and its "
     "95 % t interval, with the bootstrap’s standard error. With two or three seeds it is wide, because few seeds say "
     "little. The interval of a hack rate is Gaffke’s, which holds for any distribution: three seeds that never hack "
     "are compatible with a mean of 71 %."),
    ("reward model’s prediction", "What the reward model predicts for an episode that has ended: V of its last state, "
     "in the evaluator’s units; for approval, its mean over the episode’s steps."),
    ("labels, fields read, assistant steps, env steps", "What a condition cost in all its rounds together, with the "
     "unaided agent that visits its assistants’ start states: answers of the evaluator; fields that it read for them; "
     "steps that assistants took to help it; steps in the worlds in which agents were trained."),
    ("evaluation labels", "Further answers of an evaluator that is not free: scores of episodes of the final policy, "
     "whose mean is the evaluator’s score, and scores for the learning curve. Nothing is learnt from them."),
    ("held-out error", "The root mean square error of the reward model V on its newest labels, before it was fitted "
     "to them, in units of the labels’ standard deviation: 1 is no better than always guessing their mean."),
    ("rater disagreement", "How far the members of a committee disagreed about the labels: the mean standard deviation "
     "of their scores, in the evaluator’s units; for comparisons the share in which not all of them took the same "
     "side."),
    ("demonstrated", "Pairs of a demonstrated moment and one of early play, to which the reward model was fitted as if "
     "the former had been preferred. They are no labels, because no question was asked. For imitation, the number of "
     "states in which an action was demonstrated."),
    ("looks", "Answers that an evaluator gave as a demonstrator, one for each action tried; they are labels, too."),
    ("agreement", "In what share of the states that the agent visits it does what its demonstrator would do there."),
    ("gain", "What another generation could gain: how much higher the evaluator scores the episodes of the "
     "demonstrator, after whose actions this agent continues, than those of the agent itself."),
    ("guaranteed first, guaranteed second", "In a board game, the worst outcome for the agent’s most likely moves "
     "against all replies, where it moves first and second: 1 always wins, 0 is never beaten. It is proved."),
)  # fmt: skip


@dataclass(frozen=True)
class Video:
    """A video to show: whose, of which seed, from which corner; the GIF, and its last frame for paper and for those who
    want no motion."""

    condition: str
    seed: int
    corner: str | None
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
    rater_disagreement: str
    demonstrated: str
    hack_rate: str = "–"
    looks: str = "–"
    agreement: str = "–"
    gain: str = "–"
    guaranteed_first: str = "–"
    guaranteed_second: str = "–"


@dataclass(frozen=True)
class Content:
    """Everything on the page. Texts hold names of conditions between asterisks; figures are SVG."""

    summary: Summary
    colours: Mapping[str, str]
    headline: str
    paragraph: str
    episodes: int
    dots: str
    dots_caption: str
    tradeoff: str | None
    tradeoff_text: str
    tradeoff_caption: str
    heats: Sequence[str]
    heats_text: str
    curves: Sequence[str]
    curves_text: str
    curves_caption: str
    cost: Sequence[str]
    videos: Sequence[Video]
    videos_caption: str
    rounds: Sequence[Round]
    config: str
    answers: Sequence[str] = ()
    answers_caption: str = ""
    calls: Sequence[str] = ()
    calls_caption: str = ""


def page(content: Content) -> str:
    """The whole page, HTML.

    Args:
        content: of the report.
    """
    summary = content.summary
    names = variables(content.colours)
    seeds = f"{summary.seeds} seed{'s' * (summary.seeds > 1)}"
    kicker = f"{summary.experiment} · {summary.env} · {len(summary.conditions)} conditions × {seeds}"

    intervals = INTERVAL_NOTE if summary.seeds > 1 else "A single seed, so without intervals."

    def coloured_text(text: str) -> str:
        return coloured(text, names)

    sections = [
        f"""<header>
<p class="kicker">{escape(kicker)}</p>
<h1>{coloured_text(content.headline)}</h1>
<p class="lead">{coloured_text(content.paragraph)}</p>
</header>""",
        f"""<section>
<h2>Result</h2>
{_results(summary, names)}
<p class="note">{intervals} The final policies, judged on {content.episodes:,} episodes that they never trained on.
Costs are those of all rounds together.</p>
<figure class="side">{content.dots}<figcaption>{coloured_text(content.dots_caption)}</figcaption></figure>
</section>""",
    ]
    if content.tradeoff:
        sections.append(
            f"""<section>
<h2>Capability against hack rate</h2>
<figure class="side wide">{content.tradeoff}<figcaption>{coloured_text(content.tradeoff_caption)}</figcaption></figure>
<p>{coloured_text(content.tradeoff_text)}</p>
</section>"""
        )
    if content.heats:
        sections.append(
            f"""<section>
<h2>Over horizon and rounds</h2>
<div class="grid">{"".join(f"<figure>{heat}</figure>" for heat in content.heats)}</div>
<p class="note">The conditions that differ in nothing else. The darker, the higher; hatched where nothing was run.</p>
<p>{coloured_text(content.heats_text)}</p>
</section>"""
        )
    if content.videos:
        shown = "".join(
            f'<figure><img class="moving" src="{video.moving}" alt="Video of one episode of the agent of '
            f'{escape(video.condition)}, seed {video.seed}">'
            f'<img class="still" src="{video.still}" alt="Its last frame"></figure>'
            for video in content.videos
        )
        sections.append(
            f"""<section>
<h2>What the agents do</h2>
<div class="videos">{shown}</div>
<p class="note">{coloured_text(content.videos_caption)}</p>
</section>"""
        )
    if content.answers:
        sections.append(
            f"""<section>
<h2>How they learn to answer</h2>
<div class="grid">{"".join(f"<figure>{each}</figure>" for each in content.answers)}</div>
<p class="note">{coloured_text(content.answers_caption)}</p>
</section>"""
        )
    if content.calls:
        sections.append(
            f"""<section>
<h2>How much they learn from how many answers</h2>
<div class="grid">{"".join(f"<figure>{each}</figure>" for each in content.calls)}</div>
<p class="note">{coloured_text(content.calls_caption)}</p>
</section>"""
        )
    sections += [
        f"""<section>
<h2>What they do while they learn, and what their evaluators believe</h2>
<div class="grid">{"".join(f"<figure>{curve}</figure>" for curve in content.curves)}</div>
<p class="note">{coloured_text(content.curves_caption)}</p>
{f"<p>{coloured_text(content.curves_text)}</p>" if content.curves_text else ""}
</section>""",
        f"""<section>
<h2>What evaluation cost</h2>
<div class="grid three">{"".join(f"<figure>{bars}</figure>" for bars in content.cost)}</div>
<p class="note">All rounds of a condition together, with the unaided agent that visits its assistants’ start states.</p>
</section>""",
        f"""<section>
<h2>Every seed</h2>
{_seeds(summary, names)}
</section>""",
        f"""<section>
<h2>Every round</h2>
{_rounds(content.rounds, names)}
<p class="note">Interquartile means over seeds. The utility of an assistant is that of its own world. Held-out error:
that of the reward model on its newest labels before it was fitted to them, in units of their standard deviation.</p>
</section>""",
        f"""<section>
<h2>Again</h2>
<p>Save this as <code>{escape(summary.experiment)}.yaml</code> and run
<code>rrm run {escape(summary.experiment)}.yaml</code>.</p>
<pre tabindex="0">{escape(content.config)}</pre>
</section>""",
        f"""<section>
<h2>Words</h2>
<dl>{"".join(f"<dt>{escape(word)}</dt><dd>{escape(meaning)}</dd>" for word, meaning in GLOSSARY)}</dl>
</section>""",
    ]
    body = "\n".join(sections)
    return document(content.headline, summary.experiment, content.colours, body)


def _results(summary: Summary, names: Mapping[str, str]) -> str:
    rows = []
    for one in summary.conditions:
        cells = []
        for key, heading, style in _columns(summary):
            estimate = one.figures[key]
            if estimate is None:
                cells.append(cell(heading, _why_none(summary, one, key)))
                continue
            more = [] if key in ("labels", "evaluation_labels", "env_steps") else below(summary, one, key, style)
            cells.append(cell(heading, style(estimate.value) + "".join(f"<small>{text}</small>" for text in more)))
        rows.append(row(one.name, names, cells))
    return table([heading for _, heading, _ in _columns(summary)], rows, "results")


def _columns(summary: Summary) -> list[tuple[str, str, Style]]:
    columns = list(COLUMNS)
    if summary.evaluated:
        columns.insert([key for key, _, _ in columns].index("labels") + 1, EVALUATED)
    return columns


def _why_none(summary: Summary, one: Condition, key: str) -> str:
    if key == "gap_recovered" and one is not summary.unaided:
        return '<span class="none">undefined</span>'
    return '<span class="none">–</span>'


def _seeds(summary: Summary, names: Mapping[str, str]) -> str:
    rows = []
    for one in summary.conditions:
        for seed in one.seeds:
            figures = {**seed.figures, "gap_recovered": seed.gap_recovered}
            values = [(heading, style, figures[key]) for key, heading, style in _columns(summary)]
            cells = [cell(heading, "–" if value is None else style(value)) for heading, style, value in values]
            rows.append(row(one.name, names, cells, f" <span>seed {seed.seed}</span>"))
    return table([heading for _, heading, _ in _columns(summary)], rows, "seeds")


SOMETIMES = ("hack_rate", "rater_disagreement", "demonstrated", *OF_IMITATION)
"""Columns of the table of rounds where hacks are defined, there is a committee, or are demonstrations, or rounds of
imitation."""


def _rounds(rounds: Sequence[Round], names: Mapping[str, str]) -> str:
    idle = [key for key in SOMETIMES if all(getattr(one, key) == "–" for one in rounds)]
    keys = [field.name for field in fields(Round) if field.name not in ("condition", *idle)]
    columns = {key: key.replace("_", " ") for key in keys}
    columns["held_out_error"] = "held-out error"
    rows = [
        row(one.condition, names, [cell(heading, escape(getattr(one, key))) for key, heading in columns.items()])
        for one in rounds
    ]
    return table([*columns.values()], rows, "rounds")
