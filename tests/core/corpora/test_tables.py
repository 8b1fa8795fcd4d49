from pathlib import Path

import pytest

from components.core.contracts.errors import SourceError
from components.core.corpora.tables import read_table


def table(tmp_path: Path, name: str, content: str | bytes) -> Path:
    path = tmp_path / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def test_csv_cells_may_hold_commas_quotes_and_line_breaks(tmp_path: Path) -> None:
    path = table(tmp_path, "metadata.csv", 'path,transcript\na.wav,"Yes, ""really""\nyes"\n\nb.wav,no\n')
    assert [(row.line, row.cells) for row in read_table(path)] == [
        (3, {"path": "a.wav", "transcript": 'Yes, "really"\nyes'}),
        (5, {"path": "b.wav", "transcript": "no"}),
    ]


def test_a_byte_order_mark_is_no_part_of_the_first_column(tmp_path: Path) -> None:
    assert [row.cells for row in read_table(table(tmp_path, "metadata.csv", b"\xef\xbb\xbfpath\na.wav\n"))] == [
        {"path": "a.wav"}
    ]
    assert [row.cells for row in read_table(table(tmp_path, "metadata.jsonl", b'\xef\xbb\xbf{"path": "a"}'))] == [
        {"path": "a"}
    ]


def test_json_values_become_text_and_null_is_unknown(tmp_path: Path) -> None:
    line = '{"path": "a.wav", "age": 31, "level": 0.5, "noisy": true, "gender": null, "name": "Zoë"}\n\n'
    assert next(iter(read_table(table(tmp_path, "metadata.jsonl", line)))).cells == {
        "path": "a.wav",
        "age": "31",
        "level": "0.5",
        "noisy": "true",
        "gender": "",
        "name": "Zoë",
    }


@pytest.mark.parametrize(
    ("name", "content", "complaint"),
    [
        ("metadata.csv", "path,a,a\nx,1,2\n", "line 1: column 'a' is there 2 times"),
        ("metadata.csv", "path,,b\nx,1,2\n", "line 1: a column without a name"),
        ("metadata.csv", "path,a\nx,1\ny,1,2\n", "line 3: 3 cells, the header has 2"),
        ("metadata.csv", "path,a\nx\n", "line 2: 1 cells, the header has 2"),
        ("metadata.csv", 'path,a\nx,"never closed\n', "not CSV"),
        ("metadata.csv", "path,a\nx,caf\xe9\n".encode("latin-1"), "not UTF-8; save it as UTF-8"),
        ("metadata.jsonl", '{"path": "x"}\n["path"]\n', "line 2: want one object"),
        ("metadata.jsonl", '{"path": "x",}\n', "line 1: not JSON"),
        ("metadata.jsonl", '{"path": "x", "a": "1", "a": "2"}\n', "line 1: column 'a' is there 2 times"),
        ("metadata.jsonl", '{"path": "x", "a": [1, 2]}\n', "line 1: a: want text or a number"),
        ("metadata.jsonl", '{"path": "x", "a": {"b": 1}}\n', "line 1: a: want text or a number"),
        ("metadata.jsonl", '{"path": "x", "a": NaN}\n', "line 1: not JSON: NaN"),
        ("metadata.jsonl", '{"path": "x", "a": "\\ud800"}\n', "line 1: a: .* is not Unicode text"),
        ("metadata.jsonl", b'{"path": "caf\xe9"}\n', "line 1: not UTF-8"),
        ("metadata.jsonl", "[" * 100_000 + "\n", "line 1: not JSON"),
    ],
)
def test_what_is_wrong_is_said_in_one_line(tmp_path: Path, name: str, content: str | bytes, complaint: str) -> None:
    path = table(tmp_path, name, content)
    with pytest.raises(SourceError, match=complaint) as caught:
        list(read_table(path))
    assert str(caught.value).startswith(str(path))
    assert "\n" not in str(caught.value)
