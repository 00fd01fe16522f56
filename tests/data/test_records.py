"""Blocks and shards: round trip, same bytes, and refusal of what is broken."""

from __future__ import annotations

import dataclasses
import hashlib
import subprocess
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from symjax.data.records import (
    BLOCK_SIZE,
    RecordError,
    ShardReader,
    ShardWriter,
    Signature,
    StoredExample,
    decode,
    encode,
    pack_block,
    unpack_block,
)
from tests.data.toy import Toy, example

TASK = Toy()
SIGNATURE = Signature.of(TASK)

stored_examples = st.builds(
    StoredExample,
    index=st.integers(-1, 2**62),
    problem=st.lists(st.integers(0, 65535), max_size=9),
    answer=st.lists(st.integers(0, 255), max_size=9),
    exact=st.lists(st.text(max_size=5), max_size=3).map(tuple),
    metadata=st.dictionaries(st.text(max_size=4), st.integers() | st.booleans() | st.text(max_size=4), max_size=3),
)


def numbers(count: int) -> list[StoredExample]:
    return [encode(example(number), number, TASK) for number in range(1, count + 1)]


def write(path, examples, file_format="arrayrecord"):
    with ShardWriter(path, SIGNATURE, file_format=file_format) as writer:
        for item in examples:
            writer.add(item)
        return writer.close()


def read(path, **options):
    return [item for block in ShardReader(path, signature=SIGNATURE, **options) for item in block.examples()]


@given(st.lists(stored_examples, max_size=8))
@settings(max_examples=100)
def test_blocks_round_trip(examples):
    block = unpack_block(pack_block(examples, SIGNATURE))
    assert block.signature == SIGNATURE
    assert list(block.examples()) == examples


def test_examples_round_trip_through_ids():
    for number in (1, 19, 4999):
        assert decode(encode(example(number), number, TASK), TASK) == example(number)


@pytest.mark.parametrize("file_format", ["arrayrecord", "tfrecord"])
@pytest.mark.parametrize("count", [0, 1, BLOCK_SIZE, 2 * BLOCK_SIZE + 3])
def test_shards_round_trip_with_the_same_bytes(tmp_path, file_format, count):
    first, second = (tmp_path / f"{name}.{file_format}" for name in "ab")
    info = write(first, numbers(count), file_format)
    assert write(second, numbers(count), file_format).sha256 == info.sha256
    assert first.read_bytes() == second.read_bytes()
    assert (info.name, info.count, info.bytes) == (first.name, count, first.stat().st_size)
    assert info.sha256 == hashlib.sha256(first.read_bytes()).hexdigest()
    assert read(first, info=info) == numbers(count)
    assert len(list(tmp_path.iterdir())) == 2


def test_tfrecord_is_what_others_read(tmp_path):
    from grain.experimental import TFRecordIterDataset

    write(tmp_path / "a.tfrecord", numbers(300), "tfrecord")
    blocks = [unpack_block(data) for data in TFRecordIterDataset(str(tmp_path / "a.tfrecord"))]
    assert [len(block) for block in blocks] == [256, 44]


def test_random_access(tmp_path):
    write(tmp_path / "a.arrayrecord", numbers(600))
    reader = ShardReader(tmp_path / "a.arrayrecord")
    assert [len(reader[number]) for number in (2, 0, 1)] == [88, 256, 256]
    assert reader[2].indices[0] == 513
    with pytest.raises(IndexError, match="block 3"):
        reader[3]


def test_an_exception_leaves_the_final_name_untouched(tmp_path):
    path = tmp_path / "a.arrayrecord"
    before = write(path, numbers(5))
    with pytest.raises(RecordError, match="65536 tokens"):
        write(path, [*numbers(300), dataclasses.replace(numbers(1)[0], problem=[1] * 65536)])
    assert [file.name for file in tmp_path.iterdir()] == [path.name]
    assert read(path, info=before) == numbers(5)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="needs /dev/full")
@pytest.mark.parametrize("file_format", ["arrayrecord", "tfrecord"])
def test_a_full_disk_is_an_os_error(tmp_path, file_format):
    path = tmp_path / f"a.{file_format}"
    path.with_name(path.name + ".partial").symlink_to("/dev/full")
    with pytest.raises(OSError, match=r"(?i)no space left on device"):
        write(path, numbers(2000), file_format)
    assert not path.exists()


@pytest.mark.parametrize("file_format", ["arrayrecord", "tfrecord"])
@pytest.mark.parametrize("kept", [0.0, 0.3, 0.999])
def test_truncated_files_are_refused_by_name(tmp_path, file_format, kept):
    path = tmp_path / f"a.{file_format}"
    info = write(path, numbers(2000), file_format)
    data = path.read_bytes()
    path.write_bytes(data[: int(kept * len(data))])
    for options in ({}, {"info": info}):
        with pytest.raises(RecordError, match=rf"a\.{file_format}.*again"):
            read(path, **options)


@pytest.mark.parametrize("file_format", ["arrayrecord", "tfrecord"])
def test_flipped_bits_are_noticed(tmp_path, file_format):
    path = tmp_path / f"a.{file_format}"
    write(path, numbers(2000), file_format)
    data = bytearray(path.read_bytes())
    data[len(data) // 5] ^= 4
    path.write_bytes(data)
    with pytest.raises(RecordError, match=rf"a\.{file_format}"):
        read(path)


def test_foreign_files_are_refused_by_name(tmp_path):
    from array_record.python.array_record_module import ArrayRecordWriter

    writer = ArrayRecordWriter(str(tmp_path / "other.arrayrecord"), "group_size:1")
    writer.write(b"something else")
    writer.close()
    (tmp_path / "text.tfrecord").write_text("hello, this is text")
    for name, rule in (
        ("other.arrayrecord", "holds no symjax records"),
        ("text.tfrecord", "no complete TFRecord file"),
        ("missing.arrayrecord", "does not exist"),
    ):
        with pytest.raises(RecordError, match=rf"{name}.*{rule}"):
            read(tmp_path / name)
    (tmp_path / "notes.txt").touch()
    with pytest.raises(RecordError, match=r"notes\.txt is no shard"):
        read(tmp_path / "notes.txt")


def test_other_schemas_tasks_and_vocabularies_are_refused():
    data = pack_block(numbers(2), SIGNATURE)
    with pytest.raises(RecordError, match=r"here has record schema 9.*reads schema 1"):
        unpack_block(data[:3] + b"\x09" + data[4:], "here")
    with pytest.raises(RecordError, match=r"here is damaged"):
        unpack_block(data + b"x", "here")
    for length in range(8):
        with pytest.raises(RecordError, match=r"here holds no symjax records"):
            unpack_block(data[:length], "here")
    for header in (b"{}", b"[]", b'{"columns": [], "texts": []}', b'{"columns": [], "texts": [["bogus", 0]]}'):
        with pytest.raises(RecordError, match=r"here is damaged"):
            unpack_block(data[:4] + len(header).to_bytes(4, "little") + header, "here")
    with pytest.raises(RecordError, match=r"here was written with answer vocabulary beef"):
        SIGNATURE.require(dataclasses.replace(SIGNATURE, answer_vocabulary="beef"), "here")


def test_unknown_formats_are_refused(tmp_path):
    with pytest.raises(ValueError, match=r"'csv'.*arrayrecord, tfrecord"):
        ShardWriter(tmp_path / "a.csv", SIGNATURE, file_format="csv")


def test_too_long_examples_are_refused():
    with pytest.raises(RecordError, match="65536 tokens"):
        pack_block([dataclasses.replace(numbers(1)[0], problem=[1] * 65536)], SIGNATURE)


def test_a_golden_block():
    """If this moves, files written before cannot be trusted: raise the schema version with it."""
    digest = hashlib.sha256(pack_block(numbers(3), SIGNATURE)).hexdigest()
    assert digest == "82fede5485181f435e0e3968324fa51524356783f613b3717639990009576609"


def test_records_need_no_jax():
    program = "import sys, symjax.data.manifest; print([m for m in ('jax', 'grain', 'sympy') if m in sys.modules])"
    assert subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout == "[]\n"
