"""Shared fixtures: a tiny profile whose results go to a temporary root, and the whole chain, run once a session."""

import shutil
import signal

import pytest
from checkout import ROOT, TINY, mineral
from xdist.scheduler import LoadFileScheduling

from mineral_lib.parameters import load_profile
from mineral_lib.paths import ROOT_VARIABLE

# A background job of a shell inherits an ignored Ctrl-C, and so would every program the tests start.
signal.signal(signal.SIGINT, signal.default_int_handler)


SLOW = ("test_kill_points.py", "test_chain.py", "test_solutions.py", "test_distributed.py", "test_faults.py")


def pytest_collection_modifyitems(items):
    """Files of minutes begin first, so that no process ends long after the other."""
    items.sort(key=lambda item: item.path.name not in SLOW)


class _ByFile(LoadFileScheduling):
    """Tests of a file run in one process, and those of the files that share the chain: it is made once."""

    def _split_scope(self, nodeid: str) -> str:
        file = super()._split_scope(nodeid)
        return "chain" if file.endswith(("test_chain.py", "test_solutions.py")) else file


def pytest_xdist_make_scheduler(config, log):
    return _ByFile(config, log)


@pytest.fixture
def study_root(tmp_path, monkeypatch):
    """An empty project root with the real parameter files; results and caches are written there."""
    shutil.copytree(ROOT / "params", tmp_path / "params")
    monkeypatch.setenv(ROOT_VARIABLE, str(tmp_path))
    return tmp_path


@pytest.fixture
def tiny(study_root):
    """Settings of the test profile, reduced to two networks."""
    return load_profile("test", TINY)


@pytest.fixture(scope="session")
def chain():
    """The chain on the test profile, from nothing; shared by all tests that read its results."""
    mineral("clean", "--profile", "test")
    done = mineral("reproduce", "--profile", "test")
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-4000:]
    return done
