import subprocess
import sys

import pytest
from typer.testing import CliRunner

import l0gm as library
from l0gm import runtime
from l0gm.cli import app
from l0gm.errors import DatasetError

COMMANDS = [
    "train",
    "evaluate",
    "predict",
    "explain",
    "monitor",
    "compact",
    "show",
    "data list",
    "data describe",
    "data fetch",
    "data path",
]
PROCESS = "import sys; from l0gm.cli import main; main()"


@pytest.mark.parametrize("command", ["", "data", *COMMANDS])
def test_help_has_an_example(l0gm, command):
    result = l0gm(*command.split(), "--help")
    assert result.exit_code == 0
    _, _, examples = result.stdout.partition("Example")
    assert f"l0gm {command}".strip() in examples


def test_help_imports_nothing_heavy():
    code = (
        "import sys; sys.argv = ['l0gm', 'train', '--help']\n"
        "from l0gm.cli import main\n"
        "try: main()\n"
        "except SystemExit: pass\n"
        "heavy = {'torch', 'sklearn', 'pandas', 'pyarrow', 'numba', 'numpy', 'rich'} & set(sys.modules)\n"
        "assert not heavy, heavy"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_version(l0gm):
    assert l0gm("--version").stdout == f"l0gm {library.__version__}\n"


def test_a_users_error_is_one_line_and_exit_code_2(tmp_path):
    command = [sys.executable, "-c", PROCESS, "show", str(tmp_path / "none.l0gm")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr == f"l0gm: error: {tmp_path / 'none.l0gm'}: no such file; give a .l0gm file\n"


def test_a_message_of_several_lines_becomes_one(monkeypatch, refuses):
    def load(path):
        raise DatasetError("no source:\n  first: away\n  second: away\nGo online.")

    monkeypatch.setattr(runtime, "load", load)
    assert refuses("show", "any") == "l0gm: error: no source: first: away; second: away; Go online."


def test_an_interruption_is_one_line_and_exit_code_130(monkeypatch, l0gm):
    def load(path):
        raise KeyboardInterrupt

    monkeypatch.setattr(runtime, "load", load)
    result = l0gm("show", "any")
    assert (result.exit_code, result.stderr) == (130, "l0gm: interrupted\n")


def test_an_unexpected_error_keeps_its_traceback(monkeypatch):
    def load(path):
        raise ZeroDivisionError

    monkeypatch.setattr(runtime, "load", load)
    assert isinstance(CliRunner().invoke(app, ["show", "any"]).exception, ZeroDivisionError)


@pytest.mark.parametrize("args", [["fly"], ["show"], ["train", "adult", "--seeds", "0"], ["show", "--nonsense"]])
def test_misuse_is_exit_code_2(l0gm, args):
    result = l0gm(*args)
    assert result.exit_code == 2
    assert "Usage: " in result.stderr


def test_serving_commands_need_no_training_package(trained, people):
    code = (
        "import sys\n"
        "for name in ('torch', 'sklearn', 'rich'): sys.modules[name] = None\n"
        "from l0gm.cli import app\n"
        "model, table = sys.argv[1:]\n"
        "for args in (['show', model], ['compact', model], ['predict', model, table],\n"
        "             ['evaluate', model, table]):\n"
        "    assert not app(args, standalone_mode=False), args\n"
    )
    command = [sys.executable, "-c", code, str(trained.model), str(people / "people.parquet")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "p(yes)" in done.stdout


def test_training_without_its_packages_names_the_extra(people):
    code = "import sys; sys.modules['torch'] = None\n" + PROCESS
    command = [sys.executable, "-c", code, "train", str(people / "people.csv"), "--target", "churned"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert done.stderr.startswith("l0gm: error: ")
    assert "pip install 'l0gm[train]'" in done.stderr
    assert "Traceback" not in done.stderr
