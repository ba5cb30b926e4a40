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

FOR = {  # the places in small.MODELS of models that a command is for
    "generate": (0, 1, 2, 8, 9),
    "fill": (4,),
    "classify": (5, 6),
    "translate": (7,),
    "tokenize": range(len(MODELS)),
    "inspect": range(len(MODELS)),
}
NUMBERS = (
    *("1", "2", "0", "3", "0.5", "1.0", "-1", "", " ", "1_0", "+1", " 3 ", "٣", "0x10"),
    *("nan", "inf", "-inf", "1e400", "1e-300", "1e300", "5e-324", "9" * 5000, "1e", "--"),
    *(str(2**31), str(2**63), str(2**64), "one", "\udcff", "1" * 70),
)
WORDS = (
    *(
        "the cat [MASK] sat",
        "[MASK] it",
        "[MASK]" * 3,
        "word1 word2",
        "a",
        "é \U0001f600",
        " ",
    ),
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
        self.runs = {}
        for name, text in MATERIAL.items():
            (self.work / f"{name}.txt").write_text(text, encoding="utf-8")
            options = ["--objective", name, "--text", str(self.work / f"{name}.txt")]
            code, err = self.give(["train", *TINY, "--out", str(self.model), *options])
            assert code == 0, err
            self.runs[name] = {p.name: p.read_bytes() for p in self.model.iterdir()}
            shutil.rmtree(self.model)

    def __call__(self, data: bytes) -> None:
        choices = Choices(data)
        if choices.one_in(16):
            argv = self.training(choices)
        else:
            command = choices.of(list(FOR))
            kind = choices.of(FOR[command] if choices.below(8) else range(len(MODELS)))
            self.put(self.good[kind], choices)
            argv = [command, *self.arguments(command, choices)]
        if choices.one_in(8):
            argv.insert(choices.below(len(argv) + 1), choices.of(GARBAGE))
        with contextlib.suppress(FileExistsError):
            (self.work / "link").symlink_to(self.secret)
        # a run that goes on reads the text that it began with, wherever that is
        with only_within(self.work, reads="train" not in argv):
            code, err = self.give(argv)
        assert self.secret.read_text() == "nobody's business"
        last = (err.splitlines() or [""])[-1]
        assert code in (0, 1, 2), f"{argv}: ended with {code}"
        if code != 0:
            assert last.startswith("minillm: "), f"{argv}: {err}"
            assert len(last) < 1600 and "out of memory" not in last, f"{argv}: {last}"

    def put(self, files: dict[str, bytes], choices: Choices) -> None:
        """The folder of --model, whole or hostile."""
        if choices.one_in(3):
            put(edit_files(files, choices, self.scratch), self.model, choices)
        else:
            put(files, self.model, Choices(b""))

    def training(self, choices: Choices) -> list[str]:
        """A run that begins with an edited text, or goes on in a folder that was edited."""
        argv = ["train", *self.arguments("train", choices), "--out", str(self.model)]
        objective = choices.of(list(MATERIAL))
        if choices.one_in(2):
            self.put(self.runs[objective], choices)
            return [*argv, "--resume"]
        shutil.rmtree(self.model, ignore_errors=True)
        text = MATERIAL[objective].encode()
        (self.work / "edited.txt").write_bytes(mutate_bytes(text, choices))
        argv += ["--text", str(self.work / "edited.txt"), "--objective", objective]
        return [*argv, *TINY]

    def give(self, argv: list[str]) -> tuple[int, str]:
        """(exit code, what was said on stderr), of a command that starts in its folder."""
        with (
            contextlib.chdir(self.work),  # where --model is looked for unless it is given
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
            wanted = option in ("--model", "--text", "--prompt", "prompt")
            if command == "train" or (command == "tokenize" and option == "--text"):
                wanted = False
            if choices.one_in(12) is wanted:
                continue
            value = self.value(option, action, choices)
            argv += value if option == "prompt" else [option, *value]
        return argv

    def value(self, option: str, action: argparse.Action, choices: Choices) -> list[str]:
        if action.nargs == 0:
            return []
        if action.choices is not None:
            return [choices.of([*action.choices, "", "none"])]
        if action.type is Path or action.metavar == "FILE":
            return [self.path(option, choices)]
        few = 3 if choices.below(4) else None  # most often one of those that are good
        return [choices.of((WORDS if action.metavar == "TEXT" else NUMBERS)[:few])]

    def path(self, option: str, choices: Choices) -> str:
        if option == "--model" and not choices.one_in(8):
            return str(self.model)
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
