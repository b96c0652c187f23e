"""The readers of pages and of consoles see what is wrong, so that the documentation's tests can fail."""

from __future__ import annotations

import pytest

from .consoles import Command, commands, complaints, missing_line, run
from .pages import ROOT, code_spans, fences, headings, links
from .test_docs import play

PAGE = """\
# A *page* of `code` & more

## Twice
## Twice

Text with `one span`, [a link](there.md#anchor), <img src="picture.png" alt=""> and ![a figure](figure.png).

```python no-run
print("[no](link.md)")
```

* in a list:

  ```console exit=3
  $ false
  ```

````{tab-set}
```{code-block} json
{}
```
[inside](inside.md)
````

(a-label)=
"""


# -- pages


def test_fences_are_found_wherever_they_stand() -> None:
    found = [(f.language, set(f.flags), f.options, f.text, f.line) for f in fences(PAGE)]
    assert found == [
        ("python", {"no-run"}, {}, 'print("[no](link.md)")\n', 9),
        ("console", set(), {"exit": "3"}, "$ false\n", 15),
        ("json", set(), {}, "{}\n", 20),
    ]


def test_headings_are_named_as_on_github() -> None:
    assert headings(PAGE) == {"a-page-of-code--more", "twice", "twice-1", "a-label"}


def test_links_and_spans_are_those_of_the_text() -> None:
    assert links(PAGE) == ["there.md#anchor", "picture.png", "figure.png", "inside.md"]
    assert code_spans(PAGE) == ["code", "one span"]


# -- consoles


def test_commands_go_on_after_backslashes_and_in_documents() -> None:
    text = "$ one \\\n>   more\nshown\n\n$ cat > f <<'END'\n$ not a command\nEND\n$ last\n"
    assert commands(text, 11) == [
        Command(text="one \\\n  more", line=11, shown=("shown", "")),
        Command(text="cat > f <<'END'\n$ not a command\nEND", line=15),
        Command(text="last", line=18),
    ]
    with pytest.raises(ValueError, match="line 1: output before the first command"):
        commands("shown\n$ one\n")


@pytest.mark.parametrize(
    ("text", "status", "said"),
    [
        ("fedss-opt --version", 0, "fedss-opt"),
        ("fedss-opt solve missing.json  # a comment", 2, "missing.json: No such file or directory"),
        ("fedss-opt schema problem > out.json", 0, ""),
        ("fedss-opt scenario yang2021 --clients 5 | fedss-opt solve - --format json", 0, '"method": "admm"'),
        ("fedss-opt scenario nothing | fedss-opt solve -", 2, "nothing"),
        ("printf 'a b'; exit 7", 7, "a b"),
        ("python -c 'import fedss_opt'", 0, ""),
    ],
)
@pytest.mark.usefixtures("warm")
def test_commands_end_as_in_a_shell(text: str, status: int, said: str, tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    finished = run(Command(text=text, line=1))
    assert finished.status == status
    assert said in finished.output
    assert (tmp_path / "out.json").exists() == ("out.json" in text)


@pytest.mark.parametrize("text", ["pip install x", "make demo", "fedss-opt serve", "sleep 9 &", "cd x && sudo ls"])
def test_what_installs_or_stays_is_not_run(text: str) -> None:
    with pytest.raises(ValueError, match="no-run"):
        run(Command(text=text, line=1))


OUTPUT = "feasible:  3 of 6 clients\nmethod admm, 1.25 ms, 20 iterations\n\n  a   b\n ─────\n  1   2\n"


@pytest.mark.parametrize(
    ("shown", "missing"),
    [
        (["feasible: 3 of 6 clients"], None),
        (["feasible: 3 of 7 clients"], "feasible: 3 of 7 clients"),
        (["feasible: ... clients", "...", " 1  2"], None),
        (["1 2", "a b"], "a b"),  # in another order
        (["method admm, 880 us, 20 iterations"], None),
        (["method admm, 1.25 ms, 30 iterations"], "method admm, 1.25 ms, 30 iterations"),
        (["feasible"], "feasible"),  # whole lines
    ],
)
def test_shown_output_is_compared_line_by_line(shown: list[str], missing: str | None) -> None:
    assert missing_line(shown, OUTPUT) == missing


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("fedss-opt solve cell.csv --bandwidth 20MHz --require speech=0.3", None),
        ("fedss-opt solve cell.csv --bandwith 20MHz", "--bandwith"),
        ("fedss-opt solve cell.csv --format xml", "xml"),
        ("fedss-opt solve a.csv b.csv", "unexpected b.csv"),
        ("fedss-opt check cell.json", "missing"),
        ("fedss-opt slove cell.csv", "no such command"),
        ("cat x | FOO=1 .venv/bin/fedss-opt scenario --liszt", "--liszt"),
        ("make demo && make coffee", "coffee"),
        ('pip install "fedss-opt[cli,nonsense]"', "nonsense"),
        ("python -m benchmarks.nothing", "no such module"),
        ("python -m pip list", None),
        ("sh examples/flower_app/run.sh", None),
        ("sh examples/flower_app/walk.sh", "no such file"),
        (".venv/bin/pytest tests/test_docs.py::test_links_lead_somewhere", None),
    ],
)
def test_what_a_command_names_must_exist(text: str, complaint: str | None) -> None:
    found = complaints(text, ROOT)
    if complaint is None:
        assert found == []
    else:
        assert len(found) == 1
        assert complaint in found[0]


def test_a_text_may_speak_of_an_option() -> None:
    assert complaints("fedss-opt check", ROOT, whole=False) == []
    assert complaints("fedss-opt solve --method", ROOT, whole=False) == []
    assert complaints("fedss-opt solve --methods", ROOT, whole=False) != []


# -- whole pages


def block(opening: str, *lines: str) -> str:
    return "\n".join([f"```{opening}", *lines, "```", ""])


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        (block("python", "x = 1") + block("python", "assert x == 1"), None),
        (block("python", "raise KeyError('here')"), "here"),
        (block("python no-run", "raise KeyError"), None),
        (block("python no-run", "this is no Python"), "invalid syntax"),
        (block("python slow", "raise KeyError('late')"), None),
        (
            block("csv file=a.csv", "a,b", "1,2") + block("python", "assert open('a.csv').read() == 'a,b\\n1,2\\n'"),
            None,
        ),
        (block("csv", "a,b", "1"), "different lengths"),
        (block("json", "{'a': 1}"), "not json"),
        (block("toml", "a ="), "not toml"),
        (block("console", "$ echo one > f", "$ cat f", "one") + block("python", "open('f').close()"), None),
        (block("console", "$ echo one", "two"), "is not there: two"),
        (block("console", "$ false", "$ true"), "status 1, not 0"),
        (block("console exit=1", "$ true", "$ false"), None),
        (block("console exit=1", "$ false", "$ true"), "status 1, not 0"),
        (block("console no-run", "$ make coffee"), "no such target"),
        (block("console slow", "$ fedss-opt slove x"), "no such command"),
        (block("bash", "if then"), "syntax error"),
        (block("fortran", "x"), "fortran"),
        (block("text", "anything"), None),
    ],
)
def test_a_page_is_played_as_its_blocks_say(text: str, complaint: str | None, tmp_path, monkeypatch) -> None:
    page = tmp_path / "page.md"
    page.write_text(text)
    folder = tmp_path / "folder"
    folder.mkdir()
    if complaint is None:
        play(page, folder, monkeypatch)
    else:
        # AssertionError, SyntaxError, what a block raises, and what `pytest.fail` raises, which is no Exception.
        with pytest.raises(BaseException, match=complaint):
            play(page, folder, monkeypatch)


def test_slow_blocks_run_when_they_are_asked_for(tmp_path, monkeypatch) -> None:
    page = tmp_path / "page.md"
    page.write_text(block("python slow", "raise KeyError('late')"))
    with pytest.raises(KeyError, match="late"):
        play(page, tmp_path, monkeypatch, slow=True)
