import io

import pytest

from jobs.intake.records import MAX_LINE, MAX_LINES, Fault, Record, records


def read(text: str, delimiter: str = ";", width: int | None = None) -> list[tuple[int, list[str] | Fault]]:
    found = records(io.StringIO(text, newline=""), delimiter, width)
    return [(one.line, one.fault or one.cells) for one in found]


def test_a_record_knows_the_line_it_starts_on() -> None:
    assert read('a;b\n1;"x\ny"\n\n2;z\n') == [(1, ["a", "b"]), (2, ["1", "x\ny"]), (5, ["2", "z"])]


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_every_line_end_is_one(end: str) -> None:
    assert read(f"a;b{end}1;2{end}") == [(1, ["a", "b"]), (2, ["1", "2"])]


@pytest.mark.parametrize("blank", ["", ";;", " ; ;", '"";""', "\t"])
def test_blank_rows_are_passed_over(blank: str) -> None:
    assert read(f"a;b;c\n{blank}\n1;2;3\n") == [(1, ["a", "b", "c"]), (3, ["1", "2", "3"])]


def test_the_last_line_needs_no_end_and_may_end_like_dos() -> None:
    assert read("a;b\n1;2\x1a") == [(1, ["a", "b"]), (2, ["1", "2"])]


def test_doubled_quotes_and_delimiters_inside_quotes_belong_to_the_cell() -> None:
    assert read('"a;b";"say ""yes"""\n') == [(1, ["a;b", 'say "yes"'])]


def test_a_space_may_stand_before_a_quote() -> None:
    assert read('1, "x, y", "z"\n', ",") == [(1, ["1", "x, y", "z"])]


def test_quotes_inside_a_bare_cell_are_letters() -> None:
    assert read('1;Jean "Jeannot" Petit;x\n') == [(1, ["1", 'Jean "Jeannot" Petit', "x"])]


def test_a_sloppy_quote_on_one_line_is_taken_as_spreadsheets_take_it() -> None:
    assert read('1;"Jean" Petit;x\n2;y;z\n') == [(1, ["1", "Jean Petit", "x"]), (2, ["2", "y", "z"])]


def test_a_quote_left_open_at_the_end_costs_one_line() -> None:
    assert read('a;b\n1;"x\n2;y\n3;z\n') == [
        (1, ["a", "b"]),
        (2, Fault.UNCLOSED_QUOTE),
        (3, ["2", "y"]),
        (4, ["3", "z"]),
    ]


def test_a_stray_quote_does_not_weld_two_patients_together() -> None:
    text = 'n;name;d\n1;"Durand;2026\n2;Martin;2026\n3;"Petit";2026\n'
    assert read(text) == [
        (1, ["n", "name", "d"]),
        (2, Fault.UNCLOSED_QUOTE),
        (3, ["2", "Martin", "2026"]),
        (4, ["3", "Petit", "2026"]),
    ]


def test_records_that_close_in_the_wrong_place_are_told_by_their_width() -> None:
    text = 'n;name;d\n1;"Durand;2026\n2;Martin;2026"\n3;Petit;2026\n'
    assert read(text, width=3) == [
        (1, ["n", "name", "d"]),
        (2, Fault.UNCLOSED_QUOTE),
        (3, ["2", "Martin", '2026"']),
        (4, ["3", "Petit", "2026"]),
    ]


def test_a_cell_of_many_lines_is_no_record_of_a_practice() -> None:
    text = '1;"x' + "\ny" * (MAX_LINES + 5) + '"\n2;z\n'
    found = read(text)
    assert found[0] == (1, Fault.UNCLOSED_QUOTE)
    assert found[-1] == (MAX_LINES + 7, ["2", "z"])


def test_a_line_without_end_is_refused_without_being_held() -> None:
    text = "a;b\n" + "x" * (3 * MAX_LINE) + "\n2;z\n"
    assert read(text) == [(1, ["a", "b"]), (2, Fault.TOO_LONG), (3, ["2", "z"])]


def test_a_line_without_end_inside_an_open_quote_is_refused_too() -> None:
    text = 'a;b\n1;"x\n' + "y" * (2 * MAX_LINE) + "\n2;z\n"
    assert read(text) == [(1, ["a", "b"]), (2, Fault.UNCLOSED_QUOTE), (3, Fault.TOO_LONG), (4, ["2", "z"])]


def test_long_cells_below_the_limit_pass() -> None:
    assert read('1;"' + "x" * 200_000 + '"\n')[0][1] == ["1", "x" * 200_000]


@pytest.mark.parametrize("line", ["1;\0\0\n", '1;"\0"\n'])
def test_nul_bytes_cost_their_row(line: str) -> None:
    assert read(f"a;b\n{line}2;z\n") == [(1, ["a", "b"]), (2, Fault.NUL), (3, ["2", "z"])]


def test_a_fault_carries_no_cells() -> None:
    assert next(records(io.StringIO('1;"secret'), ";")) == Record(1, [], Fault.UNCLOSED_QUOTE)
