"""The `kith` command."""

from collections.abc import Callable, Iterator

import typer

from kith.commands import benching, holds, operating, rules, running
from kith.commands.faults import faults
from kith.commands.importing import import_file

HELP = "Contacts of an AI agent platform: run it, feed it, look at it."


def make() -> typer.Typer:
    """All commands there are."""
    app = typer.Typer(no_args_is_help=True, add_completion=False, help=HELP)
    for command in (running.up, running.down, running.status, running.logs, running.demo):
        app.command()(command)
    app.command("import")(import_file)
    app.command()(faults)
    for name, command in _rules():
        app.command(name)(command)
    app.command()(operating.migrate)
    app.command()(operating.restore)
    topics = typer.Typer(help="The topics of deploy/topics.yaml.")
    topics.callback(invoke_without_command=True)(operating.topics_command)
    topics.command()(operating.grow)
    app.add_typer(topics, name="topics")
    app.command()(operating.workspace)
    outbox = typer.Typer(no_args_is_help=True, help="What services have written and sent.")
    outbox.command()(operating.refill)
    app.add_typer(outbox, name="outbox")
    rules_ = typer.Typer(no_args_is_help=True, help="The rules of what makes one contact.")
    rules_.command("diff")(rules.diff)
    app.add_typer(rules_, name="rules")
    held = typer.Typer(no_args_is_help=True, help="What is held back from CRM and webhooks.")
    held.command("list")(holds.list_holds)
    held.command()(holds.release)
    app.add_typer(held, name="holds")
    bench = typer.Typer(no_args_is_help=True, help="How fast this is, on this machine.")
    bench.command("writes")(benching.bench_writes)
    bench.command("pipeline")(benching.bench_pipeline)
    bench.command("resolve")(benching.bench_resolve)
    app.add_typer(bench, name="bench")
    return app


def _rules() -> Iterator[tuple[str, Callable[..., None]]]:
    """Commands that are the resolver's: they try its rules on a file, without a stack."""
    try:
        from merge_resolver.cli import normalise_command, resolve_command
    except ModuleNotFoundError as error:
        # An installation without the resolver still starts, stops and imports.
        if (error.name or "").partition(".")[0] != "merge_resolver":
            raise
        return
    yield "resolve", resolve_command
    yield "normalise", normalise_command


def main() -> None:
    make()()


if __name__ == "__main__":
    main()
