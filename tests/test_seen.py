"""The token changes when, and only when, the content of a source does."""

import os
from pathlib import Path

import pytest

from assay import seen
from assay.files import publish_json, sha256_file


class Source:
    """One source file and the target made of it, with a count of how often the source was hashed."""

    def __init__(self, folder):
        self.file, self.target, self.hashed = folder / "a.ckpt", str(folder / "intake.json"), 0
        self.file.write_bytes(b"one")

    def sha256(self):
        self.hashed += 1
        return sha256_file(self.file)

    def token(self):
        return seen.token(self.target, [self.file], self.sha256)

    def take_in(self, *, fails=False):
        """What the job does, with the token that the parse gave it."""
        token = self.token()
        seen.begin(self.target)
        if not fails:
            stat, sha256 = seen.stat_of([self.file]), sha256_file(self.file)
            publish_json(Path(self.target), {"sha256": sha256, "token": token})
            seen.finish(self.target, token=token, sha256=sha256, stat=stat)
        self.hashed = 0
        return token


@pytest.fixture
def source(tmp_path):
    return Source(tmp_path)


def replace(source, content, *, mtime=None):
    other = source.file.with_suffix(".new")
    other.write_bytes(content)
    if mtime is not None:
        os.utime(other, (mtime, mtime))
    other.replace(source.file)


def test_a_new_source_is_never_hashed(source):
    assert (source.token(), source.hashed) == (seen.NEW, 0)


def test_an_unchanged_source_keeps_its_token_without_a_hash(source):
    token = source.take_in()
    assert (source.token(), source.hashed) == (token, 0)


@pytest.mark.parametrize("mtime", [1, 4_000_000_000])
def test_a_touched_source_is_hashed_once_and_keeps_its_token(source, mtime):
    token = source.take_in()
    os.utime(source.file, (mtime, mtime))
    assert (source.token(), source.token(), source.hashed) == (token, token, 1)


def test_the_same_content_in_a_new_file_keeps_its_token(source):
    token = source.take_in()
    replace(source, b"one")
    assert source.token() == token


@pytest.mark.parametrize("mtime", [None, 1])
def test_a_replaced_source_gets_a_new_token_whatever_its_time(source, mtime):
    token = source.take_in()
    replace(source, b"two", mtime=mtime)
    assert source.token() != token
    assert source.token().startswith("after-")


def test_same_size_and_mtime_do_not_hide_a_replacement(source):
    source.take_in()
    before = source.file.stat()
    replace(source, b"two", mtime=before.st_mtime)
    assert source.token().startswith("after-")


def test_a_reverted_source_has_its_old_token(source):
    token = source.take_in()
    replace(source, b"two")
    source.token()
    replace(source, b"one")
    assert source.token() == token


def test_every_failed_attempt_changes_the_token_so_that_the_next_run_tries_again(source):
    source.take_in()
    replace(source, b"bad")
    tokens = [source.take_in(fails=True), source.take_in(fails=True), source.token()]
    assert len(set(tokens)) == 3


def test_replacing_back_and_forth_never_repeats_a_token(source):
    tokens = []
    for content in (b"one", b"two", b"one", b"two", b"one"):
        replace(source, content)
        tokens.append(source.take_in())
    assert len(set(tokens)) == 5


def test_a_lost_memory_costs_one_hash(source):
    token = source.take_in()
    seen.seen(source.target).unlink()
    assert (source.token(), source.token(), source.hashed) == (token, token, 1)


def test_a_deleted_source_keeps_the_token_of_what_was_made(source):
    token = source.take_in()
    source.file.unlink()
    assert source.token() == token


def test_a_crash_between_target_and_memory_is_seen(source):
    """The target is newer than the memory: the memory's stat may not speak for it."""
    token = source.take_in()
    memory = seen.seen(source.target).read_bytes()
    replace(source, b"two")
    newer = source.take_in()
    seen.seen(source.target).write_bytes(memory)
    assert source.token() == newer != token


def test_a_damaged_memory_is_a_lost_one(source):
    token = source.take_in()
    seen.seen(source.target).write_bytes(b"{")
    assert source.token() == token
