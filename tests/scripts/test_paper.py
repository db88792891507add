"""The two scripts of the rules `figure` and `table`, run as Snakemake runs them."""

import runpy
from pathlib import Path
from types import SimpleNamespace

import pytest
from snakemake.iocontainers import InputFiles, Log, OutputFiles, Params, Wildcards

from tests.helpers.disc_run import DiscRun
from tests.helpers.paper import save_figure, save_table
from tests.helpers.paper_comparisons import comparisons_request, make_comparisons

ROOT = Path(__file__).parents[2]


def run_script(name, folder, inputs, params, wildcards, file_formats):
    """Run scripts/paper/<name>.py and return the outputs by name. A failed job raises SystemExit."""
    folder.mkdir(parents=True)
    outputs = {
        file_format: str(folder / f"out.{'csv' if file_format == 'rows' else file_format}")
        for file_format in file_formats
    }
    snakemake = SimpleNamespace(
        input=InputFiles(fromdict=dict(inputs)),
        output=OutputFiles(fromdict=outputs),
        params=Params(fromdict=params),
        wildcards=Wildcards(fromdict=wildcards),
        log=Log(toclone=[str(folder / "log")]),
        rule=name,
        config={},
    )
    runpy.run_path(str(ROOT / f"scripts/paper/{name}.py"), init_globals={"snakemake": snakemake})
    return {file_format: Path(path) for file_format, path in outputs.items()}


def run_figure(request, folder):
    params = {"entry": request.entry, "models": request.models, "score_threshold": request.score_threshold}
    wildcards = {"figure": request.figure_id, "run": "test"}
    return run_script("figure", folder, request.inputs, params, wildcards, ["pdf", "svg", "png", "rows"])


def test_the_figure_script_writes_the_files_of_the_figure_named_by_the_wildcard(tmp_path):
    request = DiscRun(tmp_path / "run").request(images=2)
    written, expected = run_figure(request, tmp_path / "script"), save_figure(request, tmp_path / "package")
    for file_format, path in written.items():
        assert path.read_bytes() == expected[file_format].read_bytes(), file_format


def test_a_figure_that_cannot_be_drawn_is_one_line_in_the_log_and_no_file(tmp_path):
    with pytest.raises(SystemExit):
        run_figure(DiscRun(tmp_path / "run").request(phrase="plum"), tmp_path / "script")
    _, line = (tmp_path / "script/log").read_text(encoding="utf-8").splitlines()
    assert "figures.prompt-or-concept.concept.phrase: “plum” is no phrase of the prompts concepts" in line
    assert sorted(path.name for path in (tmp_path / "script").iterdir()) == [".log.attempts", "log"]


def test_the_table_script_writes_the_files_of_the_table_named_by_the_wildcard(tmp_path):
    request = comparisons_request(make_comparisons(), tmp_path)
    params = {"entry": request.entry, "models": request.models}
    params |= {"experiments": request.experiments, "comparisons": request.comparisons, "confidence": request.confidence}
    params |= {"rank_correlations": request.rank_correlations}
    wildcards = {"table": request.table_id, "run": "test"}
    file_formats = ["csv", "md", "tex", "html"]
    written = run_script("table", tmp_path / "script", request.inputs, params, wildcards, file_formats)
    expected = save_table(request, tmp_path / "package")
    for file_format, path in written.items():
        assert path.read_bytes() == expected[file_format].read_bytes(), file_format
