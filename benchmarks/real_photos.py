"""Real photographs of a folder: real weights at 224 px beside the compact network and what simple classifiers reach.

    python benchmarks/real_photos.py PHOTOS --weights FILE [--sources CSV] [--seeds 0 1 2 3 4] [--out FOLDER]

The profile own_photos (classes with 10 photographs or more) under two ways of splitting, five seeds each: the library's
grouped split, where all rungs of ``real_rungs.NAMES`` see the same photographs, and, with ``--sources`` (a table with
the columns ``sha256`` and ``source``), the split by source of ``real_splits``, without the compact network. Every
finished rung of a split is kept below ``results/real_photos/rungs`` and reused. Only numbers, class names and SHA-256
prefixes are written to the output folder; a section is appended to ``benchmarks/RESULTS.md`` if anything was new.
"""

import argparse
import time
from pathlib import Path

import numpy as np
import pandas as pd
from real_rungs import NAMES, NETWORK, PROBES, PROFILE, SIZES, VERSION, Photographs
from real_splits import DIRECTIONS, dominating_source, random_split, read_sources, shared_classes, source_split
from real_tables import table_rungs, table_sources, table_steps

from mineral_lib.data.index import index_fingerprint
from mineral_lib.parameters import sections_of
from mineral_lib.paths import ResultPaths, project_root
from mineral_lib.reporting.tables import Table
from mineral_lib.runtime import git_commit, package_versions, set_threads
from mineral_lib.storage import file_digest, read_json, write_csv, write_json
from results import append, machine, vouch

OUT = Path("results/reference/real_photos")
TEXT = {"photo": str, "group": str, "class": str, "predicted": str}
READING = {"dtype": TEXT, "keep_default_na": False, "na_values": {"probability": ""}}


class Work:
    """Rungs on splits, computed once and kept on disk.

    Attributes:
        fresh: Seconds of what was computed in this call, by split and rung.
    """

    def __init__(self, photographs: Photographs, out: Path, rungs: list[str]) -> None:
        self.photographs, self.out, self.rungs, self.fresh = photographs, out, rungs, {}
        self.folder = ResultPaths.of(PROFILE).root / "rungs"
        if set(rungs) != set(NAMES):
            kept, index = read_json(out / "manifest.json"), index_fingerprint(photographs.index)
            if (kept["index_sha256"], kept["version"], kept["seeds"]) != (index, VERSION, photographs.seeds):
                raise SystemExit("the tracked predictions are of other photographs, seeds or code: give no --rungs")

    def rung(self, rung: str, name: str, split: np.ndarray, seed: int) -> pd.DataFrame:
        """Predictions of a rung on a split, computed or read; see ``Photographs.predict``."""
        if rung not in self.rungs:
            kept = pd.read_csv(self.out / f"predictions_{name}.csv", **READING)
            return kept[(kept["rung"] == rung) & (kept["seed"] == seed)]
        path = self.folder / f"{name}-{rung}-seed{seed}-{self.photographs.key(rung, split, seed)[:12]}.csv"
        if path.is_file():
            return pd.read_csv(path, **READING)
        begin = time.perf_counter()
        write_csv(path, self.photographs.predict(rung, split, seed), float_format="%.6g")
        self.fresh[f"{name} {rung}"] = self.fresh.get(f"{name} {rung}", 0) + time.perf_counter() - begin
        print(f"{name}, seed {seed}: {rung}, {time.perf_counter() - begin:.1f} s", flush=True)
        return self.rung(rung, name, split, seed)

    def all(self, name: str, rungs: list[str], splits: dict[int, np.ndarray]) -> pd.DataFrame:
        """Predictions of rungs on the split of every seed."""
        found = [self.rung(rung, name, split, seed) for seed, split in splits.items() for rung in rungs]
        return pd.concat(found, ignore_index=True)


def by_source(work: Work, sources: np.ndarray) -> tuple[dict[str, pd.DataFrame], dict[str, int]]:
    """Predictions on the split by source and on its random counterpart in both directions, and what was split."""
    index, found = work.photographs.index, {}
    labels, groups = index["label"].to_numpy(), index["group"].to_numpy(str)
    inside = sources == dominating_source(sources, labels)
    counts = {"photographs": int(inside.sum()), "used": len(index), "classes": len(shared_classes(inside, labels))}
    for direction in DIRECTIONS:
        splits = {
            seed: source_split(inside, labels, groups, direction=direction, seed=seed)
            for seed in work.photographs.seeds
        }
        alike = {seed: random_split(split, labels, groups, seed=seed) for seed, split in splits.items()}
        counts[direction] = int(np.isin(splits[work.photographs.seeds[0]], ["train", "val"]).sum())
        found[f"{direction}_source"] = work.all(f"{direction}_source", PROBES, splits)
        found[f"{direction}_random"] = work.all(f"{direction}_random", PROBES, alike)
    return found, counts


def tables(found: dict[str, pd.DataFrame], counts: dict[str, int]) -> list[Table]:
    """Tables of everything that was computed."""
    made = [table_rungs(found["grouped"]), table_steps(found["grouped"])]
    if counts:
        frames = [
            frame.assign(direction=name.rpartition("_")[0], split=name.rpartition("_")[2])
            for name, frame in found.items()
            if name != "grouped"
        ]
        made.append(table_sources(pd.concat(frames, ignore_index=True), counts))
    return made


def manifest(options: argparse.Namespace, work: Work, counts: dict[str, int], old: dict) -> dict:
    """What made the results, without a path of this machine."""
    photographs = work.photographs
    parameters = sections_of(photographs.settings)
    parameters["data"]["folder"] = "PHOTOS"
    return {
        "command": command(options),
        "git_commit": git_commit(),
        "versions": package_versions(),
        "machine": machine(),
        "index_sha256": index_fingerprint(photographs.index),
        "data_fingerprint": photographs.study.fingerprint,
        "weights_sha256": photographs.weights_digest,
        "sources_sha256": file_digest(options.sources) if options.sources else None,
        "photographs": len(photographs.index),
        "classes": photographs.study.classes,
        "seeds": options.seeds,
        "network": NETWORK,
        "sizes_px": SIZES,
        "rungs": NAMES,
        "by_source": counts,
        "version": VERSION,
        "seconds": old | {name: round(value, 1) for name, value in work.fresh.items()},
        "compact_training_seconds": (
            [photographs.training_seconds(seed) for seed in options.seeds]
            if "compact" in options.rungs
            else read_json(work.out / "manifest.json")["compact_training_seconds"]
        ),
        "parameters": parameters,
    }


def command(options: argparse.Namespace) -> str:
    """How to repeat it, without paths of this machine."""
    sources = " --sources CSV" if options.sources else ""
    seeds = " ".join(map(str, options.seeds))
    rungs = "" if len(options.rungs) == len(NAMES) else f" --rungs {' '.join(options.rungs)}"
    return f"python benchmarks/real_photos.py PHOTOS --weights FILE{sources} --seeds {seeds}{rungs}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("photos", type=Path)
    parser.add_argument("--weights", type=Path, required=True, help=f"ImageNet weights of {NETWORK}")
    parser.add_argument("--sources", type=Path, help="CSV file with the columns sha256 and source")
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2, 3, 4])
    parser.add_argument("--out", type=Path, default=OUT, help="below the project folder")
    parser.add_argument("--rungs", nargs="+", choices=NAMES, default=list(NAMES), help="the others keep what --out has")
    options = parser.parse_args()
    set_threads(1)
    photographs = Photographs(options.photos.resolve(), options.weights.resolve(), options.seeds)
    work, counts = Work(photographs, project_root() / options.out, options.rungs), {}
    found = {"grouped": work.all("grouped", list(NAMES), {seed: photographs.grouped(seed) for seed in options.seeds})}
    if options.sources:
        more, counts = by_source(work, read_sources(options.sources, photographs.index))
        found |= more
    write(options, work, found, counts)


def write(options: argparse.Namespace, work: Work, found: dict[str, pd.DataFrame], counts: dict[str, int]) -> None:
    """Write predictions, tables and manifest, and append a section to ``RESULTS.md`` if something was computed."""
    out, made = project_root() / options.out, tables(found, counts)
    old = read_json(out / "manifest.json")["seconds"] if (out / "manifest.json").is_file() else {}
    record = manifest(options, work, counts, old)  # before anything is written: it names the commit
    for name, frame in found.items():
        write_csv(out / f"predictions_{name}.csv", frame, float_format="%.4g")
    for table in made:
        table.save(out / "tables")
    if work.fresh or not (out / "manifest.json").is_file():
        write_json(out / "manifest.json", record)
    vouch(out)
    if work.fresh:
        body = "\n\n".join(f"{table.title}: {table.finding}" for table in made)
        body += f"\n\nTables, predictions and manifest: `{options.out.as_posix()}`."
        append("Real photographs: real weights at 224 px beside the compact network", command(options), body)


if __name__ == "__main__":
    main()
