"""Files of a run: whole or not there, fingerprinted, and damage is named."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from rrm.errors import DamagedFileError, RRMError
from rrm.storage import checkpoint as module
from rrm.storage import rundir
from rrm.storage.checkpoint import Checkpoint
from rrm.storage.rundir import (
    digest,
    fingerprint,
    locked,
    manifest,
    read_json,
    read_sealed,
    verify,
    write_json,
    write_sealed,
    write_text,
)

plain = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


def files(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


# Fingerprints


@given(plain)
def test_equal_contents_have_equal_fingerprints(content: Any) -> None:
    assert fingerprint(content) == fingerprint(json.loads(json.dumps(content)))


@given(st.dictionaries(st.text(), st.integers(), min_size=2))
def test_the_order_of_keys_does_not_matter(content: dict[str, int]) -> None:
    assert fingerprint(content) == fingerprint(dict(reversed(content.items())))


def test_fingerprints_stay_what_they_were_in_earlier_versions() -> None:
    assert fingerprint({"b": [1, 2.5, None], "a": "é"}) == "fc10ba9755cf"
    assert fingerprint({}) == "44136fa355b3"
    assert fingerprint([1, 2]) != fingerprint([2, 1])


# Writing


def test_a_file_is_written_with_its_folders_and_nothing_beside_it(tmp_path: Path) -> None:
    path = tmp_path / "a" / "b" / "file.txt"
    write_text(path, "first")
    write_text(path, "second")
    assert path.read_text() == "second"
    assert files(path.parent) == ["file.txt"]


def test_json_comes_back_and_equal_content_gives_equal_bytes(tmp_path: Path) -> None:
    write_json(tmp_path / "one.json", {"b": 1, "a": [1.5, None]})
    write_json(tmp_path / "two.json", {"a": [1.5, None], "b": 1})
    assert read_json(tmp_path / "one.json") == {"a": [1.5, None], "b": 1}
    assert (tmp_path / "one.json").read_bytes() == (tmp_path / "two.json").read_bytes()


def test_a_writer_that_dies_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "file.json"
    write_json(path, {"old": True})

    def die(_: int) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "fsync", die)
    with pytest.raises(KeyboardInterrupt):
        write_json(path, {"new": True})
    assert read_json(path) == {"old": True}


def test_a_reader_beside_a_writer_sees_only_whole_files(tmp_path: Path) -> None:
    path = tmp_path / "file.json"
    write_json(path, {"all": [0] * 3000})

    def write() -> None:
        for i in range(1, 60):
            write_json(path, {"all": [i] * 3000})

    writer, seen = threading.Thread(target=write), {0}
    writer.start()
    while writer.is_alive():
        content = read_json(path)["all"]
        assert len(content) == 3000 and len(set(content)) == 1
        seen.add(content[0])
    assert len(seen) > 2


def test_unreadable_json_is_damage_and_named(tmp_path: Path) -> None:
    path = tmp_path / "result.json"
    with pytest.raises(DamagedFileError, match=r"result\.json: is missing"):
        read_json(path)
    deep = b'{"a": ' + b"[" * 100_000 + b"]" * 100_000 + b"}"
    for wrong in (
        b'{"utility": 1',
        b"",
        b"\xff\xfe\x00",
        b"\x00",
        deep,
        b'{"a": ' + b"9" * 9999 + b"}",
        b"[]",
        b"3",
    ):
        path.write_bytes(wrong)
        with pytest.raises(DamagedFileError, match=r"result\.json: (is not|cannot be) ") as caught:
            read_json(path)
        assert "\n" not in str(caught.value)
    path.write_bytes(b'{"a": ' + b"[" * 985 + b"]" * 985 + b"}")  # whether it can be read hangs on Python's version
    with contextlib.suppress(DamagedFileError):
        read_json(path)


def test_what_is_sealed_cannot_be_changed_unnoticed(tmp_path: Path) -> None:
    path = tmp_path / "result.json"
    write_sealed(path, {"utility": 1.0, "rounds": [{"labels": 3}]})
    assert read_sealed(path) == {"utility": 1.0, "rounds": [{"labels": 3}]}
    whole = path.read_text()
    half_deep = "[" * 900 + "]" * 900  # can be read, and is too deep to be written
    for old, new in (("1.0", "1.5"), ("3", "4"), ("labels", "label"), ('"fingerprint"', '"other"'), ("1.0", half_deep)):
        path.write_text(whole.replace(old, new, 1))
        with pytest.raises(DamagedFileError, match=r"result\.json: is not what was written there"):
            read_sealed(path)


@pytest.mark.parametrize("kind", ["folder", "pipe", "device", "circle", "nowhere"])
@pytest.mark.parametrize("reader", [read_json, read_sealed, digest])
def test_only_regular_files_are_opened(tmp_path: Path, kind: str, reader: Any) -> None:
    path = tmp_path / "result.json"
    if kind == "folder":
        path.mkdir()
    elif kind == "pipe":
        os.mkfifo(path)
    else:
        path.symlink_to({"device": "/dev/zero", "circle": path.name, "nowhere": "nothing"}[kind])
    with pytest.raises(DamagedFileError, match=r"result\.json: (is not a regular file|cannot be read|is missing)"):
        reader(path)


def test_what_has_no_end_in_sight_is_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rundir, "MOST", 100)
    write_json(tmp_path / "file.json", {"a": "b" * 100})
    with pytest.raises(DamagedFileError, match=r"file\.json: holds more than 100 bytes"):
        read_json(tmp_path / "file.json")


def test_what_is_written_is_on_the_disk_before_it_is_in_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """First the content, then the name; both before anybody goes on."""
    done: list[str] = []
    fsync, replace = os.fsync, Path.replace

    def synced(handle: int) -> None:
        done.append(Path(f"/proc/self/fd/{handle}").resolve().name)
        fsync(handle)

    def replaced(self: Path, target: Path) -> Path:
        done.append("replace")
        return replace(self, target)

    monkeypatch.setattr(os, "fsync", synced)
    monkeypatch.setattr(Path, "replace", replaced)
    write_text(tmp_path / "a.txt", "a")
    assert done == [f".a.txt.{os.getpid()}.tmp", "replace", tmp_path.name]
    done.clear()
    Checkpoint(tmp_path).save(1, tensors(1), {})
    weights = [f".checkpoint-000001.safetensors.{os.getpid()}.tmp", "replace", tmp_path.name]
    assert done == [*weights, f".checkpoint.json.{os.getpid()}.tmp", "replace", tmp_path.name]


# Verifying


def test_verify_names_the_file_that_is_not_what_was_written(tmp_path: Path) -> None:
    for name in ("b.bin", "a.txt"):
        (tmp_path / name).write_text(name)
    kept = manifest(tmp_path.iterdir())
    assert list(kept) == ["a.txt", "b.bin"]
    assert kept["a.txt"] == digest(tmp_path / "a.txt") != kept["b.bin"]
    verify(tmp_path, kept)
    (tmp_path / "not listed").touch()
    verify(tmp_path, kept)

    (tmp_path / "b.bin").write_text("B.bin")
    with pytest.raises(DamagedFileError, match=r"b\.bin: is not what was written there"):
        verify(tmp_path, kept)
    (tmp_path / "b.bin").unlink()
    with pytest.raises(DamagedFileError, match=r"b\.bin: is missing"):
        verify(tmp_path, kept)


# Checkpoints


def tensors(step: int) -> dict[str, torch.Tensor]:
    return {
        "weights": torch.full((3, 2), float(step)).T,  # not contiguous
        "generator": torch.arange(step, step + 5, dtype=torch.uint8),
        "nothing": torch.empty((0, 4)),
        "flag": torch.tensor(step % 2 == 0),
    }


def assert_is(checkpoint: Checkpoint, step: int) -> None:
    loaded = checkpoint.load()
    assert loaded is not None
    number, read_tensors, values = loaded
    assert (number, values) == (step, {"rows": [step]})
    assert read_tensors.keys() == tensors(step).keys()
    for name, tensor in tensors(step).items():
        assert torch.equal(read_tensors[name], tensor) and read_tensors[name].dtype == tensor.dtype


def test_there_is_one_whole_checkpoint_the_newest(tmp_path: Path) -> None:
    checkpoint = Checkpoint(tmp_path)
    assert checkpoint.load() is None
    for step in (1, 2, 10):
        checkpoint.save(step, tensors(step), {"rows": [step]})
        assert_is(Checkpoint(tmp_path), step)
        assert files(tmp_path) == [f"checkpoint-{step:06d}.safetensors", "checkpoint.json"]
    checkpoint.save(10, tensors(10), {"rows": [10]})
    assert_is(checkpoint, 10)
    checkpoint.remove()
    assert files(tmp_path) == [] and checkpoint.load() is None
    checkpoint.remove()


@pytest.mark.parametrize("stage", ["serialized", "fsync", "write_sealed"])
def test_a_process_killed_while_saving_leaves_the_last_checkpoint(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stage: str
) -> None:
    checkpoint = Checkpoint(tmp_path)
    checkpoint.save(1, tensors(1), {"rows": [1]})

    def die(*_: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(os if stage == "fsync" else module, stage, die)
        with pytest.raises(KeyboardInterrupt):
            checkpoint.save(2, tensors(2), {"rows": [2]})
    assert_is(Checkpoint(tmp_path), 1)
    checkpoint.save(2, tensors(2), {"rows": [2]})
    assert_is(Checkpoint(tmp_path), 2)
    assert [name for name in files(tmp_path) if name.endswith(".safetensors") and not name.startswith(".")] == [
        "checkpoint-000002.safetensors"
    ]


def test_a_damaged_checkpoint_is_named(tmp_path: Path) -> None:
    checkpoint = Checkpoint(tmp_path)
    checkpoint.save(3, tensors(3), {"rows": [3]})
    weights, index = tmp_path / "checkpoint-000003.safetensors", tmp_path / "checkpoint.json"
    whole, listed = weights.read_bytes(), index.read_text()

    weights.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
    with pytest.raises(DamagedFileError, match=r"checkpoint-000003\.safetensors: is not what was written"):
        checkpoint.load()
    weights.unlink()
    with pytest.raises(DamagedFileError, match=r"checkpoint-000003\.safetensors: is missing"):
        checkpoint.load()

    weights.write_bytes(b"no tensors")
    write_sealed(index, {**read_sealed(index), "sha256": digest(weights)})
    with pytest.raises(DamagedFileError, match=r"checkpoint-000003\.safetensors"):
        checkpoint.load()

    weights.write_bytes(whole)
    changed = listed.replace('"rows": [\n      3', '"rows": [\n      4')
    assert changed != listed
    for wrong, message in (
        ("{", "is not readable JSON"),
        ("{}", "is not what"),
        ("[1]", "is not what"),
        (changed, "is not what"),
    ):
        index.write_text(wrong)
        with pytest.raises(DamagedFileError, match=rf"checkpoint\.json: {message}.*; move .* away, ") as caught:
            checkpoint.load()
        assert "remove" not in str(caught.value)
    for key, value in (("step", "3"), ("file", "../../other"), ("values", [])):
        index.write_text(listed)
        write_sealed(index, {**read_sealed(index), key: value})
        with pytest.raises(DamagedFileError, match=r"checkpoint\.json: is not a checkpoint"):
            checkpoint.load()
    index.write_text(listed)
    assert_is(checkpoint, 3)


# Locks


class Waiter(threading.Thread):
    """Wants the folder; ``inside`` is set once it has it."""

    def __init__(self, folder: Path) -> None:
        super().__init__(daemon=True)
        self.folder, self.inside = folder, threading.Event()

    def run(self) -> None:
        with locked(self.folder):
            self.inside.set()


@pytest.mark.parametrize("name", [".lock", ".result.json.1.tmp"])
def test_a_pipe_does_not_keep_a_folder_from_being_held(tmp_path: Path, name: str) -> None:
    os.mkfifo(tmp_path / name)
    with locked(tmp_path):
        assert files(tmp_path) == [".lock"]


def test_half_written_files_are_removed_in_the_folder_alone(tmp_path: Path) -> None:
    elsewhere, own = tmp_path / "elsewhere", tmp_path / "own"
    for folder in (elsewhere, own / "videos"):
        folder.mkdir(parents=True)
        (folder / ".a.gif.1.tmp").write_text("half")
    (own / "figures").symlink_to(elsewhere)
    with locked(own):
        assert files(elsewhere) == [".a.gif.1.tmp"] and files(own / "videos") == []


def test_a_folder_named_like_a_half_written_file_stays(tmp_path: Path) -> None:
    (tmp_path / ".x.tmp").mkdir()
    with locked(tmp_path):
        assert files(tmp_path) == [".lock", ".x.tmp"]


def test_a_lock_is_no_link(tmp_path: Path) -> None:
    (tmp_path / "mine").write_text("mine")
    (tmp_path / ".lock").symlink_to(tmp_path / "mine")
    with pytest.raises(DamagedFileError, match=r"\.lock: is a link"), locked(tmp_path):
        pass
    assert (tmp_path / "mine").read_text() == "mine"


def test_a_file_is_not_written_through_a_link_in_its_place(tmp_path: Path) -> None:
    (tmp_path / "mine").write_text("mine")
    (tmp_path / f".file.txt.{os.getpid()}.tmp").symlink_to(tmp_path / "mine")
    write_text(tmp_path / "file.txt", "text")
    assert (tmp_path / "mine").read_text() == "mine"
    assert files(tmp_path) == ["file.txt", "mine"] and not (tmp_path / "file.txt").is_symlink()


def test_a_folder_is_held_by_one_at_a_time(tmp_path: Path) -> None:
    folder = tmp_path / "rounds" / "a"
    with locked(folder):
        waiter, elsewhere = Waiter(folder), Waiter(tmp_path / "rounds" / "b")
        waiter.start()
        elsewhere.start()
        assert elsewhere.inside.wait(30), "another folder is free"
        assert not waiter.inside.wait(0.1)
    assert waiter.inside.wait(30)
    waiter.join()
    with pytest.raises(KeyError), locked(folder):
        raise KeyError
    with locked(folder):
        assert files(folder) == [".lock"]


def test_another_process_holds_a_folder_until_it_dies(tmp_path: Path) -> None:
    hold = (  # what `locked` does; importing it would take seconds
        "import filelock, sys\n"
        "lock = filelock.FileLock(sys.argv[1] + '/.lock')\n"
        "lock.acquire()\n"
        "print('held', flush=True); sys.stdin.read()\n"
    )
    command = [sys.executable, "-c", hold, str(tmp_path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as other:
        try:
            assert other.stdout is not None and other.stdout.readline() == "held\n"
            waiter = Waiter(tmp_path)
            waiter.start()
            assert not waiter.inside.wait(0.2), "both are in"
        finally:
            other.kill()
        assert waiter.inside.wait(30), "the dead hold it still"
        waiter.join()


def test_a_checkpoint_that_would_be_refused_is_not_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LARGEST", 100)
    with pytest.raises(RRMError, match=r"checkpoint-000001\.safetensors: would hold [\d,]+ bytes, more than any file"):
        Checkpoint(tmp_path).save(1, {"a": torch.zeros(100)}, {})
    assert not list(tmp_path.iterdir())


def test_a_folder_in_the_place_of_a_file_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "timings.json" / "x").mkdir(parents=True)
    with pytest.raises(DamagedFileError, match=r"timings\.json: is a folder, not a file: move it away$"):
        rundir.write_json(tmp_path / "timings.json", {})
    assert [each.name for each in tmp_path.iterdir()] == ["timings.json"]
