"""The command line. A user's error is answered by one line on stderr and an exit status, never by a traceback.

Only typer, rich, errors and text are imported here. Heavy modules are imported by the commands that need them.
"""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from rrm.errors import ConfigError, RRMError, nearest
from rrm.text import PLAINER, line, short

if TYPE_CHECKING:
    from rich.console import Console

    from rrm.experiment.suite import SuiteResults


class _Stopped(RRMError):
    """Ctrl-C, with the exit status that shells expect."""

    exit_status = 130


app = typer.Typer(
    help="Evaluators that cannot judge the work alone, and the help that makes them able to.",
    add_completion=False,
    pretty_exceptions_enable=False,
)


def _beside(trust: bool) -> bool:
    if trust:
        sys.path.append(str(Path.cwd()))  # for a world in a file beside it
    return trust


_Trust = Annotated[
    bool,
    typer.Option(
        "--trust", callback=_beside, help="Import and run what the folder names, if you trust whoever made the folder."
    ),
]


@app.callback(invoke_without_command=True)
def _rrm(
    context: typer.Context,
    version: Annotated[bool, typer.Option("--version", help="Print the version and stop.")] = False,
) -> None:
    if version:
        from importlib.metadata import PackageNotFoundError
        from importlib.metadata import version as installed

        try:
            print(f"rrm-gym {installed('rrm-gym')}")
        except PackageNotFoundError:
            print("rrm-gym, not installed")
        raise typer.Exit
    if context.invoked_subcommand is None:
        print(context.get_help())


@app.command()
def run(
    config: Annotated[str, typer.Argument(help="A YAML file, or the name of a preset, such as one in configs/.")],
    overrides: Annotated[
        list[str] | None,
        typer.Argument(help="Any of its values anew: seeds=5 conditions.assisted.horizon.discount=0.9"),
    ] = None,
    folder: Annotated[Path, typer.Option(help="Where the experiment's own folder goes.")] = Path("runs"),
    quiet: Annotated[bool, typer.Option("--quiet", help="Show nothing but the table at the end.")] = False,
    dry: Annotated[
        bool,
        typer.Option("--dry-run", help="Show which rounds would run, in which order, and how long; write nothing."),
    ] = False,
) -> None:
    """Run an experiment, or continue it: finished rounds are not run again."""
    for argument in overrides or ():
        if "=" not in argument:
            raise ConfigError(f"{short(argument)}: not an override; write key=value, such as seeds=5")
    if "=" in config and not Path(config).exists():
        raise ConfigError(
            f"{short(config)}: name the experiment first, a YAML file or a preset; overrides come after it"
        )
    # For evaluator=my_module:judge. Last, so that no file of the user's stands in the way of a library.
    sys.path.append(str(Path.cwd()))

    try:
        import rrm
        from rrm.experiment.suite import is_suite, run_suite

        if dry:
            from rrm.experiment.dry_run import dry_runs

            for name, each in dry_runs(config, overrides or (), folder):
                _console().print(name, each.table(), sep="\n")
            return
        results: rrm.Results | SuiteResults
        if is_suite(config):
            results = run_suite(config, *(overrides or ()), folder=folder, live=not quiet)
            files = ["report.html", "suite.json"]
        else:
            results = rrm.run(config, *(overrides or ()), folder=folder, live=not quiet)
            files = ["report.html", "summary.json"]
    except KeyboardInterrupt:
        raise _Stopped("stopped; the same command goes on from here") from None

    _console().print(results.table())
    for name in files:
        path, here = results.folder / name, Path.cwd()
        print(path.relative_to(here) if path.is_relative_to(here) else path)


def _console() -> Console:
    from rich.console import Console

    console = Console()
    # A log wraps nothing.
    return console if console.is_terminal or "COLUMNS" in os.environ else Console(width=160)


@app.command()
def config(
    key: Annotated[
        str | None, typer.Argument(metavar="KEY", help="A key or a section, such as learner or learner.n_steps.")
    ] = None,
    schema: Annotated[bool, typer.Option("--schema", help="Print a JSON schema of the files, for editors.")] = False,
) -> None:
    """Print the keys of a configuration, each with its values, its default and its meaning."""
    import json
    import shutil

    from rrm.config import reference
    from rrm.config.json_schema import json_schema

    if schema:
        print(json.dumps(json_schema(), indent=2))
        return
    keys = reference.all_keys() if key is None else reference.named(key)
    print(reference.text(keys, min(100, shutil.get_terminal_size().columns)))


@app.command()
def envs() -> None:
    """List the environments, one line each."""
    from rrm.envs import ids

    worlds = ids()
    width = max(map(len, worlds), default=0)
    for name, about in worlds.items():
        print(f"{name:{width}}  {about}")


@app.command()
def check(
    name: Annotated[str, typer.Argument(metavar="ID", help="A registered world; 'package:Id' imports the package.")],
) -> None:
    """Say what a world of one's own still lacks: Gymnasium's checker, the contract, leaks, and the admission checks."""
    _registered(name)
    from rrm.envs.check import check as points

    failed = 0
    for point in points(name):
        print(point, flush=True)
        failed += point.passed is False
    if failed:
        raise RRMError(f"{name}: {failed} {'point' if failed == 1 else 'points'} failed")


@app.command()
def exact(
    name: Annotated[
        str | None, typer.Argument(metavar="ID", help="A registered world; without it, the first of each family.")
    ] = None,
    imitation: Annotated[
        bool,
        typer.Option(
            "--imitation", help="Print, instead, what agents reach that imitate the evaluator, by generation."
        ),
    ] = False,
) -> None:
    """Print what the best agents of a world reach, found by exact solution, and what its scripts do, as Markdown."""
    if name is not None:
        _registered(name)
    from rrm.envs.imitation_tables import imitation_page
    from rrm.envs.tables import families, page

    for each in families().values() if name is None else [name]:
        print(f"## {each}\n\n{imitation_page(each) if imitation else page(each)}", flush=True)


@app.command()
def watch(
    run: Annotated[Path, typer.Argument(help="The folder of a cell or of a round, in runs/….")],
    out: Annotated[Path | None, typer.Option(help="The GIF to write; video.gif in that folder by default.")] = None,
    seed: Annotated[int, typer.Option(min=0, help="Which episode.")] = 0,
    trust: _Trust = False,
) -> None:
    """Record a video of a trained agent, as a GIF."""
    _folder(run)
    if out is not None and out.suffix.lower() != ".gif":
        raise ConfigError(f"--out: {str(out)!r}: must end in .gif")
    if out is not None and not out.parent.is_dir():
        raise ConfigError(f"--out: {str(out)!r}: there is no folder {str(out.parent)!r}")
    from rrm.report.watch import watch as write_video

    print(write_video(run, out, seed, trust=trust))


@app.command()
def report(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="The folder of an experiment or of a suite, in runs/.")],
    trust: _Trust = False,
) -> None:
    """Build the report of an experiment or of a suite again, from its results."""
    _folder(folder)
    if (folder / "suite.json").exists():
        from rrm.report.suite_page import build as build_suite

        print(build_suite(folder))  # which has no videos
    else:
        from rrm.report.build import build

        print(build(folder, trust=trust))


def _registered(name: str) -> None:
    """Refuse what is no registered world, and find those in the user's own files."""
    sys.path.append(str(Path.cwd()))  # for a world in a file beside it, my_module:Id
    from rrm.envs.adapters import make_world

    try:
        make_world(name, 1)
    except Exception as error:  # of the user's module, or an id that nobody registered
        raise ConfigError(f"{name!r}: {error}") from None


def _folder(path: Path) -> None:
    """Refuse what is no folder, with the nearest of those beside it."""
    if not path.is_dir():
        siblings = [str(each) for each in path.parent.glob("*") if each.is_dir()] if path.parent.is_dir() else []
        raise ConfigError(f"{str(path)!r}: no such folder{nearest(str(path), siblings) if siblings else ''}")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line.

    Args:
        arguments: those of the process unless said.

    Returns:
        The exit status.
    """
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors=PLAINER)
    command = typer.main.get_command(app)
    try:
        status = command.main(arguments, prog_name="rrm", standalone_mode=False)
    except RRMError as error:
        return _refuse(error, error.exit_status)
    except OSError as error:  # no right to write there, disk full, …
        return _refuse(error, RRMError.exit_status)
    except (KeyboardInterrupt, typer.Abort):
        status = _Stopped.exit_status
    except Exception as error:
        # The errors of usage have different homes in different versions of typer; this they have in common.
        if not hasattr(error, "format_message"):
            raise
        return _refuse(error.format_message(), ConfigError.exit_status)
    if status == _Stopped.exit_status:  # typer turns Ctrl-C into a status
        return _refuse("stopped", _Stopped.exit_status)
    return status if isinstance(status, int) else 0


def _refuse(error: object, status: int) -> int:
    print(f"rrm: {line(error)}", file=sys.stderr)
    return status
