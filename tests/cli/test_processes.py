"""What only whole processes show: exit codes, no traceback, what is imported, and a closed pipe."""

import shlex
import subprocess
import sys
from getpass import getuser

import pytest
from lab import Lab

HEAVY = ("torch", "numpy", "pandas", "scipy", "sklearn", "torch_geometric")
LOOKS = """
import sys
from assay import cli
for line in sys.stdin.read().splitlines():
    sys.argv = ["assay", *line.split()]
    try:
        cli.main()
    except SystemExit as end:
        assert not end.code, (line, end.code)
    heavy = {heavy} & sys.modules.keys()
    assert not heavy, (line, heavy)
"""


def test_a_job_leaves_nothing_in_the_temporary_folder(bench, tmp_path):
    temporary = tmp_path / "tmp"
    temporary.mkdir()
    run = Lab(bench.folder, {"TMPDIR": str(temporary)}).assay("make", "big", "embeddings", "evaluation")
    assert run.code == 0, run.text
    left = {str(path.relative_to(temporary)) for path in temporary.rglob("*")}
    assert left <= {f"torchinductor_{getuser()}"}  # the cache of torch itself: empty, and one for all jobs


@pytest.mark.parametrize(
    ("line", "code"),
    [("list", 0), ("list --check", 4), ("list --config none.yaml", 2), ("verify", 3), ("show sheet.tsv", 1)],
)
def test_exit_codes_reach_the_shell(bench, line, code):
    run = Lab(bench.folder).assay(*line.split())
    assert run.code == code, run.text
    assert "Traceback" not in run.text


def test_commands_that_look_never_import_torch_or_numpy(made):
    lines = "check\nlist --check\nwhy small cka\nwhy big cka\nschema\nmanifest\nverify\n--help\n"
    program = LOOKS.format(heavy=set(HEAVY))
    done = subprocess.run([sys.executable, "-c", program], input=lines, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_a_closed_pipe_is_no_traceback(made):
    command = f"{shlex.quote(sys.executable)} -m assay schema | head -c 1"
    done = subprocess.run(command, shell=True, capture_output=True, text=True)
    assert (done.stdout, done.stderr) == ("{", "")
