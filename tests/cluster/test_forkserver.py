import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

SERVER = Path(__file__).with_name("fork_server.py")
CLIENT = """import sys
from assay.cluster.served import served
code = served(sys.argv[1:])
sys.exit(99 if code is None else code)
"""
FRESH = 99  # the code of a client that would have to run the command itself


@contextmanager
def server(folder: Path, idle_seconds: float = 60, *witnesses: Path) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, SERVER, folder / "s" / "x.sock", str(idle_seconds), *witnesses]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        if process.stdout.readline() == "ready\n":
            yield process
            process.kill()
        else:
            raise RuntimeError(process.communicate()[1])


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("f")
    with server(folder, 600):
        yield folder


def start(folder: Path, *argv: object, **more: object) -> subprocess.Popen[str]:
    environment = {**os.environ, "ASSAY_SERVER": str(folder / "s" / "x.sock"), **more.pop("env", {})}
    pipe = subprocess.PIPE
    command = [sys.executable, "-c", CLIENT, "make", *map(str, argv)]
    return subprocess.Popen(command, env=environment, text=True, stdout=pipe, stderr=pipe, **more)


def order(folder: Path, *argv: object, **more: object) -> tuple[int, str, str]:
    with start(folder, *argv, **more) as client:
        out, err = client.communicate(timeout=30)
        return client.returncode, out, err


def until(true: Callable[[], object], seconds: float = 15) -> None:
    ends = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < ends, "it did not come true"
        time.sleep(0.01)


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def written(path: Path) -> int:
    until(lambda: path.exists() and path.read_text())
    return int(path.read_text())


def test_a_job_has_the_streams_folder_umask_and_environment_of_its_client(
    shared: Path, tmp_path: Path
) -> None:
    told = order(shared, "tell", "cwd", "umask", "word", cwd=tmp_path, umask=0o027, env={"WORD": "a b"})
    assert told == (0, f"{tmp_path} 0o27 a b\n", "aside\n")


def test_a_job_holds_no_descriptor_of_the_server(shared: Path) -> None:
    _, out, _ = order(shared, "tell", "descriptors")
    assert out == "['0', '1', '2', '3']\n"  # the last is the listing's own


def test_the_exit_code_is_that_of_the_job(shared: Path) -> None:
    assert order(shared, "end", 3)[0] == 3


def test_a_job_that_raises_says_so_to_its_client(shared: Path) -> None:
    code, _, err = order(shared, "fail")
    assert code == 1
    assert "RuntimeError: this job fails" in err


@pytest.mark.parametrize(("asked", "n_threads"), [({}, 2), ({"OMP_NUM_THREADS": "3"}, 3)])
def test_a_job_takes_the_threads_that_its_client_asks_for(
    shared: Path, asked: dict[str, str], n_threads: int
) -> None:
    environment = {"OMP_NUM_THREADS": "", "MKL_NUM_THREADS": "", "OPENBLAS_NUM_THREADS": "", **asked}
    assert order(shared, "tell", "threads", env=environment)[1] == f"{n_threads}\n"


def test_another_setting_that_libraries_read_when_they_load_needs_a_fresh_process(shared: Path) -> None:
    assert order(shared, "end", 0, env={"OMP_DYNAMIC": "true"})[0] == FRESH


def test_other_limits_need_a_fresh_process(shared: Path) -> None:
    import resource

    def limited() -> None:
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))

    before = resource.getrlimit(resource.RLIMIT_CORE)
    assert before != (0, 0)
    assert order(shared, "end", 0, preexec_fn=limited)[0] == FRESH


def test_where_no_server_is_named_or_listens_the_process_is_fresh(shared: Path, tmp_path: Path) -> None:
    assert order(shared, "end", 0, env={"ASSAY_SERVER": ""})[0] == FRESH
    assert order(tmp_path, "end", 0)[0] == FRESH


def test_a_socket_in_a_folder_that_others_enter_is_not_asked(tmp_path: Path) -> None:
    with server(tmp_path):
        assert order(tmp_path, "end", 3)[0] == 3
        (tmp_path / "s").chmod(0o755)
        assert order(tmp_path, "end", 3)[0] == FRESH


def test_a_client_that_is_killed_kills_its_job(shared: Path, tmp_path: Path) -> None:
    with start(shared, "wait", tmp_path / "started", tmp_path / "ended") as client:
        job = written(tmp_path / "started")
        client.kill()
        until(lambda: not alive(job))
    assert not (tmp_path / "ended").exists()


def test_a_signal_goes_on_to_the_job_whose_code_comes_back(shared: Path, tmp_path: Path) -> None:
    with start(shared, "wait", tmp_path / "started", tmp_path / "ended") as client:
        job = written(tmp_path / "started")
        client.send_signal(signal.SIGTERM)
        assert client.wait(10) == 7
    assert not alive(job)


@pytest.mark.parametrize("ignored", [True, False])
def test_a_job_ignores_the_signals_that_its_client_ignores(
    shared: Path, tmp_path: Path, ignored: bool
) -> None:
    def deaf() -> None:
        signal.signal(signal.SIGTERM, signal.SIG_IGN if ignored else signal.SIG_DFL)

    with start(shared, "tell", "deaf", preexec_fn=deaf) as client:
        assert client.communicate(timeout=30)[0] == f"{ignored}\n"


def test_a_server_that_was_started_deaf_to_sigterm_goes_on(tmp_path: Path) -> None:
    before = signal.signal(signal.SIGTERM, signal.SIG_IGN)
    try:
        with server(tmp_path) as process:
            process.terminate()
            assert order(tmp_path, "end", 3)[0] == 3
            with start(tmp_path, "tell", "deaf", preexec_fn=_hearing) as client:
                assert client.communicate(timeout=30)[0] == "False\n"
    finally:
        signal.signal(signal.SIGTERM, before)


def _hearing() -> None:
    signal.signal(signal.SIGTERM, signal.SIG_DFL)


def test_the_jobs_of_a_server_that_crashes_die_before_their_clients_run_them_themselves(
    tmp_path: Path,
) -> None:
    with (
        server(tmp_path) as process,
        start(tmp_path, "wait", tmp_path / "started", tmp_path / "ended") as client,
    ):
        job = written(tmp_path / "started")
        process.kill()
        assert client.wait(10) == FRESH
        assert not alive(job)


def test_a_server_that_is_told_to_stop_ends_its_jobs_and_leaves_no_socket(tmp_path: Path) -> None:
    with (
        server(tmp_path) as process,
        start(tmp_path, "wait", tmp_path / "started", tmp_path / "ended") as client,
    ):
        job = written(tmp_path / "started")
        process.terminate()
        assert client.wait(10) == 7
        assert process.wait(10) == 0
        assert not alive(job)
    assert not (tmp_path / "s" / "x.sock").exists()


def test_a_server_without_jobs_ends(tmp_path: Path) -> None:
    with server(tmp_path, 0.5) as process:
        assert process.wait(10) == 0


def test_a_server_whose_code_has_changed_takes_no_more_orders(tmp_path: Path) -> None:
    code = tmp_path / "code.py"
    code.write_text("a = 1\n")
    with server(tmp_path, 60, code) as process:
        assert order(tmp_path, "end", 3)[0] == 3
        code.write_text("a = 2\n")
        assert order(tmp_path, "end", 3)[0] == FRESH
        assert process.wait(10) == 0


def test_what_is_no_order_does_not_stop_the_server(shared: Path) -> None:
    for said in (b"GET / HTTP/1.1\n\n", b"\0\0\0\2{}", b"\0\0\0\2[]", b"\0", b""):
        with socket.socket(socket.AF_UNIX) as stranger:
            stranger.connect(str(shared / "s" / "x.sock"))
            stranger.sendall(said)
    assert order(shared, "end", 3)[0] == 3


def test_a_second_server_on_the_same_socket_is_refused(shared: Path) -> None:
    with pytest.raises(RuntimeError, match="a server listens there already"), server(shared):
        pass
    assert order(shared, "end", 3)[0] == 3


def test_a_socket_that_a_crash_left_is_taken_over(tmp_path: Path) -> None:
    with server(tmp_path) as process:
        process.kill()
        process.wait()
    assert (tmp_path / "s" / "x.sock").exists()
    with server(tmp_path):
        assert order(tmp_path, "end", 3)[0] == 3


@pytest.mark.slow
def test_five_hundred_jobs_leave_no_zombie_and_no_descriptor(tmp_path: Path) -> None:
    from assay.cluster.served import served

    with server(tmp_path) as process, pytest.MonkeyPatch.context() as patch:
        patch.setenv("ASSAY_SERVER", str(tmp_path / "s" / "x.sock"))
        assert served(["make", "end", "5"]) == 5
        until(lambda: not Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text())
        descriptors = len(os.listdir(f"/proc/{process.pid}/fd"))  # noqa: PTH208
        assert [served(["make", "end", "5"]) for _ in range(500)] == [5] * 500
        until(lambda: not Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text())
        until(lambda: len(os.listdir(f"/proc/{process.pid}/fd")) <= descriptors)  # noqa: PTH208


@pytest.mark.parametrize("name", ["python", "python3"])
def test_an_interpreter_has_the_same_server_under_all_of_its_names(shared: Path, name: str) -> None:
    environment = {**os.environ, "ASSAY_SERVER": str(shared / "s" / "x.sock")}
    command = [Path(sys.prefix) / "bin" / name, "-c", CLIENT, "make", "end", "3"]
    assert subprocess.run(command, env=environment, check=False).returncode == 3
