"""The end of a notebook's kernel, as the terminal shows it."""

import pytest
from jupyter_client.manager import start_new_kernel

# ipykernel's own late message comes once in thousands of kernels; this one comes at the same place each time.
LATE = """
import logging, ipykernel.iostream as stream
def close(self, close=stream.IOPubThread.close, loggers=(logging.getLogger("tornado.general"),
                                                         logging.getLogger("asyncio"))):
    for logger in loggers:
        logger.error("late")
    close(self)
stream.IOPubThread.close = close
"""
FIRST_CELL = "import mineral_lib as ml\nml.accept_parameters()"


@pytest.mark.parametrize(("cell", "said"), [("", 2), (FIRST_CELL, 0)])
def test_a_kernel_of_the_study_closes_without_a_word(cell, said, tmp_path):
    with (tmp_path / "terminal").open("w+") as terminal:
        manager, client = start_new_kernel(kernel_name="python3", stderr=terminal)
        for code in (cell, LATE):
            reply = client.execute_interactive(code, timeout=60, output_hook=lambda _: None)
            assert reply["content"]["status"] == "ok"
        client.stop_channels()
        manager.shutdown_kernel()
    assert (tmp_path / "terminal").read_text().count("late") == said
