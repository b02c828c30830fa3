"""What needs the trained networks of a study: Figure 6, the evidence of section 4.3, and the tables beside them.

    python benchmarks/gpu_evidence.py PROFILE [KEY=VALUE ...]

The part of ``gpu_study.py`` after training; runs that are not there are left out.
"""

import sys

from mineral_lib.data.prepare import prepare
from mineral_lib.evaluation.cam_study import cam_panels, figure_photographs
from mineral_lib.evaluation.controls import run_baselines
from mineral_lib.evaluation.evidence_study import answer_on_grounds, evidence_runs, measure_evidence
from mineral_lib.parameters import load_profile
from mineral_lib.reporting.artefacts import make_artefacts
from mineral_lib.reporting.cam_grid import draw_cam_grid
from mineral_lib.storage import ResultPaths
from mineral_lib.study import Study
from mineral_lib.training.runs import is_finished
from mineral_lib.training.specs import RunSpec, block_weights


def main(profile: str, changes: list[str]) -> None:
    """Make everything for the runs that are finished."""
    settings = load_profile(profile, changes)
    paths, study = ResultPaths.of(settings.profile), prepare(settings)
    block, seed = settings.comparison.blocks[0], settings.train.seeds[0]
    columns = [RunSpec(name, block_weights(name, block), "grouped", seed) for name in settings.comparison.models]
    columns = [spec for spec in columns if is_finished(settings, spec, study)]
    panels = cam_panels(study, settings, columns, figure_photographs(study, settings))
    figure = draw_cam_grid(
        panels.originals,
        panels.overlays,
        row_names=panels.row_names,
        column_names=panels.column_names,
        captions=panels.captions,
        language=settings.report.language,
        credits=panels.credits,
    )
    figure.save(paths.figures_dir / "figure_6_grad_cam", dpi=settings.report.dpi)
    print("Figure 6", flush=True)
    runs = [spec for spec in evidence_runs(settings) if is_finished(settings, spec, study)]
    measure_evidence(study, settings, runs)
    print("evidence", flush=True)
    answer_on_grounds(study, settings, runs)
    run_baselines(settings)
    print("grounds and baselines", flush=True)
    print(*make_artefacts(Study(settings, paths)), sep="\n")


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
