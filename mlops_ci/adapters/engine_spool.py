"""Columns that an engine does not read as Arrow does, as a temporary Parquet file of plain types."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlops_ci.adapters.source import Source
from mlops_ci.profiles import columns, kinds, levels
from mlops_ci.profiles.build import TWICE
from mlops_ci.profiles.shape import Kind

if TYPE_CHECKING:
    import pyarrow as pa


@dataclass(frozen=True)
class Planned:
    """One column on its way into a profile: ``key`` is its name in every query.

    ``floats``: values may be NaN or infinite. ``fraction``: numbers need not be whole.
    """

    key: str
    position: int
    name: str
    type: pa.DataType
    kind: Kind
    problem: str
    floats: bool
    fraction: bool

    @property
    def asked(self) -> bool:
        """Whether the column is counted as float64."""
        return self.kind in ("number", "time") or self.floats


def planned(schema: pa.Schema, categorical: Collection[str]) -> list[Planned]:
    """What will be asked of every column, by its type."""
    times = Counter(schema.names)
    plan = [_planned(at, field, categorical=field.name in categorical) for at, field in enumerate(schema)]
    return [replace(one, problem=TWICE) if times[one.name] > 1 else one for one in plan]


def _planned(position: int, field: pa.Field, *, categorical: bool) -> Planned:
    type_ = getattr(field.type, "storage_type", field.type)
    kind, problem = kinds.kind_of(type_, categorical=categorical)
    value = getattr(type_, "value_type", type_)
    return Planned(
        key=f"c{position}",
        position=position,
        name=str(field.name),
        type=field.type,
        kind=kind,
        problem=problem,
        floats=kind == "category" and kinds.may_hold_nan(value),
        fraction=kinds.may_have_fraction(value),
    )


def spool(source: Source, wanted: Sequence[Planned], target: Path) -> Path:
    """Write the wanted columns under their keys, batch by batch: float64, text, or whether a value is there.

    Raises:
        ConfigError: the source cannot be read.
        ToolError: what holds it does not answer.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    schema = pa.schema([(one.key, plain_type(one)) for one in wanted])
    everything = len(wanted) == len(source.schema())
    names = None if everything else [one.name for one in wanted]
    places = {at: at for at in range(len(wanted))} if everything else None
    with pq.ParquetWriter(target, schema, compression="lz4") as writer:
        for batch in source.batches(names, decode_strings=True):
            found = batch.columns if places else _in_order(batch, wanted)
            arrays = [_plain(one, array) for one, array in zip(wanted, found, strict=True)]
            writer.write_batch(pa.RecordBatch.from_arrays(arrays, schema=schema))
    return target


def _in_order(batch: pa.RecordBatch, wanted: Sequence[Planned]) -> list[Any]:
    """The arrays of the wanted columns; of a name that stands twice, each once."""
    seen: dict[str, list[Any]] = {}
    for name, array in zip(batch.schema.names, batch.columns, strict=True):
        seen.setdefault(name, []).append(array)
    return [seen[one.name].pop(0) for one in wanted]


def plain_type(one: Planned) -> Any:
    """The Arrow type that a column is spooled as."""
    import pyarrow as pa

    if one.asked:
        return pa.float64()
    return pa.string() if one.kind == "category" else pa.bool_()


def _plain(one: Planned, array: pa.Array) -> Any:
    array = columns.stored(array)
    if one.asked:
        return _doubles(array)
    if one.kind == "category":
        return _texts(array)
    return _present(array)


def _doubles(array: pa.Array) -> Any:
    """Numbers and times as the numpy engine has them, with the nulls in their places."""
    import numpy as np
    import pyarrow as pa

    missing = array.is_null().to_numpy(zero_copy_only=False)
    values = np.zeros(len(array))
    values[~missing] = kinds.numbers(array.drop_null())
    return pa.array(values, mask=missing)


def _texts(array: pa.Array) -> Any:
    """Values as their canonical text; each distinct value is made into text once."""
    import pyarrow as pa

    encoded = array if hasattr(array, "dictionary") else array.dictionary_encode()
    words = pa.array([levels.text(value) for value in encoded.dictionary.to_pylist()], pa.string())
    return words.take(encoded.indices)


def _present(array: pa.Array) -> Any:
    """True where there is a value, null where there is none."""
    import pyarrow as pa

    missing = array.is_null().to_numpy(zero_copy_only=False)
    return pa.array(~missing, mask=missing)
