"""Checkpoint files: what is saved is loaded; what is cut, changed or hostile is refused and never executed."""

import hashlib
import io
import os
import pickle
import random
import struct
import tarfile
import tracemalloc
import zipfile

import pytest
import torch

from mineral_lib.compute.checkpoint import HEADER_BYTES, MAGIC, load_checkpoint, save_checkpoint
from mineral_lib.errors import StorageError
from mineral_lib.storage import write_bytes

CONTENT = {
    "epoch": 3,
    "step": 0,
    "key": "k",
    "history": [{"epoch": 1, "lr": 0.1}],
    "classes": ["quartz", "黄铁矿"],
    "none": None,
    "network": {"weight": torch.arange(400.0).reshape(20, 20), "count": torch.tensor(3)},
    "optimizer": {"state": {0: {"step": torch.tensor(1.0)}}, "param_groups": [{"betas": (0.9, 0.999), "fused": True}]},
}


def seal(path, payload: bytes):
    """A file as the project writes it, digest and all, around any payload."""
    header = MAGIC + len(payload).to_bytes(8, "big") + hashlib.sha256(payload).digest()
    return write_bytes(path, header, payload)


def test_what_is_saved_is_loaded(tmp_path):
    loaded = load_checkpoint(save_checkpoint(tmp_path / "c.pt", CONTENT))
    assert torch.equal(loaded["network"].pop("weight"), CONTENT["network"]["weight"])
    assert loaded["classes"] == CONTENT["classes"] and loaded["history"] == CONTENT["history"]
    assert loaded["optimizer"]["param_groups"] == CONTENT["optimizer"]["param_groups"]


def test_cuts_and_flipped_bits_are_all_refused(tmp_path):
    """300 cuts and 700 flipped bits; a message names the file, and for a cut the size found and expected."""
    path = save_checkpoint(tmp_path / "last.pt", CONTENT)
    data, draw = path.read_bytes(), random.Random(0)
    cuts = {0, 1, HEADER_BYTES - 1, HEADER_BYTES, len(data) // 2, len(data) - 1}
    while len(cuts) < 300:
        cuts.add(draw.randrange(len(data)))
    refused = 0
    for length in cuts:
        path.write_bytes(data[:length])
        with pytest.raises(StorageError) as error:
            load_checkpoint(path)
        assert str(path) in str(error.value) and error.value.exit_code == 4
        if length >= HEADER_BYTES:
            assert f"{length} bytes found, {len(data)} expected" in str(error.value)
        refused += 1
    positions = [(place, bit) for place in range(HEADER_BYTES) for bit in (0, 7)]
    positions += [(draw.randrange(len(data)), draw.randrange(8)) for _ in range(700 - len(positions))]
    for place, bit in positions:
        changed = bytearray(data)
        changed[place] ^= 1 << bit
        path.write_bytes(changed)
        with pytest.raises(StorageError, match=r"last\.pt"):
            load_checkpoint(path)
        refused += 1
    assert refused == 1000
    path.write_bytes(data)
    assert load_checkpoint(path)["epoch"] == 3


class Run:
    """Pickles to a call."""

    def __init__(self, function, *arguments):
        self.call = function, arguments

    def __reduce__(self):
        return self.call


def hostile(canary: str) -> dict[str, bytes]:
    """Payloads that would create ``canary`` if anything of them were executed."""
    touch = Run(os.system, f"touch {canary}")

    def saved(value, **options) -> bytes:
        buffer = io.BytesIO()
        torch.save(value, buffer, **options)
        return buffer.getvalue()

    def repacked(data: bytes, change) -> bytes:
        buffer = io.BytesIO()
        with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(buffer, "w") as new:
            for item in old.infolist():
                change(new, item, old.read(item))
        return buffer.getvalue()

    good = saved({"schema": 2, "epoch": 1})
    evil_pickle = pickle.dumps({"schema": 2, "x": touch}, protocol=2)
    tar = io.BytesIO()
    with tarfile.open(fileobj=tar, mode="w") as archive:
        info = tarfile.TarInfo("pickle")
        info.size = len(evil_pickle)
        archive.addfile(info, io.BytesIO(evil_pickle))
    return {
        "os.system": saved({"schema": 2, "x": touch}),
        "nested": saved({"schema": 2, "network": {"a": [1, (2, touch)]}}),
        "legacy format": saved({"schema": 2, "x": touch}, _use_new_zipfile_serialization=False),
        "eval": saved({"schema": 2, "x": Run(eval, f"open({canary!r}, 'w')")}),
        "exec": saved({"schema": 2, "x": Run(exec, f"open({canary!r}, 'w')")}),
        "open": saved({"schema": 2, "x": Run(open, canary, "w")}),
        "os.mkdir": saved({"schema": 2, "x": Run(os.mkdir, canary)}),
        "import": saved({"schema": 2, "x": Run(__import__, "antigravity")}),
        "torch.load": saved({"schema": 2, "x": Run(torch.load, canary)}),
        "raw pickle": evil_pickle,
        "protocol 0": pickle.dumps({"schema": 2, "x": touch}, protocol=0),
        "protocol 5": pickle.dumps({"schema": 2, "x": touch}, protocol=5),
        "tar": tar.getvalue(),
        "class": saved(Run(os.system, f"touch {canary}")),
        "pickle swapped": repacked(
            good,
            lambda new, item, data: new.writestr(
                item.filename, evil_pickle if item.filename.endswith("data.pkl") else data
            ),
        ),
        "library call": saved({"schema": 2, "x": Run(__import__("shutil").copy, __file__, canary)}),
    }


def test_hostile_files_are_refused_and_nothing_runs(tmp_path):
    canary = tmp_path / "canary"
    payloads = hostile(str(canary))
    assert len(payloads) >= 10
    os.system(pickle.loads(pickle.dumps(f"touch {canary}.works")))  # the harmless command itself works
    assert (tmp_path / "canary.works").exists()
    for name, payload in payloads.items():
        with pytest.raises(StorageError, match=r"c\.pt"):
            load_checkpoint(seal(tmp_path / "c.pt", payload))
        assert not canary.exists(), name


def test_the_canary_would_sing(tmp_path):
    """The same payload executes where it is loaded without care: the test above can fail."""
    canary = tmp_path / "canary"
    torch.load(io.BytesIO(hostile(str(canary))["os.system"]), weights_only=False)
    assert canary.exists()


def zip_of(members: dict[str, bytes], method: int) -> bytes:
    """An archive with these members."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return buffer.getvalue()


def test_archives_that_expand_are_refused_without_being_read(tmp_path):
    big = bytes(200_000_000)
    bombs = {"one": zip_of({"archive/data.pkl": b"\x80\x02}.", "archive/data/0": big}, zipfile.ZIP_DEFLATED)}
    del big
    bombs["nested"] = zip_of({"archive/data.pkl": bombs["one"]}, zipfile.ZIP_DEFLATED)
    bombs["bzip2"] = zip_of({"archive/data.pkl": bytes(1_000_000)}, zipfile.ZIP_BZIP2)
    bombs["lzma"] = zip_of({"archive/data.pkl": bytes(1_000_000)}, zipfile.ZIP_LZMA)
    bombs["overlapping"] = overlapping(1000, 100_000)
    tracemalloc.start()
    for name, payload in bombs.items():
        with pytest.raises(StorageError, match=r"members|cannot be read"):
            load_checkpoint(seal(tmp_path / "c.pt", payload))
        assert tracemalloc.get_traced_memory()[1] < 20_000_000, name
    tracemalloc.stop()


def overlapping(count: int, size: int) -> bytes:
    """Many directory entries that all name the same stored bytes."""
    data = zip_of({"a": bytes(size)}, zipfile.ZIP_STORED)
    end = data.rindex(b"PK\x05\x06")
    start = struct.unpack("<I", data[end + 16 : end + 20])[0]
    entry = data[start:end]
    directory = entry * count
    tail = struct.pack("<4s4H2IH", b"PK\x05\x06", 0, 0, count, count, len(directory), start, 0)
    return data[:start] + directory + tail


def test_what_could_not_be_loaded_is_not_saved(tmp_path):
    import numpy as np

    for value in (np.float32(1), tmp_path, {"a": {1, 2}}, [np.zeros(2)], {(1, 2): 3}, object()):
        with pytest.raises(TypeError, match=r"checkpoint\.x"):
            save_checkpoint(tmp_path / "c.pt", {"x": value})
    assert not (tmp_path / "c.pt").exists()


def test_a_newer_schema_is_named(tmp_path):
    path = save_checkpoint(tmp_path / "c.pt", {"schema": 99})
    with pytest.raises(StorageError, match=r"newer version.*99") as error:
        load_checkpoint(path)
    assert "update" in error.value.remedy


def test_foreign_and_missing_files_are_refused(tmp_path):
    with pytest.raises(StorageError, match="cannot be read"):
        load_checkpoint(tmp_path / "nothing.pt")
    torch.save({"schema": 2}, tmp_path / "plain.pt")
    with pytest.raises(StorageError, match="no checkpoint of this study"):
        load_checkpoint(tmp_path / "plain.pt")
    buffer = io.BytesIO()
    torch.save([1, 2], buffer)
    with pytest.raises(StorageError, match="no checkpoint of this study"):
        load_checkpoint(seal(tmp_path / "list.pt", buffer.getvalue()))
