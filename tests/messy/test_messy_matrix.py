"""Whatever a real table does, the estimator, the compacted model and its file answer alike, or refuse by name alike."""

import datetime as dt
import tracemalloc
import uuid
import zoneinfo
from decimal import Decimal

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from messy_faces import Faces, faces_of, same, strict

from l0gm import L0GMClassifier
from l0gm.data.values import MISSING_TEXTS
from l0gm.errors import DataError, ParameterError

ROWS = 600
QUICK = {"epochs": 3, "deep": (8,), "cin": (2,), "embedding_dim": 3, "batch_size": 64}
CITIES = ["Oslo", "São Paulo", "東京", "🙂 town", "a,b \"c\"\n", "e\u0301"]  # fmt: skip


def people(rows=ROWS, seed=0):
    """A column of each kind, each but the last with missing values, and what they say about a target."""
    rng = np.random.default_rng(seed)
    start = pd.Timestamp("2024-01-01")
    table = pd.DataFrame(
        {
            "age": rng.normal(40, 12, rows).round(1),
            "visits": rng.poisson(3, rows).astype(np.float64),
            "city": rng.choice(CITIES, rows).astype(object),
            "member": rng.choice(np.array([True, False], dtype=object), rows),
            "seen": start + pd.to_timedelta(rng.integers(0, 20_000, rows), unit="h"),
            "stay": pd.to_timedelta(rng.integers(1, 5000, rows), unit="s"),
            "account": [f"account {i}" for i in rng.integers(0, 250, rows)],
            "noise": rng.normal(size=rows),
        }
    )
    score = (table["age"] - 40) / 12 + (table["city"] == "Oslo") - 0.3 * table["visits"] + 1.0
    for name in table.columns[:-1]:
        table.loc[rng.random(rows) < 0.1, name] = None
    return table, np.where(rng.random(rows) < 1 / (1 + np.exp(-score)), "yes", "no")


def fitted(X, y, **options) -> Faces:
    with strict():
        return faces_of(L0GMClassifier(**{**QUICK, **options}).fit(X, y))


@pytest.fixture(scope="module")
def faces():
    """A model that reads every column."""
    X, y = people()
    return fitted(X, y, active=1.0, max_categories=200, hash_buckets=64)


@pytest.fixture(scope="module")
def narrow():
    """A model that reads a few columns."""
    X, y = people()
    return fitted(X, y, active=0.1)


@pytest.fixture(scope="module")
def new():
    """Rows that fit did not see."""
    return people(80, seed=1)[0]


@pytest.fixture(scope="module")
def answers(faces, new):
    result = faces.answers(new)
    assert np.ptp(result[:, 0]) > 0.1
    return result


def refusal(faces, X) -> str:
    """What all faces say to these rows."""
    with pytest.raises(DataError) as caught:
        faces.answers(X)
    return str(caught.value)


def lists(X):
    return {name: X[name].tolist() for name in X}


# ---- works -------------------------------------------------------------------------------------------------


def test_unseen_categories(faces, new, answers):
    never, nor_this = (faces.answers(new.assign(city=name, account="account 7")) for name in ("Paris", "Lima"))
    assert same(never, nor_this)
    assert not same(never, faces.answers(new.assign(city="Oslo", account="account 7")))
    mixed = new.assign(city=[name if i % 2 else "Paris" for i, name in enumerate(new["city"])])
    assert same(faces.answers(mixed)[1::2], answers[1::2])
    assert np.isfinite(faces.answers(new.assign(account="never seen", member="perhaps"))).all()


@pytest.mark.parametrize(
    "spelling",
    [None, float("nan"), np.float32("nan"), pd.NA, pd.NaT, np.datetime64("NaT"), np.timedelta64("NaT"), Decimal("NaN"),
     "", "   ", "\t\n", b""],
    ids=repr,
)  # fmt: skip
def test_missing_values_of_every_spelling(spelling, faces, new, answers):
    columns = {name: [spelling if pd.isna(v) else v for v in new[name].astype(object)] for name in new}
    for X in (columns, pd.DataFrame({name: pd.Series(values, dtype=object) for name, values in columns.items()})):
        assert same(faces.answers(X), answers)
    nothing = {name: [spelling] * 3 for name in new}
    assert same(faces.answers(nothing), faces.answers({name: [None] * 3 for name in new}))


@pytest.mark.parametrize("text", [*sorted(MISSING_TEXTS), "NA", "N/A", "NaN", "NULL", "None", " ? "])
def test_missing_numbers_and_dates_that_were_written_out(text, faces, new, answers):
    """As they are in a csv file that a library read as text."""
    written = new.assign(
        **{name: [text if pd.isna(v) else str(v) for v in new[name]] for name in ("age", "visits", "seen")}
    )
    for X in (written, pl.from_pandas(written), lists(written)):
        assert same(faces.answers(X), answers)


def test_extra_columns(faces, new, answers):
    more = new.assign(extra=[[1, 2]] * len(new), target="yes", **{"": None, "age ": 1.0})
    assert same(faces.answers(more), answers)


def test_reordered_columns(faces, new, answers):
    for names in (new.columns[::-1], sorted(new.columns)):
        assert same(faces.answers(new[names]), answers)


@pytest.mark.parametrize(
    "index",
    [
        np.zeros(80, dtype=np.int64),
        np.arange(80)[::-1],
        pd.date_range("2020-01-01", periods=80, tz="Asia/Tokyo"),
        pd.MultiIndex.from_arrays([[1, 2] * 40, [None] * 80], names=["age", "city"]),
        pd.Index([None, "x"] * 40, name="age"),
        pd.interval_range(0, 80),
    ],
    ids=["one value", "falling", "dates", "levels", "text named as a column", "intervals"],
)
def test_any_index(index, faces, new, answers):
    assert same(faces.answers(new.set_axis(index)), answers)


@pytest.mark.parametrize("dtype", ["int64", "int8", "uint16", "Int32", "float32", "Float64", "int64[pyarrow]", object])
def test_integers_where_floats_were_and_the_reverse(dtype, faces, new):
    whole = new.assign(visits=new["visits"].fillna(2.0), age=new["age"].round().fillna(30.0))
    expected = faces.answers(whole)
    assert same(faces.answers(whole.astype({"visits": dtype, "age": dtype})), expected)


def test_a_model_of_integers_takes_floats_and_booleans():
    rng = np.random.default_rng(0)
    X = pd.DataFrame({"n": rng.integers(0, 2, 200), "flag": rng.random(200) < 0.5, "big": rng.integers(0, 2**60, 200)})
    model = fitted(X, X["n"] ^ X["flag"], active=1.0)
    expected = model.answers(X)
    assert same(model.answers(X.astype({"n": "float64", "flag": "float64"})), expected)
    assert same(model.answers(X.astype({"n": "bool", "flag": "int8"})), expected)
    assert same(model.answers(X.astype({"n": "str", "flag": "str", "big": "str"})), expected)
    assert same(model.answers(X.astype({"n": "category", "flag": "category", "big": "category"})), expected)


def test_categories_where_strings_were_and_the_reverse(faces, new, answers):
    text = ["city", "account"]
    coded = new.astype(dict.fromkeys(text, "category"))
    coded["city"] = (
        coded["city"]
        .cat.add_categories(["unused"])
        .cat.reorder_categories(["unused", *coded["city"].cat.categories], ordered=True)
    )
    assert same(faces.answers(coded), answers)
    assert same(faces.answers(new.astype(dict.fromkeys(text, "string"))), answers)
    assert same(
        faces.answers(new.astype(dict.fromkeys(["age", "visits", "seen", "member", "stay"], "category"))), answers
    )
    X, y = people()
    model = fitted(X.astype(dict.fromkeys(text, "category")), y, active=1.0, max_categories=200, hash_buckets=64)
    assert same(model.answers(new), answers)


def test_a_dropped_field_may_be_absent_or_hold_anything(narrow, new):
    expected = narrow.answers(new)
    dropped = [name for name in new if name not in narrow.reads]
    assert len(dropped) >= 3
    assert same(narrow.answers(new[list(narrow.reads)]), expected)
    assert same(narrow.answers(new.drop(columns=dropped[0])), expected)
    for junk in ("text", [[1]] * len(new), np.inf, 1 + 2j):
        assert same(narrow.answers(new.assign(**dict.fromkeys(dropped, junk))), expected)


def test_one_row(faces, new, answers):
    for i in range(10):
        assert same(faces.answers(new.iloc[[i]]), answers[[i]])
        assert same(faces.answers([new.iloc[i].to_dict()]), answers[[i]])


@pytest.mark.parametrize("most", [2000, 20_000], ids=["hashed", "vocabulary"])
def test_ten_thousand_categories(most):
    words = np.array([f"word {i}" for i in range(10_000)])[np.arange(20_000) % 10_000]
    X = pd.DataFrame({"word": words, "x": np.arange(20_000) % 7})
    model = fitted(X, X["x"] > 3, active=1.0, epochs=1, batch_size=1024, max_categories=most, min_count=1)
    (field,) = (f for f in model.compact.schema.fields if f.source == "word")
    assert field.kind == ("hashed" if most == 2000 else "categorical")
    expected = model.answers(X)
    assert same(model.answers(X.astype({"word": "category"})), expected)
    assert same(model.answers(X.iloc[9_999:10_001]), expected[9_999:10_001])


def test_strings_of_a_megabyte():
    long = "x" * 2**20
    values = [long, long + "y", "東" * 2**20, "short"]
    X = pd.DataFrame({"t": values * 20, "x": np.arange(80.0)})
    model = fitted(X, np.arange(80) % 2, active=1.0)
    expected = model.answers(X)
    assert len({row.tobytes() for row in expected[::4]} & {row.tobytes() for row in expected[1::4]}) == 0
    assert same(model.answers(X.astype({"t": "category"})), expected)
    assert np.isfinite(model.answers(pd.DataFrame({"t": [long + "z"], "x": [1.0]}))).all()
    assert len(refusal(model, pd.DataFrame({"t": [long], "x": [long]}))) < 400


def test_unicode_in_names_and_values():
    names = ["naïve café", "東京", "🙂", "\u202eright to left", 'say "so"', "two\nlines", "\ud800", ""]
    rng = np.random.default_rng(0)
    words = ["\u00e9", "e\u0301", "🙂", "\x00", "a\x00", "a", "\ud83d", "ß", "SS", " padded "]
    X = {name: rng.choice(np.array(words, dtype=object), 200).tolist() for name in names}
    y = [("ä", "\ud800", "🙂")[i % 3] for i in range(200)]
    model = fitted(X, y, active=1.0, min_count=1)
    assert model.reads == tuple(names)
    assert model.file.classes_ == model.compact.classes_ == tuple(sorted(set(y)))
    assert len(model.compact.schema.fields[0].vocabulary) == len(words)
    expected = model.answers(X)
    pandas = pd.DataFrame({j: pd.Series(column, dtype=object) for j, column in enumerate(X.values())})
    assert same(model.answers(pandas.set_axis(pd.Index(names, dtype=object), axis=1)), expected)
    assert model.file.predict(X).tolist() == model.estimator.predict(X).tolist()


@pytest.mark.parametrize("zone", ["UTC", "Asia/Kolkata", "America/New_York", "Pacific/Chatham", "+14:00"])
def test_time_zones(zone, faces, new, answers):
    """An instant is what it is in any zone; one without a zone is in UTC."""
    there = new["seen"].dt.tz_localize("UTC").dt.tz_convert(zone)
    assert same(faces.answers(new.assign(seen=there)), answers)
    assert same(faces.answers(new.assign(seen=there.astype(object))), answers)
    assert same(faces.answers(new.assign(seen=[None if pd.isna(t) else t.isoformat() for t in there])), answers)
    assert same(faces.answers(pa.Table.from_pandas(new.assign(seen=there))), answers)


def test_a_clock_that_is_set_back():
    berlin = zoneinfo.ZoneInfo("Europe/Berlin")
    first, second = (dt.datetime(2024, 10, 27, 2, 30, tzinfo=berlin, fold=fold) for fold in (0, 1))
    hours = [dt.datetime(2024, 10, 26, tzinfo=dt.UTC) + dt.timedelta(hours=i) for i in range(48)]
    model = fitted({"at": hours * 4}, [h.hour == 0 for h in hours] * 4, active=1.0, min_bin_rows=1)
    assert same(model.answers({"at": [first]}), model.answers({"at": ["2024-10-27T00:30:00"]}))
    assert same(model.answers({"at": [second]}), model.answers({"at": ["2024-10-27T01:30:00Z"]}))


def test_mixed_types_in_an_object_column():
    values = [1, "1", 2.5, True, "x", dt.date(2020, 1, 1), None, uuid.UUID(int=3)]
    X = pd.DataFrame({"m": pd.Series(values * 20, dtype=object), "x": np.arange(160.0)})
    model = fitted(X, np.arange(160) % 2, active=1.0)
    assert "m: values of several types, read as text" in model.estimator.notes_
    expected = model.answers(X)
    text = [None if v is None else str(v) for v in values] * 20
    assert same(model.answers(X.assign(m=text)), expected)
    assert same(model.answers(pl.DataFrame({"m": text, "x": X["x"].to_numpy()})), expected)
    assert same(expected[0::8], model.answers(X.assign(m="1"))[0::8])


def test_numbers_among_which_a_text_stands_for_a_missing_one():
    """As from a spreadsheet, or from a csv file with question marks."""
    rng = np.random.default_rng(0)
    plain = pd.DataFrame({"power": rng.integers(50, 200, 200).astype(float), "x": rng.normal(size=200)})
    plain.loc[::9, "power"] = np.nan
    y = plain["power"].fillna(0) > 120
    expected = fitted(plain, y, active=1.0)
    sheet = plain.assign(power=plain["power"].astype(object).where(plain["power"].notna(), "?"))
    csv = plain.assign(power=["?" if pd.isna(v) else str(v) for v in plain["power"]])
    for X in (sheet, csv, pl.from_pandas(csv)):
        model = fitted(X, y, active=1.0)
        assert model.compact.schema.fields == expected.compact.schema.fields
        assert "power: '?' read as missing; name the column in `categorical` to keep it" in model.estimator.notes_
        for rows in (plain, sheet, csv):
            assert same(model.answers(rows), expected.answers(plain))
    kept = fitted(csv, y, active=1.0, categorical=["power"])
    assert "?" in kept.compact.schema.fields[0].vocabulary


def test_codes_stay_codes_where_a_text_stands_for_a_missing_one():
    X = {"zip": ["00501", "10001", "?", "94105"] * 20}
    model = fitted(X, [0, 1, 0, 1] * 20, active=1.0)
    assert model.compact.schema.fields[0].vocabulary == ("00501", "10001", "94105", "?")
    assert any("kept as categories" in note for note in model.estimator.notes_)


def test_values_that_are_said_to_be_missing():
    rng = np.random.default_rng(0)
    plain = pd.DataFrame(
        {
            "income": rng.normal(50, 9, 300),
            "town": rng.choice(["a", "b", "c"], 300).astype(object),
            "since": pd.Timestamp("2020-01-01") + pd.to_timedelta(rng.integers(0, 900, 300), unit="D"),
        }
    )
    gone = {name: rng.random(300) < 0.2 for name in plain}
    for name, where in gone.items():
        plain.loc[where, name] = None
    spelled = plain.copy()
    spelled.loc[gone["income"], "income"] = -999
    spelled.loc[gone["town"], "town"] = "unknown"
    spelled.loc[gone["since"], "since"] = pd.Timestamp("1900-01-01")
    y = plain["income"].fillna(0) > 50
    missing = [-999, "unknown", "1900-01-01"]
    model = fitted(spelled, y, active=1.0, missing_values=missing)
    told = fitted(plain, y, active=1.0, missing_values=missing)
    expected = model.answers(plain)
    assert same(told.answers(plain), expected)
    text = spelled.astype({"income": str, "since": str})
    for X in (spelled, pl.from_pandas(spelled), spelled.astype("category"), text, lists(spelled)):
        assert same(model.answers(X), expected)
    assert same(model.answers(plain.assign(income="unknown")), model.answers(plain.assign(income=None)))
    assert not same(fitted(plain, y, active=1.0).answers(spelled), expected)


@pytest.mark.parametrize("given", ["unknown", 5, [None], [["a"]], [True]], ids=repr)
def test_missing_values_that_cannot_be_used(given):
    with pytest.raises(ParameterError, match="missing_values"):
        L0GMClassifier(missing_values=given).fit({"a": [1, 2] * 4}, [0, 0, 1, 1] * 2)


def test_one_row_in_a_thousand():
    """The rare class is found, and every measure is a number."""
    rng = np.random.default_rng(0)
    n = 20_000
    X = pd.DataFrame({"x": rng.normal(size=n), "c": rng.choice(["p", "q"], n), "noise": rng.normal(size=n)})
    score = X["x"] + (X["c"] == "q")
    y = np.where(score >= np.sort(score)[-n // 1000], "rare", "usual")
    assert (y == "rare").sum() == n // 1000
    for weight in (None, "balanced"):
        model = fitted(X, y, active=0.5, epochs=12, batch_size=256, lr=5e-3, class_weight=weight)
        measures = model.estimator.evaluate(X, y)
        assert measures["auc"] > 0.95
        assert all(np.isfinite(value) for value in measures.values())
        assert all(np.isfinite(v) for part in model.estimator.metrics_.values() for v in part.values())
        model.answers(X.iloc[:500])
        assert model.file.evaluate(X, y)["auc"] == pytest.approx(measures["auc"], abs=1e-6)
    assert "rare" in model.file.predict(X)


def test_a_rare_class_that_the_held_out_rows_lack():
    X = {"x": np.arange(3000.0)}
    y = np.arange(3000) >= 2997
    model = fitted(X, y, active=1.0, epochs=4, min_bin_rows=1)
    model.answers(X)
    assert all(np.isfinite(v) for part in model.estimator.metrics_.values() for v in part.values())
    assert np.isfinite(model.estimator.evaluate(X, y)["auc"])


def test_three_rows_a_class():
    X = {"a": np.arange(12.0), "b": list("pqrs") * 3}
    model = fitted(X, list("wxyz") * 3, active=1.0, epochs=8)
    assert model.answers(X).shape == (12, 4)
    assert model.answers({"a": [None], "b": ["unseen"]}).shape == (1, 4)


def test_fifty_classes():
    code = np.arange(400) % 50
    X = {"a": code * 1.5, "b": [f"b{k % 7}" for k in code]}
    y = [f"class {k:02d}" for k in code]
    model = fitted(X, y, active=1.0, epochs=40, deep=(32,), lr=0.02, min_bin_rows=1, max_bins=64)
    assert model.answers(X).shape == (400, 50)
    assert (model.file.predict(X) == np.array(y)).mean() > 0.2  # by chance 0.02
    assert model.file.predict(X).tolist() == model.estimator.predict(X).tolist()


def test_two_thousand_columns():
    rng = np.random.default_rng(0)
    X = pd.DataFrame(rng.normal(size=(300, 2000)), columns=[f"c{j}" for j in range(2000)])
    X["c7"] = np.where(X["c7"] > 0, "up", "down")
    with strict():
        estimator = L0GMClassifier(active=0.05, epochs=2, batch_size=64, bins="quantile", max_bins=8)
        estimator.fit(X, X["c7"] == "up")
        tracemalloc.start()
        model = faces_of(estimator)
        answers = model.answers(X)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    assert peak < 600 * 2**20  # a number for each pair of fields and map would be 256 MB
    assert len(model.reads) == 100
    assert same(model.answers(X[list(model.reads)]), answers)


def test_columns_of_every_type_of_every_library(faces, new, answers):
    arrow = pa.Table.from_pandas(new, preserve_index=False)
    views = arrow.set_column(2, "city", arrow["city"].cast(pa.string_view()))
    assert same(faces.answers(arrow), answers)
    assert same(faces.answers(views), answers)
    assert same(faces.answers(views.to_pandas(types_mapper=pd.ArrowDtype)), answers)
    assert same(faces.answers(pl.from_arrow(arrow)), answers)
    assert same(faces.answers(pl.from_arrow(arrow).to_arrow()), answers)
    assert same(faces.answers(new.convert_dtypes()), answers)
    assert same(faces.answers(new.astype({"age": ">f8", "visits": pd.SparseDtype("float64")})), answers)


def test_no_rows(faces, new):
    """A batch may be empty."""
    assert faces.answers(new.iloc[:0]).shape == (0, 2)
    assert faces.answers({name: [] for name in new}).shape == (0, 2)


# ---- an error that names the culprit and the remedy --------------------------------------------------------


def test_a_surviving_column_is_missing(narrow, new):
    for name in narrow.reads:
        said = refusal(narrow, new.drop(columns=name))
        assert said.startswith(f"column {name!r} missing: the model reads it")
    assert refusal(narrow, pd.DataFrame({"other": [1]})).endswith(
        "(the table has 'other'); add what is missing, empty where it is not known"
    )


def test_duplicate_column_names(faces, new):
    for doubled in (pd.concat([new, new[["age"]]], axis=1), pa.table([[1], [2]], names=["age", "age"])):
        assert refusal(faces, doubled) == "duplicate column names ['age']: rename or drop one of each"
    with pytest.raises(DataError, match=r"duplicate column names \['a'\]: rename or drop"):
        L0GMClassifier().fit(pd.DataFrame([[1, 2]] * 8, columns=["a", "a"]), [0, 1] * 4)


@pytest.mark.parametrize("value", [np.inf, -np.inf, "inf", "-Infinity", "1e999", np.float32(np.inf)], ids=repr)
def test_infinite_values(value, faces, new):
    X = new.assign(age=[value, *new["age"].iloc[1:]])
    said = refusal(faces, X)
    assert said.startswith("column 'age': 1 infinite value; correct what is infinite, or fit with infinite='missing'")
    train, y = people()
    lenient = fitted(train, y, active=1.0, infinite="missing")
    assert same(lenient.answers(X), lenient.answers(X.assign(age=[None, *new["age"].iloc[1:]])))


def test_infinite_values_in_training():
    X, y = people()
    X.loc[3, "age"] = np.inf
    with pytest.raises(DataError, match=r"column 'age': 1 infinite value; .*infinite='missing'"):
        L0GMClassifier(**QUICK).fit(X, y)
    model = fitted(X, y, infinite="missing", validation_fraction=0, calibration_fraction=0)
    assert "age: 1 infinite values, read as missing" in model.estimator.notes_


@pytest.mark.parametrize(
    "X",
    [pd.DataFrame({"a": []}), {"a": []}, pl.DataFrame({"a": []}), pd.DataFrame(), {}, np.zeros((0, 2)), []],
    ids=["pandas", "dict", "polars", "no columns", "empty dict", "array", "list"],
)
def test_an_empty_frame(X):
    with pytest.raises(DataError, match=r"no rows|no columns|no table"):
        L0GMClassifier().fit(X, [])


def test_a_frame_without_columns(faces):
    for X in (pd.DataFrame(), {}, pl.DataFrame(), pd.DataFrame(index=range(3))):
        assert "the table has no columns" in refusal(faces, X)


def test_one_class():
    with pytest.raises(DataError, match=r"the target has one class only \('a'\): two or more are needed"):
        L0GMClassifier().fit({"x": range(8)}, ["a"] * 8)


@pytest.mark.parametrize("nothing", [None, float("nan"), pd.NA, pd.NaT, "", " "], ids=repr)
def test_a_target_with_missing_values(nothing):
    y = pd.Series(["a", "b", nothing, "a"] * 2, dtype=object)
    with pytest.raises(DataError, match="the target is missing in 2 of 8 rows: drop those rows before fit"):
        L0GMClassifier().fit({"x": range(8)}, y)


def test_a_target_of_the_wrong_length(faces, new):
    for y in (["a", "b"], ["a", "b"] * 40):
        with pytest.raises(DataError, match=f"the target has {len(y)} labels for 8 rows"):
            L0GMClassifier().fit({"x": range(8)}, y)
    for face in (faces.estimator, faces.compact, faces.file):
        with pytest.raises(DataError, match="one label a row"):
            face.evaluate(new, ["yes", "no"])


@pytest.mark.parametrize(
    ("column", "values", "shown", "what"),
    [
        ("age", "forty", "'forty'", "number"),
        ("age", "12 years", "'12 years'", "number"),
        ("visits", "1,5", "'1,5'", "number"),
        ("visits", pd.Timestamp("2020-01-01"), "Timestamp('2020-01-01 00:00:00')", "number"),
        ("seen", "soon", "'soon'", "date"),
        ("seen", 20240101, "20240101", "date"),
    ],
)
def test_what_cannot_be_parsed(column, values, shown, what, faces, new):
    X = new.astype({column: object})
    X.loc[[3, 5], column] = values
    assert refusal(faces, X) == (
        f"column {column!r}: {shown} (in 2 of 80 rows) is no {what}, and this column held {what}s when the model was "
        "fitted: correct it, or make it missing"
    )


@pytest.mark.parametrize(
    "cells",
    [[[1]], [{"a": 1}], [(1, 2)], [np.array([1])], [1j], [object()], [b"x".__iter__()]],
    ids=["list", "dict", "tuple", "array", "complex", "object", "iterator"],
)
def test_values_that_are_no_numbers_text_or_dates(cells, faces, new):
    said = refusal(faces, {**lists(new), "city": cells * len(new)})
    assert "'city'" in said
    with pytest.raises(DataError, match="'city'"):
        L0GMClassifier().fit({"city": cells * 8, "x": range(8)}, [0, 1] * 4)


def test_whatever_a_value_raises_is_told_with_its_column(faces, new):
    class Broken:
        def __str__(self):
            raise RuntimeError("out of order")

    said = refusal(faces, {**lists(new), "city": [Broken()] * len(new)})
    assert "column 'city' cannot be read (RuntimeError: out of order)" in said


@pytest.mark.parametrize(
    "column",
    [
        pa.array([dt.date(2024, 1, 1)] * 8, pa.date64()),
        pa.array([Decimal(1)] * 8, pa.decimal256(50, 2)),
        pa.ExtensionArray.from_storage(pa.uuid(), pa.array([b"0" * 16, b"1" * 16] * 4, pa.binary(16))),
        pa.RunEndEncodedArray.from_arrays(pa.array([4, 8], pa.int32()), pa.array(["x", "y"])),
        pa.array([b"x", b"y"] * 4, pa.binary_view()),
        pa.array(["x", "y"] * 4, pa.string_view()),
        pa.array([[1]] * 8, pa.list_view(pa.int64())),
        pa.array([(1, 2, 3)] * 8, pa.month_day_nano_interval()),
        pa.UnionArray.from_sparse(pa.array([0, 1] * 4, pa.int8()), [pa.array([1] * 8), pa.array(["x"] * 8)]),
    ],
    ids=lambda column: str(column.type)[:20],
)  # fmt: skip
def test_types_that_libraries_only_carry_along(column):
    """They are read for what they hold, or refused by name; in pandas as in pyarrow."""
    said = []
    for X in (pa.table({"a": column}), pd.DataFrame({"a": pd.arrays.ArrowExtensionArray(pa.chunked_array([column]))})):
        try:
            said.append(fitted(X, [0, 1] * 4, epochs=1, min_count=1, active=1.0).compact.schema)
        except DataError as error:
            said.append(str(error))
    assert said[0] == said[1]
    assert not isinstance(said[0], str) or "'a'" in said[0] or "no column is usable: a: " in said[0]
