"""Cuts a run into phases from within: the first statement of a script imports this beside itself.

Each mark begins another phase. It takes the time, and makes a system call that nothing else makes and
that strace and callgrind can see, so that all three cut at the same places. Phases are exclusive: the
phase of a module's body does not contain the path search of its imports."""

import gc
import os
import time

# Of importlib only what every Python has loaded already: the rest is the application's to load.
import _frozen_importlib as importing
import _frozen_importlib_external as files

# The phases within each other at this moment, the innermost last.
nested = []
marks = []


def mark(phase):
    os.getpriority(os.PRIO_PROCESS, 0)
    marks.append((phase, time.monotonic_ns()))


def enter(phase):
    nested.append(phase)
    mark(phase)


def leave():
    nested.pop()
    mark(nested[-1])


def move_on(phase):
    nested[:] = [phase]
    mark(phase)


def is_phase(owner, name, phase):
    """Every call of the function from now on is this phase."""
    function = getattr(owner, name)

    def marked(*arguments, **named):
        enter(phase)
        try:
            return function(*arguments, **named)
        finally:
            leave()

    setattr(owner, name, marked)


def start(began):
    """Begins when the script's first statement has said that it began."""
    marks.append(("marks", began))
    is_phase(importing, "_find_spec", "path search")
    is_phase(files.SourceLoader, "get_code", "reading")
    is_phase(files, "_compile_bytecode", "unmarshalling")
    is_phase(files.ExtensionFileLoader, "create_module", "extensions")
    is_phase(files._LoaderBasics, "exec_module", "module bodies")
    gc.callbacks.append(lambda when, _: enter("garbage") if when == "start" else leave())
    move_on("module bodies")


def called(application):
    """The application, with marks where it is called and where its response is closed."""

    def marked(environ, start_response):
        move_on("call")
        return Response(application(environ, start_response))

    move_on("gateway")
    return marked


class Response:
    def __init__(self, blocks):
        self.blocks = blocks

    def __iter__(self):
        return iter(self.blocks)

    def close(self):
        if hasattr(self.blocks, "close"):
            self.blocks.close()
        move_on("marks")
        lines = [f"mark {stamp} {phase}\n" for phase, stamp in marks]
        report = "".join(lines)
        marks.clear()
        gc.callbacks.clear()
        move_on("way out")
        phase, stamp = marks[0]
        os.write(2, f"{report}mark {stamp} {phase}\n".encode())
