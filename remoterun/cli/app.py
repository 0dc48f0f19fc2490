"""The typer application, and the one place where errors and Ctrl-C end."""

import os
import sys
from contextlib import suppress
from typing import Annotated, NoReturn

import typer
from typer import Abort
from typer._click import Context, HelpFormatter
from typer._click.exceptions import ClickException, NoArgsIsHelpError
from typer.core import TyperGroup
from typer.main import get_command

from remoterun import __version__
from remoterun.cli import hosts, run, watch
from remoterun.errors import Exit, LocalFileError, RemoteRunError, UsageError
from remoterun.render.messages import error_text

PANELS = ("Run", "Results", "Governance", "Hosts", "Automation")

EXIT_CODES = """\
Exit codes: 0 ok; 1 bug; 2 usage; 3 configuration; 4 host unreachable; 5 login needed;
6 a gate refused the launch; 7 the run ended unsuccessfully; 8 governance incomplete or
failed; 9 state unknown or lost; 10 conflict; 74 local file error; 75 not yet; 77 refused;
130 detached by Ctrl-C; 141 nobody reads stdout any more."""


class Panels(TyperGroup):
    """Help grouped by purpose and printed plain: rich would cost more than the whole rest."""

    def invoke(self, ctx: Context) -> object:
        # typer would end with 1 when the reader of stdout is gone
        try:
            return super().invoke(ctx)
        except BrokenPipeError:
            leave_quietly()
        except KeyboardInterrupt:
            # here and not in `main`: typer would turn it into a silent exit
            end("interrupted", Exit.DETACHED)

    def format_commands(self, ctx: Context, formatter: HelpFormatter) -> None:
        commands = [(name, self.get_command(ctx, name)) for name in self.list_commands(ctx)]
        seen = [(n, c) for n, c in commands if c is not None and not c.hidden]
        width = formatter.width - 6 - max((len(name) for name, _ in seen), default=0)
        for panel in PANELS:
            rows = [
                (name, command.get_short_help_str(width))
                for name, command in seen
                if getattr(command, "rich_help_panel", None) == panel
            ]
            if rows:
                with formatter.section(panel):
                    formatter.write_dl(rows)

    def format_epilog(self, ctx: Context, formatter: HelpFormatter) -> None:
        formatter.write(f"\n{EXIT_CODES}\n")


app = typer.Typer(
    name="remoterun",
    help="Gate, launch, watch and prove long research runs.",
    cls=Panels,
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["--help", "-h"]},
)


def show_version(asked: bool) -> None:
    if asked:
        typer.echo(f"remoterun {__version__}")
        raise typer.Exit


@app.callback()
def options(
    version: Annotated[
        bool,
        typer.Option("--version", is_eager=True, callback=show_version, help="Print the version."),
    ] = False,
) -> None:
    pass


run.register(app)
watch.register(app)
hosts.register(app)


def main() -> NoReturn:
    """Run the command line; every error ends here, as a message and an exit code."""
    open_missing_streams()
    try:
        code = get_command(app).main(prog_name="remoterun", standalone_mode=False)
        sys.stdout.flush()
    except NoArgsIsHelpError as error:
        end(error.format_message(), Exit.USAGE)
    except ClickException as error:
        end(error_text(usage_error(error)), Exit.USAGE)
    except RemoteRunError as error:
        end(error_text(error), error.exit_code)
    except (KeyboardInterrupt, Abort):
        end("interrupted", Exit.DETACHED)
    except BrokenPipeError:
        leave_quietly()
    except OSError as error:
        why = error.strerror or str(error)
        end(
            error_text(LocalFileError("cannot write", where=error.filename or "stdout", why=why)),
            Exit.LOCAL_FILE,
        )
    except Exception as error:
        if os.environ.get("REMOTERUN_TRACEBACK"):
            raise
        what = f"a bug in remoterun: {type(error).__name__}: {error}"
        fix = "set REMOTERUN_TRACEBACK=1, try again and report what is printed"
        end(error_text(RemoteRunError(what, fix=fix)), Exit.BUG)
    sys.exit(code if isinstance(code, int) else Exit.OK)


def usage_error(error: ClickException) -> UsageError:
    """What typer has to say about the words of a line, in our form."""
    context = getattr(error, "ctx", None)
    verb = context.command_path if context else "remoterun"
    return UsageError(error.format_message(), fix=f"{verb} --help")


def open_missing_streams() -> None:
    """What was closed by the caller leads to nowhere: else the next file or pipe that is opened
    would take its number, and an answer would be written into it.
    """
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)
    for name, number in (("stdout", 1), ("stderr", 2)):
        if getattr(sys, name) is None:
            setattr(sys, name, os.fdopen(number, "w", closefd=False))


def leave_quietly() -> NoReturn:
    """The reader of stdout is gone; nothing is said, also not while the interpreter ends."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    os._exit(Exit.NOBODY_READS)


def end(text: str, code: Exit) -> NoReturn:
    # where nothing can be said the code still counts
    with suppress(OSError):
        typer.echo(text, err=True)
    sys.exit(code)
