"""Parquet tables with a declared schema: read, checked, and written atomically with their provenance.

Keys of the hive path (`dataset=…/model=…/prompts=…/shard=…`) are not repeated as columns. A table's
provenance (code hash, sha256 of its inputs) is stored in the metadata of its file.
"""

import contextlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from samgap.errors import DamagedResultError, UserError
from samgap.io.files import atomic_write
from samgap.tables import checksums

PROVENANCE_KEY = b"samgap"
"""Key of the provenance in the metadata of a file."""


def column(name: str, arrow_type: pa.DataType, description: str, unit: str = "", nullable: bool = False) -> pa.Field:
    """Return a column with its description and unit (empty for a count, a fraction or a text)."""
    metadata = {"description": description, **({"unit": unit} if unit else {})}
    return pa.field(name, arrow_type, nullable=nullable, metadata=metadata)


@dataclass(frozen=True)
class Table:
    """A table: its name, and its columns in the order in which they are written."""

    name: str
    fields: Sequence[pa.Field]

    @property
    def schema(self) -> pa.Schema:
        """Arrow schema with the descriptions and units of the columns."""
        return pa.schema(self.fields)

    @property
    def columns(self) -> list[str]:
        """Names of the columns in order."""
        return [field.name for field in self.fields]

    def empty_frame(self) -> pd.DataFrame:
        """Return a data frame with the columns of the table and no rows."""
        return self.schema.empty_table().to_pandas()

    def add_missing_columns(self, frame: pd.DataFrame) -> pd.DataFrame:
        """Return `frame` with the nullable columns that it lacks.

        A column with only nulls is filled with None, because Arrow cannot convert NaN to a list or a map.
        """
        nullable = [field.name for field in self.fields if field.nullable]
        missing = [column for column in nullable if column not in frame or frame[column].isna().all()]
        return frame.assign(**dict.fromkeys(missing, None)) if missing else frame

    def write(
        self,
        path: str | Path,
        rows: pd.DataFrame | Iterable[Mapping[str, Any]],
        provenance: Mapping[str, Any] | None = None,
    ) -> None:
        """Write `rows` atomically, cast to the types of the columns.

        Args:
            path: The Parquet file.
            rows: The rows; a missing nullable column is filled with nulls.
            provenance: Stored as JSON in the metadata of the file.

        Raises:
            ValueError: If another column is missing, a column is not in the table, or a null is not allowed.
        """
        schema = self.schema
        if isinstance(rows, pd.DataFrame):
            self._validate_columns(rows.columns)
            table = pa.Table.from_pandas(
                self.add_missing_columns(rows)[schema.names], schema=schema, preserve_index=False
            )
        else:
            rows = list(rows)
            for row in rows:
                self._validate_columns(row)
            table = pa.Table.from_pylist(rows, schema=schema)
        for field in schema:
            if not field.nullable and table[field.name].null_count:
                raise ValueError(f"table {self.name}: nulls in column {field.name}")
        with open_writer(path, schema.with_metadata(make_metadata(self.name, provenance))) as writer:
            writer.write_table(table.replace_schema_metadata(writer.schema.metadata))

    def read(self, path: str | Path, image_ids: Iterable[int] | None = None) -> pd.DataFrame:
        """Read the rows of a file, in which a nullable column may be missing.

        Args:
            path: The Parquet file.
            image_ids: Ids of the images whose rows are read; by default all. Rows are filtered batch by batch to
                limit the memory.

        Raises:
            DamagedResultError: If the file has changed since it was written.
            UserError: If the file cannot be read or is another table.
        """
        schema = self.schema
        try:
            checksums.verify_checksums(path)
            file = pq.ParquetFile(path, page_checksum_verification=True)
            if image_ids is None:
                table = file.read()
            else:
                ids = pa.array(list(image_ids), pa.int64())
                batches = [rows.filter(pc.is_in(rows["image_id"], ids)) for rows in file.iter_batches()]
                table = pa.Table.from_batches(batches, file.schema_arrow)
        except pa.ArrowInvalid as error:
            raise DamagedResultError(f"not a readable Parquet file: {error}", path) from error
        except OSError as error:
            raise UserError(f"{path}: not a readable Parquet file ({error}); delete it and run again") from error
        missing = [column for column in schema.names if column not in table.schema.names]
        for column in (column for column in missing if schema.field(column).nullable):
            table = table.append_column(schema.field(column), pa.nulls(len(table), schema.field(column).type))
        if set(table.schema.names) != set(schema.names):
            raise UserError(
                f"{path}: not a `{self.name}` table (columns {table.schema.names}); delete it and run again"
            )
        return table.select(schema.names).to_pandas()

    def _validate_columns(self, columns: Iterable[str]) -> None:
        required = {field.name for field in self.fields if not field.nullable}
        if not required <= set(columns) <= set(self.columns):
            raise ValueError(f"table {self.name}: columns {sorted(columns)} are not {sorted(self.columns)}")


def read_provenance(path: str | Path) -> dict[str, Any]:
    """Return the provenance that was written with a table; empty if there is none.

    Raises:
        DamagedResultError: If the footer of the file has changed since it was written.
        UserError: If the file cannot be opened.
    """
    checksums.verify_footer(path)
    metadata = pq.read_schema(path).metadata or {}
    return json.loads(metadata.get(PROVENANCE_KEY, b"{}"))


def count_rows(path: str | Path) -> int:
    """Return the number of rows of a table; the errors are those of `read_provenance`."""
    checksums.verify_footer(path)
    return pq.read_metadata(path).num_rows


def make_metadata(table: str, provenance: Mapping[str, Any] | None) -> dict[bytes, bytes]:
    """Return the metadata of a file with a table of this name."""
    metadata = {b"table": table.encode(), **checksums.METADATA}
    if provenance is not None:
        metadata[PROVENANCE_KEY] = json.dumps(provenance, sort_keys=True).encode()
    return metadata


@contextlib.contextmanager
def open_writer(path: str | Path, schema: pa.Schema) -> Iterator[pq.ParquetWriter]:
    """Yield a writer of a file with checksums, which is moved to `path` if the block succeeds.

    Args:
        path: The Parquet file.
        schema: The columns, with the metadata of `make_metadata`.
    """
    with atomic_write(path) as temporary:
        with pq.ParquetWriter(temporary, schema, **checksums.WRITE_OPTIONS) as writer:
            yield writer
        checksums.add_checksums(temporary)
