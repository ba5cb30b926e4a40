"""The command line: any options with any values, on whole folders and on hostile ones."""

import argparse
import contextlib
import shutil
import tempfile
from pathlib import Path

from minillm.cli.main import main, parser
from tests.fuzz.choices import Choices
from tests.fuzz.folders import edit_files, files_of, put
from tests.fuzz.mutations import mutate_bytes
from tests.fuzz.small import MATERIAL, MODELS
from tests.fuzz.watch import only_within

COMMANDS = ("generate", "fill", "classify", "translate", "tokenize", "inspect")
NUMBERS = (
    *("0", "1", "2", "3", "0.5", "1.0", "-1", "", " ", "1_0", "+1", " 3 ", "٣", "0x10"),
    *("nan", "inf", "-inf", "1e400", "1e-300", "1e300", "5e-324", "9" * 5000, "1e", "--"),
    *(str(2**31), str(2**63), str(2**64), "one", "\udcff", "1" * 70),
)
WORDS = (
    *("the cat", "the [MASK] sat", "[MASK]" * 3, "word1 word2", "a", "é \U0001f600", " "),
    *("", "\n\n", "\udcff", "-", "--", "--model", "x" * 500, "\x1b[2J", "{0}%s%", "[CLS]"),
)
GARBAGE = ("--nonsense", "-x", "--", "", "\udcff", "@file", "--mod", "--he", "-h")
TINY = ["--config", "tiny", "--steps", "2", "--batch", "2", "--threads", "1"]
UNTRIED = ("--picture", "--device", "--help")  # drawn by others, or another machine's


class Command:
    """A command ends with 0, or with one clear line and 1 or 2; never by a traceback."""

    def __init__(self, folder: Path) -> None:
        self.work, self.secret = folder / "work", folder / "outside.txt"
        self.model, self.scratch = self.work / "model", folder
        self.work.mkdir()
        self.secret.write_text("nobody's business")
        self.good = [files_of(model, self.model) for model in MODELS]
        shutil.rmtree(self.model)
        self.options = _options()
        self.runs = []
        for name, text in MATERIAL.items():
            (self.work / f"{name}.txt").write_text(text, encoding="utf-8")
            options = ["--objective", name, "--text", str(self.work / f"{name}.txt")]
            code, err = self.give(["train", *TINY, "--out", str(self.model), *options])
            assert code == 0, err
            self.runs.append({p.name: p.read_bytes() for p in self.model.iterdir()})
            shutil.rmtree(self.model)

    def __call__(self, data: bytes) -> None:
        choices = Choices(data)
        training = choices.one_in(16)
        files = choices.of(self.runs if training else self.good)
        if choices.one_in(2):
            files = edit_files(files, choices, self.scratch)
        put(files, self.model, choices)
        (self.work / "edited.txt").write_bytes(
            mutate_bytes(MATERIAL[choices.of(list(MATERIAL))].encode(), choices)
        )
        with contextlib.suppress(FileExistsError):
            (self.work / "link").symlink_to(self.secret)
        command = "train" if training else choices.of(COMMANDS)
        argv = [command, *self.arguments(command, choices)]
        with only_within(self.work):
            code, err = self.give(argv)
        assert self.secret.read_text() == "nobody's business"
        last = (err.splitlines() or [""])[-1]
        assert code in (0, 1, 2), f"{argv}: ended with {code}"
        assert code == 0 or last.startswith("minillm: "), f"{argv}: {err}"
        assert len(last) < 1600 and "out of memory" not in last, f"{argv}: {last}"

    def give(self, argv: list[str]) -> tuple[int, str]:
        """(exit code, what was said on stderr)."""
        with (
            tempfile.TemporaryFile("w+", encoding="utf-8", dir=self.work) as out,
            tempfile.TemporaryFile(
                "w+", encoding="utf-8", errors="backslashreplace", dir=self.work
            ) as err,
            contextlib.redirect_stdout(out),
            contextlib.redirect_stderr(err),
        ):
            try:
                code = main(argv)
            except SystemExit as ended:  # --help and --version
                code = ended.code
            err.seek(0)
            return code, err.read()

    def arguments(self, command: str, choices: Choices) -> list[str]:
        """What the command takes, some of it twice or never, and now and then garbage."""
        argv = []
        for option, action in self.options[command].items():
            if option in UNTRIED:
                continue
            wanted = action.required or option in ("--model", "--text", "--prompt")
            if choices.one_in(4) is wanted:
                continue
            value = self.value(option, action, choices)
            argv += value if option == "prompt" else [option, *value]
        if command == "train":
            argv = [*TINY, "--out", str(self.model), "--resume", *argv]
        if choices.one_in(8):
            argv.insert(choices.below(len(argv) + 1), choices.of(GARBAGE))
        return argv

    def value(self, option: str, action: argparse.Action, choices: Choices) -> list[str]:
        if action.nargs == 0:
            return []
        if action.choices is not None:
            return [choices.of([*action.choices, *WORDS[:4]])]
        if action.type is Path or action.metavar == "FILE":
            return [self.path(option, choices)]
        if action.metavar == "TEXT":
            return [choices.of(WORDS)]
        return [choices.of(NUMBERS)]

    def path(self, option: str, choices: Choices) -> str:
        if option == "--model" and not choices.one_in(8):
            return str(self.model)
        if option == "--text" and not choices.one_in(8):
            return str(self.work / "edited.txt")
        names = [
            "new",
            "edited.txt",
            "model",
            "no/where",
            "x" * 300,
            "\udcff",
            "causal.txt",
        ]
        if option == "--out":
            names += ["link", "model/config.json"]
        return str(self.work / choices.of(names))


def _options() -> dict[str, dict[str, argparse.Action]]:
    """Every command's options by their longest names."""
    [commands] = [a for a in parser()._actions if isinstance(a.choices, dict)]
    return {
        name: {
            max(action.option_strings, key=len, default=action.dest): action
            for action in command._actions
        }
        for name, command in commands.choices.items()
    }
