# SPDX-License-Identifier: GPL-3.0-only
"""Runs charmcraft's command line, and what it is made of, again and again.

Reads one line of JSON per run from standard input and prints one line for each.
A command has a terminal, and a process, of its own; that the program has been
imported before saves a second each time:

    {"args": [WORD, …], "in": FOLDER, "env": {NAME: VALUE}, "says": [[PROMPT, LINE], …]}
    {"code": STATUS, "out": TEXT, "err": TEXT}

"says" is what the person at the terminal types after the prompt has come up. What
no command of today's charmcraft does is a call of its classes:

    {"call": "store" or "service", "method": NAME, "with": [ARGUMENT, …]}
    {"code": 0, "answer": …} or {"code": 1, "raised": CLASS, "err": TEXT}
"""

import dataclasses
import fcntl
import json
import os
import pty
import select
import signal
import sys
import termios
import traceback

import craft_cli
from charmcraft import env, services, store
from charmcraft.application.main import APP_METADATA, main
from craft_application import ServiceFactory

PATIENCE = 90  # seconds that a command has


def become(task, terminal, out, err):
    """Turns a child process into one that a shell has started on the terminal."""
    os.setsid()
    fcntl.ioctl(terminal, termios.TIOCSCTTY, 0)
    for fd, at in ((terminal, 0), (out, 1), (err, 2)):
        os.dup2(fd, at)
    os.closerange(3, 64)
    sys.stdin, sys.stdout, sys.stderr = open(0), open(1, "w"), open(2, "w")
    sys.__stdin__, sys.__stdout__, sys.__stderr__ = sys.stdin, sys.stdout, sys.stderr
    os.environ.update(task.get("env") or {})
    os.environ["PWD"] = task["in"]
    os.chdir(task["in"])
    sys.argv = ["charmcraft", *task["args"]]
    code = 1
    try:
        code = main() or 0
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else 1
    except BaseException:
        traceback.print_exc()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


def command(task):
    ours, terminal = pty.openpty()
    pipes = [os.pipe(), os.pipe()]
    child = os.fork()
    if child == 0:
        become(task, terminal, pipes[0][1], pipes[1][1])
    for fd in (terminal, pipes[0][1], pipes[1][1]):
        os.close(fd)
    seen = {ours: b"", pipes[0][0]: b"", pipes[1][0]: b""}
    says = list(task.get("says") or [])
    unread = b""  # of what the person sees, since the last line typed
    open_ = set(seen)
    late = False
    while open_:
        ready, _, _ = select.select(list(open_), [], [], PATIENCE)
        if not ready:
            late = True
            os.kill(child, signal.SIGKILL)
            break
        for fd in ready:
            try:
                data = os.read(fd, 65536)
            except OSError:  # Linux says so when a terminal has nobody any more
                data = b""
            if not data:
                open_.discard(fd)
            seen[fd] += data
            unread += data
        if says and says[0][0].encode() in unread:
            os.write(ours, says.pop(0)[1].encode() + b"\n")
            unread = b""
    _, status = os.waitpid(child, 0)
    for fd in seen:
        os.close(fd)
    told = {"code": os.waitstatus_to_exitcode(status), "out": seen[pipes[0][0]].decode(), "err": seen[pipes[1][0]].decode()}
    told["err"] += "\nnothing happened for a long time\n" if late else ""
    told["err"] += f"\nnobody asked: {says}\n" if says else ""
    return told


def plain(value):
    """What JSON can hold of a value."""
    if dataclasses.is_dataclass(value):
        return plain(dataclasses.asdict(value))
    if hasattr(value, "model_dump"):
        return plain(value.model_dump(mode="json"))
    if hasattr(value, "_asdict"):
        return plain(value._asdict())
    if isinstance(value, dict):
        return {k if isinstance(k, str) else "/".join(map(str, k)) if isinstance(k, tuple) else str(k): plain(v)
                for k, v in value.items()}
    if isinstance(value, (list, tuple, set)):
        return [plain(v) for v in value]
    return value if isinstance(value, (str, int, float, bool, type(None))) else str(value)


def service():
    """charmcraft's store service, without a project."""
    services.register_services()
    return ServiceFactory(APP_METADATA).get("store")


def call(task):
    craft_cli.emit.init(craft_cli.EmitterMode.QUIET, "charmcraft", "larder-interop")
    try:
        target = service() if task["call"] == "service" else store.Store(env.get_store_config())
        return {"code": 0, "answer": plain(getattr(target, task["method"])(*(task.get("with") or [])))}
    except Exception as error:
        return {"code": 1, "raised": type(error).__name__, "err": str(error)}


def apart(task):
    """Does a call in a process of its own, since keyrings are read once."""
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(read)
        os.environ.update(task.get("env") or {})
        os.chdir(task["in"])
        sys.stdout = sys.stderr
        with os.fdopen(write, "w") as out:
            json.dump(call(task), out)
        os._exit(0)
    os.close(write)
    with os.fdopen(read) as answer:
        told = answer.read()
    os.waitpid(child, 0)
    return json.loads(told) if told else {"code": 1, "raised": "died"}


if __name__ == "__main__":
    for line in sys.stdin:
        given = json.loads(line)
        print(json.dumps(apart(given) if "call" in given else command(given)), flush=True)
