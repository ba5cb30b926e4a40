"""The index as a table: `python -m tests.equations`; with --write, into README.md."""

import sys

from tests.equations.index import AREAS, ROOT, file_of, walkthrough
from tests.equations.row import Row
from tests.laws.test_laws import EVERYTHING, listed

README = ROOT / "README.md"
START = "<!-- made by: python -m tests.equations --write -->\n\n"
END = "\n<!-- end of what was made -->\n"
HEAD = """\
| equation, source | function | tests | walkthrough |
|---|---|---|---|
"""


def links(names: dict[str, str]) -> str:
    """Names and the files they stand in, as one link for each file."""
    files: dict[str, list[str]] = {}
    for name, file in names.items():
        files.setdefault(file, []).append(name)
    return ", ".join(f"[{', '.join(names)}]({file})" for file, names in files.items())


def line(row: Row) -> str:
    short = {name: name.split(".")[-1] for name in row.names}
    functions = links({f"`{short[name]}`": file_of(name) for name in row.names})
    files = dict.fromkeys(node.partition("::")[0] for node in row.properties)
    tests = {file.split("/")[-1].removesuffix(".py"): file for file in files}
    if set(short.values()) & listed(EVERYTHING):
        tests["laws"] = "tests/laws/test_laws.py"
    script = walkthrough(row).relative_to(ROOT)
    equation = row.equation.replace("|", "\\|")  # or a table takes it for its own
    return (
        f"| {equation}, *{row.source}* | {functions} | {links(tests)} "
        f"| [{row.walkthrough}]({script}) |\n"
    )


def table() -> str:
    """A line for each row, under the name of its area."""
    return HEAD + "".join(
        f"| **{name}** | | | |\n" + "".join(map(line, area.ROWS))
        for name, area in AREAS.items()
    )


def readme_parts() -> tuple[str, str, str]:
    """README.md before, in and after the place of the table; ValueError without one."""
    text = README.read_text()
    start = text.index(START) + len(START)
    stop = text.index(END, start)
    return text[:start], text[start:stop], text[stop:]


def main(arguments: list[str]) -> None:
    if arguments == ["--write"]:
        before, _, after = readme_parts()
        README.write_text(before + table() + after)
    else:
        print(table(), end="")


if __name__ == "__main__":
    main(sys.argv[1:])
