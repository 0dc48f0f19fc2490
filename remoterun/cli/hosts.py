"""The panel "Hosts": `hosts`, `config`, `init`."""

import json
import os
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from remoterun.cli.options import InventoryOption, OutputOption, ProjectOption, TextOrJson
from remoterun.cli.working_directory import working_directory

PANEL = "Hosts"

NameArgument = Annotated[str, typer.Argument(metavar="NAME", help="A host of the inventory.")]
OriginsOption = Annotated[bool, typer.Option("--origins", help="Say where each value came from.")]


class SchemaOf(StrEnum):
    INVENTORY = "inventory"
    PROJECT = "project"


SchemaArgument = Annotated[SchemaOf, typer.Argument(help="The file that the schema describes.")]


def register(app: typer.Typer) -> None:
    """Add the commands of this panel."""
    hosts = typer.Typer(help="The hosts of the inventory.", no_args_is_help=True)
    hosts.command("list")(list_hosts)
    hosts.command("show")(show_host)
    config = typer.Typer(help="The two settings files.", no_args_is_help=True)
    config.command("path")(config_path)
    config.command("check")(config_check)
    config.command("schema")(config_schema)
    app.add_typer(hosts, name="hosts", rich_help_panel=PANEL)
    app.add_typer(config, name="config", rich_help_panel=PANEL)
    app.command("init", rich_help_panel=PANEL)(init)


def list_hosts(
    inventory: InventoryOption = None,
    project: ProjectOption = None,
    output: OutputOption = "text",
) -> None:
    """List the hosts; `local` is always among them."""
    from remoterun.records.config import read_configuration
    from remoterun.steps.hosts import list_hosts as step

    rows = step(read_configuration(*_here(inventory, project)))
    if output == "json":
        return _print_json("hosts", {"hosts": [row.model_dump(mode="json") for row in rows]})
    if output == "jsonl":
        return typer.echo("\n".join(_json(row.model_dump(mode="json")) for row in rows))
    if output == "name":
        return typer.echo("\n".join(row.name for row in rows))
    table = [
        (
            row.name,
            row.kind,
            row.root or "-",
            ", ".join(row.groups),
            "" if row.listed else "built-in",
        )
        for row in rows
    ]
    return _print_table([("NAME", "KIND", "ROOT", "GROUPS", ""), *table])


def show_host(
    name: NameArgument,
    origins: OriginsOption = False,
    inventory: InventoryOption = None,
    project: ProjectOption = None,
    output: TextOrJson = "text",
) -> None:
    """Show what holds for a host once all layers are merged."""
    from remoterun.records.config import read_configuration
    from remoterun.steps.hosts import show_host as step

    cwd, environ, *files = _here(inventory, project)
    page = step(read_configuration(cwd, environ, *files), name, environ, cwd)
    if output == "json":
        return _print_json("host", {"host": page.model_dump(mode="json")})
    rows = [("name", page.name, ""), ("kind", page.kind, ""), ("groups", _text(page.groups), "")]
    rows += [(item.key, _text(item.value), item.origin) for item in page.settings]
    return _print_table([row if origins else row[:2] for row in rows])


def config_path(
    inventory: InventoryOption = None,
    project: ProjectOption = None,
    output: TextOrJson = "text",
) -> None:
    """Show which settings files are in force, and every place looked at."""
    from remoterun.steps.config import show_places

    places = show_places(*_here(inventory, project))
    if output == "json":
        looked = [
            {"kind": look.kind, "path": str(look.path), "source": look.source, "found": look.found}
            for look in places.looked
        ]
        found = {"project": _path(places.project), "inventory": _path(places.inventory)}
        return _print_json("config_path", {**found, "looked": looked})
    rows = [
        (look.kind, str(look.path), look.source, "found" if look.found else "-")
        for look in places.looked
    ]
    return _print_table([("FILE", "PATH", "NAMED BY", ""), *rows])


def config_check(
    inventory: InventoryOption = None,
    project: ProjectOption = None,
    output: TextOrJson = "text",
) -> None:
    """Read both files; the first thing that is wrong ends it with exit code 3."""
    from remoterun.steps.config import check_files

    checked = check_files(*_here(inventory, project))
    if output == "json":
        return _print_json("config_check", checked.model_dump(mode="json"))
    _print_table(
        [
            ("project", _path(checked.project) or "none, `remoterun init` writes one"),
            ("workflows", ", ".join(checked.workflows) or "none"),
            ("inventory", _path(checked.inventory) or "none, `local` is built in"),
            ("hosts", ", ".join(checked.hosts)),
        ]
    )
    if checked.unknown_hosts:
        names = ", ".join(checked.unknown_hosts)
        typer.echo(f"warning: workflows name hosts that no inventory here has: {names}", err=True)
    return None


def config_schema(which: SchemaArgument) -> None:
    """Print the JSON Schema of a settings file, for editors."""
    from remoterun.steps.config import schema

    typer.echo(json.dumps(schema(which.value), indent=2))


def init(project: ProjectOption = None, output: TextOrJson = "text") -> None:
    """Write a commented remoterun.yaml, enough for a first official run."""
    from remoterun.steps.init import init as step

    cwd, environ, _, folder = _here(None, project)
    done = step(cwd / (folder or ""), environ.get("USER"))
    if output == "json":
        data = {"path": str(done.project_file), "written": done.written, "ignored": done.ignored}
        return _print_json("init", data)
    _print_table([("written" if done.written else "unchanged", str(done.project_file))])
    if done.ignored:
        _print_table([("added to .gitignore", " ".join(done.ignored))])
    typer.echo("next: remoterun official --workflow first_run --tag first_1 -- --steps 3", err=True)
    return None


def _here(
    inventory: Path | None, project: Path | None
) -> tuple[Path, Mapping[str, str], Path | None, Path | None]:
    return working_directory(), os.environ, inventory, project


def _print_json(kind: str, data: Mapping[str, object]) -> None:
    from remoterun.model.timestamp import format_utc

    now = format_utc(datetime.now(UTC).replace(microsecond=0))
    typer.echo(_json({"schema_version": 1, "kind": kind, "checked_utc": now, **data}))


def _json(data: Mapping[str, object]) -> str:
    """ASCII only, so that nothing reaches a terminal that acts on it; json leaves DEL alone."""
    return json.dumps(data).replace("\x7f", "\\u007f")


def _print_table(rows: Sequence[Sequence[str]]) -> None:
    """Columns as wide as their widest cell, the last one free."""
    from remoterun.render.visible import visible_line

    shown = [[visible_line(cell) for cell in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(*shown, strict=True)]
    for row in shown:
        cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        typer.echo("  ".join(cells).rstrip())


def _path(path: Path | None) -> str | None:
    return None if path is None else str(path)


def _text(value: object) -> str:
    """A value as a person would write it into the YAML file."""
    if isinstance(value, str):
        return value
    if isinstance(value, list | tuple):
        return ", ".join(map(_text, value)) or "-"
    return "-" if value is None else json.dumps(value)
