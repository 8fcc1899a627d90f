"""Training and predicting from parquet files: the same as from the table in memory, without holding it."""

import tempfile
import tracemalloc

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from l0gm.data.fitting import SchemaFitter
from l0gm.data.parquet import ParquetTable
from l0gm.encoders import stored
from l0gm.errors import DataError, ParameterError
from l0gm.estimators.preparation import prepare
from l0gm.training import order
from l0gm.training.loop import Trainer


@pytest.fixture(scope="session")
def frame(people):
    """Columns of every kind: numbers, categories, an identifier, a date, missing values, constant and empty ones."""
    weight = np.random.default_rng(0).uniform(0, 2, len(people.y)).round(2)
    weight[::10] = 0.0
    frame = people.X.assign(churned=people.y, weight=weight).reset_index(drop=True)
    return frame.assign(plan=frame["occupation"].astype("category"), lucky=frame["age"].round().astype("Int64"))


@pytest.fixture
def path(frame, tmp_path):
    frame.to_parquet(tmp_path / "rows.parquet", row_group_size=70)
    return tmp_path / "rows.parquet"


@pytest.fixture
def folder(frame, tmp_path):
    (tmp_path / "rows").mkdir()
    for i, (low, high) in enumerate([(0, 90), (90, 90), (90, 350), (350, len(frame))]):
        frame.iloc[low:high].reset_index(drop=True).to_parquet(tmp_path / "rows" / f"{i}.parquet")
    return tmp_path / "rows"


@pytest.fixture
def in_memory(quick, frame):
    return quick(active=0.2).fit(frame.drop(columns=["churned", "weight"]), frame["churned"], frame["weight"])


# ---- the same model --------------------------------------------------------------------------------------------


def test_a_file_gives_the_model_of_its_table(quick, same_fit, in_memory, path, frame):
    fitted = quick(active=0.2).fit(path, "churned", "weight")
    assert same_fit(fitted, in_memory)
    assert fitted.notes_ == in_memory.notes_
    assert fitted.metrics_ == in_memory.metrics_
    assert list(fitted.feature_names_in_) == list(in_memory.feature_names_in_)
    assert "weight" not in fitted.feature_names_in_
    assert np.array_equal(fitted.predict_proba(frame), in_memory.predict_proba(frame))


def test_so_do_a_folder_a_list_of_files_and_an_open_table(quick, same_fit, in_memory, folder, frame):
    for data in (str(folder), sorted(folder.iterdir()), ParquetTable.open(folder)):
        assert same_fit(quick(active=0.2).fit(data, "churned", "weight"), in_memory)


def test_labels_and_weights_may_be_arrays(quick, same_fit, in_memory, path, frame):
    data = ParquetTable.open(path).without(["churned", "weight"])
    fitted = quick(active=0.2).fit(data, frame["churned"].to_numpy(), frame["weight"])
    assert same_fit(fitted, in_memory)


def test_chosen_rows_and_columns(quick, same_fit, path, frame):
    rows, left_out = np.arange(0, len(frame), 2), ["age", "churned", "weight"]
    table = ParquetTable.open(path)
    fitted = quick().fit(table.without(left_out).select(rows), table.select(rows).column("churned"))
    assert same_fit(fitted, quick().fit(frame.drop(columns=left_out).iloc[rows], frame["churned"].iloc[rows]))


def test_several_classes(quick, same_fit, kinds, tmp_path):
    kinds.X.assign(kind=kinds.y).to_parquet(tmp_path / "kinds.parquet", index=False)
    assert same_fit(quick().fit(tmp_path / "kinds.parquet", "kind"), quick().fit(kinds.X, kinds.y))


def test_what_other_libraries_write(quick, same_fit, in_memory, frame, tmp_path):
    import polars as pl

    types = {name: "float64" for name in frame if frame[name].dtype.kind == "f"}
    pl.from_pandas(frame.astype(types)).write_parquet(tmp_path / "polars.parquet", row_group_size=64)
    table = pa.Table.from_pandas(frame, preserve_index=False)
    texts = [i for i, t in enumerate(table.schema.types) if pa.types.is_large_string(t) or pa.types.is_string(t)]
    for i in texts:
        table = table.set_column(i, table.column_names[i], table.column(i).dictionary_encode())
    pq.write_table(table, tmp_path / "dictionaries.parquet", row_group_size=50)
    assert texts
    for name in ("polars", "dictionaries"):
        assert same_fit(quick(active=0.2).fit(tmp_path / f"{name}.parquet", "churned", "weight"), in_memory)


def test_probabilities_and_measures_of_files(in_memory, path, folder, frame):
    small = in_memory.compact()
    for data in (path, folder, ParquetTable.open(path).select(np.arange(len(frame)))):
        assert np.array_equal(in_memory.predict_proba(data), in_memory.predict_proba(frame))
        assert np.array_equal(small.predict_proba(data), small.predict_proba(frame))
        assert np.array_equal(in_memory.predict(data), in_memory.predict(frame))
    assert in_memory.evaluate(path, "churned") == in_memory.evaluate(frame, frame["churned"])
    assert small.evaluate(folder, "churned") == small.evaluate(frame, frame["churned"])
    assert np.array_equal(small.encode(path).codes, small.encode(frame).codes)


def test_predictions_of_many_batches(in_memory, frame, tmp_path):
    many = pd.concat([frame] * 200, ignore_index=True)
    many.to_parquet(tmp_path / "many.parquet")
    small = in_memory.compact()
    assert len(many) > 65_536
    assert np.array_equal(small.predict_proba(tmp_path / "many.parquet"), small.predict_proba(many))
    assert np.array_equal(small.encode(tmp_path / "many.parquet").fractions, small.encode(many).fractions)


# ---- what is decided ---------------------------------------------------------------------------------------------


def test_columns_are_described_by_a_sample(quick, path, same_fit):
    fitted = quick(schema_rows=150).fit(path, "churned")
    n = fitted.compact().information["training_rows"]
    assert fitted.notes_[0] == f"columns described by 150 of the {n} training rows, at random"
    assert fitted.compact().evaluate(path, "churned")["auc"] > 0.5
    assert same_fit(quick(schema_rows=150).fit(path, "churned"), fitted)
    assert not any("described" in note for note in quick(schema_rows=n).fit(path, "churned").notes_)
    with pytest.raises(ParameterError, match="schema_rows=0"):
        quick(schema_rows=0).fit(path, "churned")


def test_pandas_index_is_left_out_with_a_note(quick, frame, tmp_path):
    frame.set_axis(np.arange(len(frame)) ** 2).to_parquet(tmp_path / "index.parquet")
    fitted = quick().fit(tmp_path / "index.parquet", "churned")
    assert "__index_level_0__: pandas' index in the file, left out" in fitted.notes_
    assert "__index_level_0__" not in fitted.feature_names_in_


def test_rows_beyond_memory_are_shuffled_in_windows(quick, same_fit, monkeypatch, path):
    orders = []

    def shuffled(n, device, window):
        orders.append(order.shuffled(n, device, window))
        assert window == 1
        return orders[-1]

    plain = quick().fit(path, "churned")
    monkeypatch.setattr(stored, "WINDOW_BYTES", 1)
    monkeypatch.setattr(order, "BLOCK_ROWS", 8)
    monkeypatch.setattr("l0gm.training.state.shuffled", shuffled)
    fitted = quick().fit(path, "churned")
    assert len(orders) >= quick().epochs
    for rows in orders:
        assert sorted(rows.tolist()) == list(range(len(rows)))
        assert {len(set((part // 8).tolist())) for part in rows[: len(rows) // 8 * 8].split(8)} <= {1, 2, 3}
    assert not same_fit(fitted, plain)


# ---- what cannot be used -------------------------------------------------------------------------------------------


def test_a_target_that_is_not_there_names_the_columns(quick, path):
    with pytest.raises(DataError, match=r"no column 'churn': did you mean 'churned'\? It has .*age"):
        quick().fit(path, "churn")
    with pytest.raises(DataError, match="no column 'heft'"):
        quick().fit(path, "churned", "heft")


def test_a_target_with_missing_values(quick, frame, tmp_path):
    frame.assign(churned=frame["churned"].mask(frame.index == 7)).to_parquet(tmp_path / "a.parquet")
    with pytest.raises(DataError, match=f"target is missing in 1 of {len(frame)} rows"):
        quick().fit(tmp_path / "a.parquet", "churned")


def test_a_target_of_one_class(quick, frame, tmp_path):
    frame.assign(churned="no").to_parquet(tmp_path / "a.parquet")
    with pytest.raises(DataError, match="one class only"):
        quick().fit(tmp_path / "a.parquet", "churned")


def test_a_file_without_rows(quick, frame, tmp_path):
    frame.iloc[:0].to_parquet(tmp_path / "a.parquet")
    with pytest.raises(DataError):
        quick().fit(tmp_path / "a.parquet", "churned")


def test_weights_that_are_no_numbers(quick, path):
    with pytest.raises(DataError, match="sample_weight"):
        quick().fit(path, "churned", "occupation")


def test_a_column_that_a_file_of_several_lacks(quick, folder, frame):
    frame.drop(columns="age").to_parquet(folder / "4.parquet", index=False)
    with pytest.raises(DataError, match=r"4\.parquet and .*0\.parquet do not have the same columns .*age"):
        quick().fit(folder, "churned")


def test_a_column_that_prediction_misses(fitted, people, tmp_path):
    name = fitted.compact().feature_names_in_[0]
    people.new_X.drop(columns=name).to_parquet(tmp_path / "a.parquet")
    for model in (fitted, fitted.compact()):
        with pytest.raises(DataError, match=f"{name}.* missing: the model reads"):
            model.predict_proba(tmp_path / "a.parquet")


def test_an_infinite_value_that_the_sample_did_not_see(quick, frame, tmp_path):
    x = np.where(np.arange(len(frame)) < len(frame) - 20, np.arange(len(frame)) / 7, np.inf)
    frame.assign(x=x).to_parquet(tmp_path / "a.parquet")
    with pytest.raises(DataError, match=r"column 'x': .* infinite value"):
        quick(schema_rows=4).fit(tmp_path / "a.parquet", "churned")
    quick(schema_rows=4, infinite="missing").fit(tmp_path / "a.parquet", "churned")


def test_a_teacher_needs_a_table_in_memory(quick, path):
    with pytest.raises(ParameterError, match=r"teacher='trees' needs all rows in memory: read .*rows\.parquet into"):
        quick(teacher="trees").fit(path, "churned")


# ---- room ------------------------------------------------------------------------------------------------------------


def test_no_file_is_left(quick, path, monkeypatch, tmp_path):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))
    (tmp_path / "temporary").mkdir()
    quick(epochs=1).fit(path, "churned")
    assert list((tmp_path / "temporary").iterdir()) == []

    def fail(*args):
        assert list((tmp_path / "temporary").iterdir()) == []
        raise RuntimeError("in the middle of training")

    monkeypatch.setattr(Trainer, "fit", fail)
    with pytest.raises(RuntimeError, match="in the middle"):
        quick().fit(path, "churned")
    assert list((tmp_path / "temporary").iterdir()) == []


def test_memory_grows_by_the_bookkeeping_of_rows_alone(tmp_path):
    """Of 40 columns a row takes 320 bytes as numbers, and as codes and fractions again."""
    rng = np.random.default_rng(0)
    peaks = []
    for n in (70_000, 210_000):
        columns = {f"x{i}": rng.integers(0, 50, n).astype(np.float64) for i in range(40)}
        pq.write_table(pa.table(columns | {"y": np.arange(n) % 2}), tmp_path / f"{n}.parquet", row_group_size=20_000)
        del columns
        table = ParquetTable.open(tmp_path / f"{n}.parquet")
        target = table.column("y")
        tracemalloc.start()
        prepared = prepare(
            table.without(["y"]),
            target,
            None,
            fitter=SchemaFitter(bins="quantile"),
            schema_rows=1000,
            class_weight=None,
            validation_fraction=0.1,
            calibration_fraction=0.1,
            seed=0,
        )
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
        assert prepared.train.encoded.n_rows == 0.8 * n
    assert peaks[1] - peaks[0] < 140_000 * 120
