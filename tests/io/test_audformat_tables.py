"""audformat databases: header, tables, joined labels; the same as the package reads where it is installed."""

from pathlib import Path

import pytest

from speechlib.io.audformat_tables import Row, read_database

HEADER = """
name: mini
source: made up
usage: unrestricted
languages: [deu]
raters:
  gold: {type: human}
schemes:
  age: {dtype: int}
  arousal: {dtype: float, minimum: 0, maximum: 1}
  duration: {dtype: time}
  emotion:
    dtype: str
    labels: [anger, neutral]
  level: {dtype: int, labels: {1: low, 2: high}}
  speaker:
    dtype: str
    labels:
      s1: {gender: female, age: 30}
      s2: {gender: male, age: 41, note: null}
  listener: {dtype: str, labels: people}
  transcription: {dtype: str, labels: {t1: Good day., t2: Good night.}}
splits:
  train: {type: train}
tables:
  files:
    type: filewise
    columns:
      speaker: {scheme_id: speaker}
      transcription: {scheme_id: transcription}
      age: {scheme_id: age}
      duration: {scheme_id: duration}
      comment: {}
  emotion:
    type: filewise
    split_id: train
    columns:
      emotion: {scheme_id: emotion, rater_id: gold}
      level: {scheme_id: level}
  pieces:
    type: segmented
    columns:
      arousal: {scheme_id: arousal}
      listener: {scheme_id: listener}
misc_tables:
  people:
    levels: {id: str}
    columns:
      gender: {}
      town: {}
"""
TABLES = {
    "files": "file,speaker,transcription,age,duration,comment\n"
    '"audio/a, 1.wav",s1,t1,,0 days 00:00:01.500000,\n'
    "audio/b.wav,s2,t2,42,,no\n",
    "emotion": 'file,emotion,level\n"audio/a, 1.wav",anger,2\naudio/b.wav,,1\naudio/c.wav,neutral,\n',
    "pieces": "file,start,end,arousal,listener\n"
    '"audio/a, 1.wav",0 days 00:00:00,0 days 00:00:01.250000,0.1,x1\n'
    '"audio/a, 1.wav",0 days 00:01:01.500000,1 days 01:00:02.750000000,0.5,x2\n'
    "audio/b.wav,0 days 00:00:00.250000,,,x1\n",
    "people": "id,gender,town\nx1,female,Bonn\nx2,male,\n",
}


@pytest.fixture
def folder(tmp_path) -> Path:
    (tmp_path / "db.yaml").write_text(HEADER)
    for name, text in TABLES.items():
        (tmp_path / f"db.{name}.csv").write_text(text)
    return tmp_path


def test_the_header(folder):
    database = read_database(folder)
    assert {name: list(table.columns) for name, table in database.tables.items()} == {
        "files": ["speaker", "transcription", "age", "duration", "comment"],
        "emotion": ["emotion", "level"],
        "pieces": ["arousal", "listener"],
    }
    assert [table.segmented for table in database.tables.values()] == [False, False, True]
    assert [table.split for table in database.tables.values()] == ["", "train", ""]
    assert database.tables["files"].columns["comment"] == "" and database.tables["files"].columns["age"] == "age"
    attributes = {"s1": {"gender": "female", "age": "30"}, "s2": {"gender": "male", "age": "41"}}
    assert database.labels["speaker"] == attributes
    assert database.labels["listener"] == {"x1": {"gender": "female", "town": "Bonn"}, "x2": {"gender": "male"}}
    assert database.labels["emotion"] == {"anger": "", "neutral": ""} and database.labels["age"] == {}


def test_rows_of_files_and_of_pieces(folder):
    database = read_database(folder)
    first, second = database.rows("files")
    values = {"speaker": "s1", "transcription": "t1", "duration": "0 days 00:00:01.500000"}
    assert first == Row(f"{folder}/db.files.csv:2", "audio/a, 1.wav", 0.0, -1.0, values, {"transcription": "Good day."})
    assert second.values == {"speaker": "s2", "transcription": "t2", "age": "42", "comment": "no"}
    times = [(row.file, row.start, row.end) for row in database.rows("pieces")]
    assert times == [("audio/a, 1.wav", 0.0, 1.25), ("audio/a, 1.wav", 61.5, 90002.75), ("audio/b.wav", 0.25, -1.0)]
    assert [row.texts for row in database.rows("emotion")] == [{"level": "high"}, {"level": "low"}, {}]


def test_joined_rows_know_the_speakers(folder):
    database = read_database(folder)
    rows = database.joined_rows("emotion")
    known = {"emotion": "anger", "level": "2", "speaker": "s1", "transcription": "t1", "gender": "female", "age": "30"}
    assert rows[0].values == known | {"duration": "0 days 00:00:01.500000"}
    assert rows[0].texts == {"level": "high", "transcription": "Good day."}
    # what a table says of a file goes before what the header says of its speaker
    assert rows[1].values["age"] == "42" and rows[1].values["gender"] == "male"
    assert rows[2].values == {"emotion": "neutral"}
    pieces = database.joined_rows("pieces")
    assert [row.values["speaker"] for row in pieces] == ["s1", "s1", "s2"]
    assert pieces[0].values["gender"] == "female" and "town" not in pieces[0].values


def test_speakers_whose_attributes_are_in_a_misc_table(folder):
    header = HEADER.replace("  listener: {dtype: str, labels: people}\n", "  listener: {dtype: str}\n")
    before, rest = header.split("    labels:\n      s1:")
    (folder / "db.yaml").write_text(before + "    labels: people\n  listener" + rest.split("  listener", 1)[1])
    (folder / "db.people.csv").write_text("id,gender,town\ns1,female,Bonn\ns2,male,\n")
    rows = read_database(folder).joined_rows("emotion")
    assert (rows[0].values["gender"], rows[0].values["town"], rows[1].values["gender"]) == ("female", "Bonn", "male")


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (HEADER, "- a\n- b\n", "not the header of a database"),
        (HEADER, "name: [", r"db\.yaml: not the YAML header"),
        (HEADER, "name: !!python/object/apply:os.getcwd []\n", r"db\.yaml: not the YAML header"),
        (HEADER, "name: mini\n", "no tables in it"),
        (HEADER, "tables: [files]\n", "`tables` must hold one entry a name"),
        ("type: segmented", "type: pieces", "table 'pieces' is of type 'pieces', expected filewise or segmented"),
        ("{scheme_id: arousal}", "{scheme_id: arousel}", r"the scheme 'arousel'.*\(did you mean arousal\?\)"),
        ("labels: people", "labels: peoples", r"in misc table 'peoples'.*\(did you mean people\?\)"),
        ("levels: {id: str}", "levels: {id: str, day: str}", "misc table 'people' has 2 levels"),
        ("      town: {}\n", "", r"db\.people\.csv:1: the columns are id,gender,town; the header db\.yaml says id"),
    ],
)
def test_headers_that_are_wrong(folder, old, new, message):
    assert old in HEADER
    (folder / "db.yaml").write_text(HEADER.replace(old, new))
    with pytest.raises(ValueError, match=message):
        read_database(folder)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("file,emotion,level", "file,feeling,level", r"db\.emotion\.csv:1: the columns are file,feeling,level"),
        ("audio/b.wav,,1", "audio/b.wav,", r"db\.emotion\.csv:3: 2 cells, the table has 3 columns"),
        ("neutral,", '"neutral,', r"db\.emotion\.csv: not a CSV file in UTF-8"),
    ],
)
def test_tables_that_are_wrong(folder, old, new, message):
    (folder / "db.emotion.csv").write_text(TABLES["emotion"].replace(old, new))
    with pytest.raises(ValueError, match=message):
        read_database(folder).rows("emotion")


def test_a_time_that_is_none(folder):
    (folder / "db.pieces.csv").write_text(TABLES["pieces"].replace("0 days 00:00:00.250000", "soon"))
    with pytest.raises(ValueError, match=r"db\.pieces\.csv:4: start: expected seconds"):
        read_database(folder).rows("pieces")


def test_a_table_that_is_not_there(folder):
    with pytest.raises(ValueError, match=r"no table 'emotions' \(did you mean emotion\?\); it has files, emo"):
        read_database(folder).rows("emotions")
    (folder / "db.emotion.csv").unlink()
    with pytest.raises(FileNotFoundError, match=r"db\.emotion\.csv: no such file; the header describes a table"):
        read_database(folder).rows("emotion")
    with pytest.raises(FileNotFoundError, match=r"nowhere/db\.yaml: no such file"):
        read_database(folder / "nowhere")


@pytest.mark.parametrize(("suffix", "why"), [("pkl", "a pickle, which may"), ("parquet", "in a format not read")])
def test_tables_that_are_no_csv_are_refused_with_the_way_out(folder, suffix, why):
    (folder / "db.emotion.csv").rename(folder / f"db.emotion.{suffix}")
    with pytest.raises(ValueError, match=rf"db\.emotion\.{suffix}: the table is {why}.*storage_format='csv'"):
        read_database(folder).rows("emotion")


def test_the_package_audformat_reads_the_same(folder):
    audformat = pytest.importorskip("audformat", reason="the package audformat is not installed")
    theirs = audformat.Database.load(str(folder))
    ours = read_database(folder)
    for name, table in ours.tables.items():
        frame = theirs[name].get()
        rows = ours.rows(name)
        assert list(frame.columns) == list(table.columns) and len(frame) == len(rows)
        for (index, cells), row in zip(frame.iterrows(), rows, strict=True):
            file, *times = index if table.segmented else (index,)
            assert file == row.file
            for found, time in zip((row.start, row.end), times, strict=False):
                assert (found == -1) if time != time else found == pytest.approx(time.total_seconds())
            present = {column: value for column, value in cells.items() if not _is_missing(value)}
            assert set(present) == set(row.values)
            assert all(_same(value, row.values[column]) for column, value in present.items())
    genders = theirs["files"].get(map={"speaker": "gender"})["gender"].tolist()
    assert [row.values["gender"] for row in ours.joined_rows("files")] == genders


def _is_missing(value) -> bool:
    import pandas

    return bool(pandas.isna(value))


def _same(value, text: str) -> bool:
    """A pandas value and the cell that it comes from."""
    if hasattr(value, "total_seconds"):
        import pandas

        return value == pandas.to_timedelta(text)
    return str(value) == text
