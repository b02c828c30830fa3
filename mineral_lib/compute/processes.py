"""How a process of this machine is started: fresh, fast, and wherever the temporary folder is."""

import multiprocessing
import os
import tempfile
from multiprocessing import util
from typing import Any

# The path of a socket may have about a hundred bytes, of which multiprocessing's own names take thirty-five.
LONGEST_TEMPORARY = 65
SHORT_TEMPORARY = "/tmp"


def process_context(module: str) -> Any:
    """The way of starting processes; each is fresh, so that nothing of this one is in it.

    Args:
        module: The module whose function they are to call; a fork server imports it, and torch, once for all of them.
    """
    # Windows has no fork server.
    method = "forkserver" if "forkserver" in multiprocessing.get_all_start_methods() else "spawn"
    context = multiprocessing.get_context(method)
    if method == "forkserver":
        context.set_forkserver_preload([module])
        _make_room_for_sockets()
    return context


def _make_room_for_sockets() -> None:
    """Have multiprocessing make its folder of sockets, which it does once, in a place with a short name."""
    if len(os.fsencode(tempfile.gettempdir())) > LONGEST_TEMPORARY:
        usual, tempfile.tempdir = tempfile.tempdir, SHORT_TEMPORARY
        try:
            util.get_temp_dir()
        finally:
            tempfile.tempdir = usual
