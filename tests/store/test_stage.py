"""What an owner writes counts as long as it owns the target; a kill leaves all or nothing; litter goes."""

import errno
import os
import signal
import threading
from pathlib import Path

import pytest
from store.writers import FILES, litter, published, standing

from assay.store import stage as staging
from assay.store.owner import Owner
from assay.store.stage import Superseded, Taken, made_once, owned

TARGET = FILES[1]
OWNER = Path("c/cka.json.owner")
CALLS = ("mkdir", "open", "link", "rename", "fsync", "unlink", "rmdir")


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def write(which: str, *, by_force: bool = False) -> None:
    with owned(TARGET, by_force=by_force) as stage:
        published(stage, which)


def killed_before(n: int) -> bool:
    """Write "new" in a process that is killed before its n-th call that touches the disk; whether it was."""
    child = os.fork()
    if child == 0:
        left = n

        def counted(call):
            def stepping(*arguments, **keywords):
                nonlocal left
                left -= 1
                if left == 0:
                    os.kill(os.getpid(), signal.SIGKILL)
                return call(*arguments, **keywords)

            return stepping

        for name in CALLS:
            setattr(os, name, counted(getattr(os, name)))
        write("new")
        os._exit(0)
    return os.WIFSIGNALED(os.waitpid(child, 0)[1])


@pytest.mark.parametrize("before", ["nothing", "old"])
def test_a_kill_at_any_step_leaves_all_or_nothing_and_the_next_writer_works_and_cleans_up(before):
    found, n = [], 1
    while True:
        for file in FILES:
            file.unlink(missing_ok=True)
        if before == "old":
            write("old")
        if not killed_before(n):
            break
        found.append(standing())
        write("next")
        assert (standing(), litter(), [p for p in Path("c").iterdir() if p.is_dir()]) == (
            "next",
            set(),
            [Path("c/records")],
        )
        n += 1
    assert standing() == "new"
    assert set(found) == {before, "nothing", "new"}
    assert len(found) > 25


def test_a_target_that_is_being_made_is_refused_with_its_owner_and_the_way_out():
    with owned(TARGET) as stage, pytest.raises(Taken, match=rf"{os.getpid()} on .*--take-over") as refusal:
        write("other")
    assert str(OWNER) in str(refusal.value)
    assert not stage.folder.exists()
    assert list(Path("c").iterdir()) == []


def test_a_refused_writer_leaves_the_owner_its_right():
    with owned(TARGET) as stage:
        with pytest.raises(Taken):
            write("other")
        published(stage, "owner")
    assert (standing(), litter()) == ("owner", set())


def test_a_writer_that_was_taken_over_writes_removes_and_releases_nothing():
    with pytest.raises(Superseded), owned(TARGET) as late:
        with owned(TARGET, by_force=True) as newer:
            published(newer, "newer")
            late.remove(TARGET)
            with pytest.raises(Superseded):
                late.publish(TARGET)
            late.release()
            assert OWNER.exists()
        published(late, "late")
    assert (standing(), litter()) == ("newer", set())


def test_a_writer_that_was_taken_over_can_start_no_file_any_more():
    with pytest.raises(Superseded), owned(TARGET) as late:
        write("newer", by_force=True)
        late.path(FILES[2])
    assert standing() == "newer"


def test_an_owner_file_that_was_deleted_by_hand_gives_the_target_away():
    with pytest.raises(Superseded), owned(TARGET) as late:
        OWNER.unlink()
        write("newer")
        published(late, "late")
    assert standing() == "newer"


def test_an_owner_without_its_folder_is_no_owner():
    Path("c").mkdir()
    Owner.here("gone").write(OWNER)
    write("new")
    assert (standing(), litter()) == ("new", set())


def test_an_owner_that_came_in_between_a_judgement_and_its_execution_stays_the_owner(monkeypatch):
    Path("c").mkdir()
    Owner.here("gone").write(OWNER)
    rename = os.rename

    def overtaken(source, target):
        if Path(source) == OWNER and Owner.read(OWNER).attempt == "gone":
            Path("c/cka.json.newer.stage").mkdir()
            OWNER.unlink()
            Owner.here("newer").write(OWNER)
        rename(source, target)

    monkeypatch.setattr(os, "rename", overtaken)
    with pytest.raises(Taken):
        write("late")
    assert Owner.read(OWNER).attempt == "newer"
    assert Path("c/cka.json.newer.stage").exists()


@pytest.mark.parametrize("content", ["", "{", '{"pid": 1}'])
def test_an_owner_file_that_says_nothing_counts_as_alive_and_can_be_taken_over(content):
    Path("c").mkdir()
    OWNER.write_text(content)
    with pytest.raises(Taken, match="does not name"):
        write("new")
    write("new", by_force=True)
    assert (standing(), litter()) == ("new", set())


def test_folders_are_replaced_whole():
    for names in ({"a", "b"}, {"c"}):
        with owned(TARGET) as stage:
            pages = stage.path(Path("c/pages"))
            pages.mkdir()
            for name in names:
                (pages / name).touch()
            stage.publish(Path("c/pages"))
        assert {path.name for path in Path("c/pages").iterdir()} == names
    assert {path.name for path in Path("c").iterdir()} == {"pages"}


def test_an_error_inside_that_is_not_ours_stays_itself():
    with pytest.raises(FileNotFoundError, match="raw"), owned(TARGET):
        Path("raw").read_bytes()
    assert litter() == set()


def test_a_move_whose_answer_was_lost_is_no_takeover(monkeypatch):
    rename = os.rename

    def repeated(source, target):
        rename(source, target)
        raise FileNotFoundError(errno.ENOENT, "it was moved, and is moved again", source)

    with owned(TARGET) as stage, monkeypatch.context() as patch:
        patch.setattr(os, "rename", repeated)
        published(stage, "new")
    assert (standing(), litter()) == ("new", set())


def test_a_link_whose_answer_was_lost_is_a_link(monkeypatch):
    link = os.link

    def repeated(source, target):
        link(source, target)
        raise FileExistsError(errno.EEXIST, "it was linked, and is linked again", target)

    monkeypatch.setattr(os, "link", repeated)
    write("new")
    assert (standing(), litter()) == ("new", set())


def test_a_file_system_without_links_has_one_owner_too(monkeypatch):
    def no_link(source, target):
        raise PermissionError(errno.EPERM, "no links here", source)

    monkeypatch.setattr(os, "link", no_link)
    with owned(TARGET) as stage:
        with pytest.raises(Taken):
            write("other")
        published(stage, "owner")
    assert (standing(), litter()) == ("owner", set())


class Holder:
    """Owns the target in a thread until told to end."""

    def __init__(self, which: str = "", *, by_force: bool = False):
        self._held, self._go = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._hold, args=(which, by_force))
        self._thread.start()
        self._held.wait()

    def _hold(self, which: str, by_force: bool) -> None:
        with owned(TARGET, by_force=by_force) as stage:
            self._held.set()
            self._go.wait()
            if which:
                published(stage, which)

    def end(self) -> None:
        self._go.set()
        self._thread.join()


@pytest.fixture
def quick(monkeypatch):
    """Ends a holder at the first poll of who waits for it."""

    def poll(holder: Holder) -> None:
        monkeypatch.setattr(staging.time, "sleep", lambda seconds: holder.end())

    return poll


@pytest.mark.parametrize(("made", "expected"), [(True, "owner"), (False, "waiting")])
def test_who_waits_takes_what_the_owner_made_where_it_is_what_it_wants(quick, made, expected):
    quick(Holder("owner"))
    made_once(TARGET, lambda stage: published(stage, "waiting"), last=FILES[2], made=lambda: made)
    assert (standing(), litter()) == (expected, set())


def test_who_waits_for_an_owner_that_fails_makes_it(quick):
    quick(Holder())
    made_once(TARGET, lambda stage: published(stage, "waiting"), last=FILES[2], made=lambda: False)
    assert standing() == "waiting"


def test_who_waits_for_an_owner_that_dies_makes_it(monkeypatch):
    monkeypatch.setattr(staging, "JUDGE_SECONDS", 0.0)
    ready, told = os.pipe()
    child = os.fork()
    if child == 0:
        with owned(TARGET):
            os.write(told, b"!")
            signal.pause()
    os.read(ready, 1)

    def killed(seconds: float) -> None:
        if Path(f"/proc/{child}").exists():
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)

    monkeypatch.setattr(staging.time, "sleep", killed)
    made_once(TARGET, lambda stage: published(stage, "waiting"), last=FILES[2], made=lambda: False)
    assert (standing(), litter()) == ("waiting", set())


def test_who_was_taken_over_leaves_the_newer_result_though_it_would_make_another(quick):
    calls = []

    def overtaken(stage) -> None:
        calls.append(stage)
        assert len(calls) == 1, "it is made again"
        quick(Holder("newer", by_force=True))
        published(stage, "late")

    made_once(TARGET, overtaken, last=FILES[2], made=lambda: False)
    assert (standing(), litter()) == ("newer", set())


def test_without_waiting_a_target_that_is_being_made_is_an_error():
    holder = Holder("owner")
    with pytest.raises(Taken):
        made_once(TARGET, print, last=FILES[2], made=lambda: True, wait=False)
    holder.end()
    assert standing() == "owner"
