"""The command line as a whole: help, exit codes, and one line for every fault."""

import os
import re
import signal

import pytest

from minillm.cli.main import main

COMMANDS = (
    *("tour", "train", "generate", "fill", "classify", "translate"),
    *("tokenize", "inspect"),
)


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_explains_itself_and_takes_a_seed(name, capsys):
    with pytest.raises(SystemExit) as ended:
        main([name, "--help"])
    assert ended.value.code == 0
    said = capsys.readouterr()
    assert said.out.startswith(f"usage: python -m minillm {name}")
    assert "--seed N" in said.out
    assert said.err == ""


def test_help_names_every_command_and_version_the_version(process):
    out, err = process("--help").communicate()
    assert all(re.search(rf"^    {name}\s", out, re.MULTILINE) for name in COMMANDS)
    assert err == ""
    assert process("--version").communicate()[0].startswith("minillm ")


USAGE = [
    (["frob"], ["'frob'", "tour"]),
    (["--nonsense"], ["--nonsense"]),
    (["--steps", "0"], ["--steps", "'0'", "at least 1"]),
    (["--steps", "many"], ["--steps", "'many'", "whole number"]),
    (["--seed", "-1"], ["--seed", "'-1'", "at least 0"]),
    (["--seed", str(2**63)], ["--seed", str(2**63), f"at most {2**63 - 1}"]),
    (["train", "--text", "t.txt"], ["--out"]),
    (["train", "--out", "new"], ["--text", "missing"]),
    (["train", "--out", "o", "--dropout", "1"], ["--dropout", "'1'", "below 1"]),
    (["train", "--out", "o", "--dropout", "-0.1"], ["--dropout", "'-0.1'", "from 0"]),
    (["train", "--out", "o", "--vocab-size", "255"], ["--vocab-size", "'255'", "256"]),
    (["train", "--out", "o", "--lr", "0"], ["--lr", "'0'", "above 0"]),
    (["train", "--out", "o", "--lr", "inf"], ["--lr", "'inf'", "above 0"]),
    (["train", "--out", "o", "--config", "huge"], ["--config", "'huge'", "tiny"]),
    (["train", "--out", "o", "--schedule", "up"], ["--schedule", "'up'", "noam"]),
    (["train", "--out", "o", "--batch", "9" * 12], ["--batch", "at most"]),
    (["train", "--out", "o", "--architecture", "cnn"], ["--architecture", "encoder"]),
    (["train", "--out", "o", "--objective", "guess"], ["--objective", "causal", "tag"]),
    (["train", "--out", "o", "--task", "chess"], ["--task", "'chess'", "sentiment"]),
    (["train", "--out", "o", "--positions", "up"], ["--positions", "'up'", "rotary"]),
    (["fill"], ["--text"]),
    (["fill", "--text", ""], ["--text", "empty"]),
    (["classify"], ["--text"]),
    (["translate"], ["--text"]),
    (["translate", "--text", "x", "--beam", "0"], ["--beam", "'0'", "at least 1"]),
    (["translate", "--text", "x", "--model", "nowhere"], ["--model nowhere", "tour"]),
    (["generate"], ["--prompt"]),
    (["generate", "--prompt", ""], ["--prompt", "empty", "at least one"]),
    (["generate", "--prompt", "x", "--temperature", "-1"], ["--temperature", "'-1'"]),
    (["generate", "--prompt", "x", "--temperature", "nan"], ["--temperature", "'nan'"]),
    (["generate", "--prompt", "x", "--top-p", "0"], ["--top-p", "'0'", "at most 1"]),
    (["generate", "--prompt", "x", "--top-p", "1.1"], ["--top-p", "'1.1'", "above 0"]),
    (["generate", "--prompt", "x", "--top-k", "0"], ["--top-k", "'0'", "at least 1"]),
    (["generate", "--prompt", "x", "--min-p", "2"], ["--min-p", "'2'", "from 0 to 1"]),
    (["generate", "--prompt", "a\udcff"], ["--prompt", "character 1", r"\udcff"]),
    (["generate", "--prompt", "x", "--model", "nowhere"], ["--model nowhere", "tour"]),
    (["tokenize"], ["TEXT", "--text"]),
    (["tokenize", "x", "--text", "y"], ["--text", "TEXT"]),
    (["inspect", "--layer", "-1"], ["--layer", "'-1'", "at least 0"]),
]


@pytest.mark.parametrize(("argv", "words"), USAGE, ids=lambda x: " ".join(x)[:40])
def test_what_cannot_be_asked_for_is_told_in_a_line(
    argv, words, command, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    if argv[0] in ("generate", "inspect") and "--model" not in argv:
        argv = [*argv, "--model", tmp_path]
    command(*argv).refuses(2, *words)
    assert list(tmp_path.iterdir()) == []


def test_a_fault_is_cut_where_nobody_would_read_on(command):
    said = command("generate", "--prompt", "x", "--" + "y" * 100_000)
    said.refuses(2, "unrecognized", "...")
    assert len(said.err) < 2000


def test_a_fault_of_the_real_command_is_a_line_and_a_code(process, model_folder):
    model = ("--model", model_folder)
    bad = process("generate", *model, b"--prompt", b"caf\xe9")
    missing = process("generate", "--prompt", "x")
    for one, word in ((bad, "--prompt"), (missing, "python -m minillm")):
        out, err = one.communicate()
        assert (one.returncode, out, err.count("\n")) == (2, "", 1)
        assert err.startswith("minillm: ")
        assert word in err


def test_a_reader_that_has_seen_enough_ends_the_command_quietly(process, model_folder):
    """As `| head -1` does; and what it saw was streamed, while the model wrote on."""
    ask = ("generate", "--model", model_folder, "--prompt", "the", "--window", 32)
    endless = process(*ask, "--max-new-tokens", 10**8)
    assert endless.stdout.read(40).startswith("the")
    assert endless.poll() is None
    endless.stdout.close()
    assert endless.stderr.read() == ""
    assert endless.wait() == 1


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="there is no /dev/full here")
@pytest.mark.parametrize(
    "ask", [("inspect", "--model"), ("train", "--resume", "--out")], ids=lambda x: x[0]
)
def test_a_full_disk_behind_the_output_is_told_in_a_line(ask, process, model_folder):
    """While it speaks, or when what it said at the end is written."""
    with open("/dev/full", "w") as full:
        one = process(*ask, model_folder, stdout=full)
        err = one.communicate()[1]
    assert one.returncode == 1
    fault = "minillm: cannot read or write the output: No space left on device"
    assert err.splitlines()[-1] == fault


def test_a_terminal_that_knows_only_ascii_gets_question_marks(process, model_folder):
    ask = ("inspect", "--model", model_folder, "--prompt", "the cat")
    one = process(*ask, environment={"PYTHONIOENCODING": "ascii"})
    out, err = one.communicate()
    assert (one.returncode, err) == (0, "")
    assert "??" in out


def test_ctrl_c_is_exit_code_130(process, model_folder):
    one = process(
        "generate", "--model", model_folder, "--prompt", "a", "--max-new-tokens", 10**8
    )
    one.stdout.read(40)
    one.send_signal(signal.SIGINT)
    err = one.communicate()[1]
    assert one.returncode == 130
    assert err.splitlines()[-1] == "minillm: interrupted"


def test_too_little_memory_is_told_in_a_line(command, monkeypatch, model_folder):
    def load(path):
        raise MemoryError("Unable to allocate 4.00 TiB")

    monkeypatch.setattr("minillm.cli.kinds.load", load)
    command("inspect", "--model", model_folder).refuses(1, "out of memory", "4.00 TiB")
