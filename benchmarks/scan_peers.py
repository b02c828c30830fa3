"""The peers of ``scan.py``, each in a process of its own and with its own defaults. Knows nothing of the project.

python benchmarks/scan_peers.py imagededup FOLDER
"""

import contextlib
import json
import os
import resource
import sys
import time
from importlib.metadata import version


def imagefolder_list(folder):
    """List the files of all classes; nothing is opened."""
    from torchvision.datasets import ImageFolder

    start, busy = time.perf_counter(), sum(os.times()[:4])
    files = len(ImageFolder(folder))
    return f"torchvision {version('torchvision')} ImageFolder, listing only", start, busy, files, "opens no file"


def imagefolder_decode(folder):
    """List the files and decode each, as a first epoch does."""
    from torchvision.datasets import ImageFolder

    start, busy = time.perf_counter(), sum(os.times()[:4])
    data = ImageFolder(folder)
    for number in range(len(data)):
        data[number]
    return (
        f"torchvision {version('torchvision')} ImageFolder, decode every file",
        start,
        busy,
        len(data),
        "no hash, stops at the first bad file",
    )


def imagededup(folder):
    """Perceptual hashes of all files and the pairs within its default distance."""
    from imagededup.methods import PHash

    start, busy = time.perf_counter(), sum(os.times()[:4])
    method = PHash(verbose=False)
    hashes = method.encode_images(image_dir=folder, recursive=True)
    coded = time.perf_counter() - start
    method.find_duplicates(encoding_map=hashes)
    return (
        f"imagededup {version('imagededup')} PHash, hashes and pairs",
        start,
        busy,
        len(hashes),
        f"{coded:.1f} s of it for the hashes",
    )


def cleanvision(folder):
    """All its image checks: exact and near duplicates, dark, light, blurred, odd sizes, low information, grey."""
    from cleanvision import Imagelab

    start, busy = time.perf_counter(), sum(os.times()[:4])
    lab = Imagelab(data_path=folder)
    lab.find_issues()
    name = f"cleanvision {version('cleanvision')}, all checks"
    return name, start, busy, len(lab.issues), "hashes and quality checks"


def main():
    """Run one peer and print its figures."""
    if sys.argv[1] not in (
        peers := {f.__name__: f for f in (imagefolder_list, imagefolder_decode, imagededup, cleanvision)}
    ):
        sys.exit(f"choose one of {', '.join(peers)}")
    with open(os.devnull, "w") as nowhere, contextlib.redirect_stdout(nowhere):
        name, start, busy, files, note = peers[sys.argv[1]](sys.argv[2])
        seconds = time.perf_counter() - start
    # What importing costs (torch, for most) is not counted, neither in wall nor in CPU time.
    cpu_s = sum(os.times()[:4]) - busy
    peak_mb = max(resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)) / 1024
    figures = {"name": name, "seconds": seconds, "cpu_s": cpu_s, "files": files, "peak_mb": peak_mb, "note": note}
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
