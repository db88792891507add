"""A changed bit of a table is found wherever it is in the file."""

import random
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from samgap.errors import DamagedResultError, UserError
from samgap.tables import checksums, parquet
from samgap.tables.images import IMAGES

ROWS = [
    {"image_id": number, "file": f"{number}.png", "width": 640, "height": 480 + number, "group": "row 1"}
    for number in range(1, 40)
]


@pytest.fixture
def table(tmp_path: Path) -> Path:
    path = tmp_path / "images.parquet"
    IMAGES.write(path, ROWS, {"rule": "dataset", "inputs": {"a": "0f" * 32}})
    return path


def flip_bit(path: Path, content: bytes, bit: int) -> None:
    """Write `content` with one other bit to `path`."""
    changed = bytearray(content)
    changed[bit // 8] ^= 1 << bit % 8
    path.write_bytes(changed)


def test_no_changed_bit_passes(table):
    content = table.read_bytes()
    n_bits = 8 * len(content)
    for bit in [*range(0, n_bits, 37), *range(n_bits - 8 * 40, n_bits)]:
        flip_bit(table, content, bit)
        with pytest.raises(DamagedResultError):
            checksums.verify_checksums(table)
    table.write_bytes(content)
    checksums.verify_checksums(table)


def test_no_changed_bit_is_read_as_other_rows(table):
    """Without checksums, 207 of 300 were read as other data."""
    content, generator = table.read_bytes(), random.Random(7)
    for _ in range(300):
        flip_bit(table, content, generator.randrange(8 * len(content)))
        with pytest.raises(DamagedResultError, match=r"images\.parquet: damaged \(.+\); the rule that writes it has"):
            IMAGES.read(table)


def test_a_changed_footer_has_no_provenance(table):
    content = table.read_bytes()
    footer_start = len(content) - 8 - int.from_bytes(content[-8:-4], "little")
    for bit in range(8 * footer_start, 8 * len(content), 53):
        flip_bit(table, content, bit)
        with pytest.raises(DamagedResultError):
            parquet.read_provenance(table)


@pytest.mark.parametrize("n_bytes", [0, 3, 11, 100, -1, -8, -100])
def test_a_truncated_file_is_damaged(table, n_bytes):
    table.write_bytes(table.read_bytes()[:n_bytes])
    with pytest.raises(DamagedResultError):
        checksums.verify_checksums(table)
    with pytest.raises(DamagedResultError):
        parquet.count_rows(table)


def test_other_programs_read_the_file(table):
    assert pq.read_table(table).select(list(ROWS[0])).to_pylist() == ROWS
    assert parquet.count_rows(table) == len(ROWS)


def test_pages_have_checksums_of_their_own(table):
    """Programs that know nothing of the block find a changed page."""
    content = table.read_bytes()
    n_errors = 0
    for bit in range(8 * 60, 8 * 160, 5):
        flip_bit(table, content, bit)
        try:
            pq.ParquetFile(table, page_checksum_verification=True).read()
        except (OSError, pa.ArrowInvalid) as error:
            n_errors += "CRC checksum verification failed" in str(error)
    assert n_errors > 50


def test_a_file_of_another_program_is_read(table, tmp_path):
    other = tmp_path / "other.parquet"
    pq.write_table(pq.read_table(table).replace_schema_metadata({b"table": b"images"}), other)
    checksums.verify_checksums(other)
    assert len(IMAGES.read(other)) == len(ROWS)


def test_a_missing_file_is_not_damaged(tmp_path):
    with pytest.raises(UserError, match=r"no\.parquet: not readable") as error:
        IMAGES.read(tmp_path / "no.parquet")
    assert not isinstance(error.value, DamagedResultError)
