"""What needs the trained networks of a study: Figure 6, the evidence of section 4.3, and the tables beside them.

    python benchmarks/gpu_evidence.py PROFILE [KEY=VALUE ...]

The part of ``gpu_study.py`` after training; runs that are not there are left out.
"""

import sys

from mineral_lib.evaluation.controls import run_baselines
from mineral_lib.measurements.evidence_study import answer_on_grounds, evidence_runs, measure_evidence
from mineral_lib.parameters import load_profile
from mineral_lib.reporting.artefacts import make_artefacts
from mineral_lib.reporting.cam_grid import cam_panels, draw_cam_grid, figure_photographs
from mineral_lib.study import Study
from mineral_lib.training.specs import block_weights


def main(profile: str, changes: list[str]) -> None:
    """Make everything for the runs that are finished."""
    study = Study(load_profile(profile, changes))
    settings, block = study.settings, study.settings.comparison.blocks[0]
    columns = [study.run(name, block_weights(name, block)) for name in settings.comparison.models]
    columns = [run for run in columns if run.is_finished]
    panels = cam_panels(study, columns, figure_photographs(study))
    study.save(draw_cam_grid(panels, language=settings.report.language))
    print("Figure 6", flush=True)
    runs = [run for run in evidence_runs(study) if run.is_finished]
    measure_evidence(study, runs)
    print("evidence", flush=True)
    answer_on_grounds(study, runs)
    run_baselines(study)
    print("grounds and baselines", flush=True)
    print(*make_artefacts(study), sep="\n")


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
