"""Tests of speechlib.stages.code_closure: what scripts and modules lead to, in a small tree and in this one."""

from speechlib.stages.code_closure import CodeClosure

TREE = {
    "egs/a/local/own.sh": "steps/one.sh x\n# steps/commented.sh\nkind=wide\n",
    "egs/a/conf/wide.yaml": "",
    "egs/a/conf/other.yaml": "",
    "egs/a/conf/net_big.yaml": "",
    "steps/one.sh": '. steps/shared/part.sh\nconf=conf/$kind.yaml\nx "conf/net_$size.yaml"\nutils/run.py a.log b\n',
    "steps/shared/part.sh": "python -m speechlib.bin.plot_$what\n",
    "steps/commented.sh": "",
    "utils/run.py": "import speechlib.maths.never\n",
    "speechlib/__init__.py": "",
    "speechlib/bin/__init__.py": "",
    "speechlib/bin/plot_a.py": "def f():\n    from speechlib.maths import core\n",
    "speechlib/bin/train.py": "import speechlib.maths.never\n",
    "speechlib/maths/__init__.py": "import importlib\nimport pkgutil\n"
    "for found in pkgutil.iter_modules(__path__):\n    importlib.import_module(f'{__name__}.{found.name}')\n",
    "speechlib/maths/core.py": "from . import deep\nimport numpy\n",
    "speechlib/maths/deep.py": "",
    "speechlib/jobs/__init__.py": "",
    "local/tool.py": "import helper\nimport importlib\nimportlib.import_module(f'kinds.{1}')\n",
    "local/helper.py": "",
    "local/kinds/__init__.py": "",
    "local/kinds/first.py": "this is no Python\n",
    "local/unused.py": "",
}


def test_everything_that_is_run_and_nothing_else(tmp_path):
    for name, text in TREE.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    recipe = tmp_path / "egs/a"
    for name in ("steps", "utils"):
        (recipe / name).symlink_to(f"../../{name}")
    closure = CodeClosure(str(recipe), str(tmp_path), {})
    text = 'local/own.sh "$data"\n../../local/tool.py\nsteps/nowhere.sh\n'
    expected = {
        "local/own.sh", "conf/wide.yaml", "conf/net_big.yaml", "steps/one.sh", "steps/shared/part.sh",
        "speechlib/__init__.py", "speechlib/bin/__init__.py", "speechlib/bin/plot_a.py", "speechlib/maths/__init__.py",
        "speechlib/maths/core.py", "speechlib/maths/deep.py", "local/tool.py", "local/helper.py",
        "local/kinds/__init__.py", "local/kinds/first.py",
    }  # fmt: skip
    assert closure.files(text).keys() - {"speechlib/bin/__init__.py"} == expected - {"speechlib/bin/__init__.py"}
    assert closure.is_changed
    # What was found is taken from there while the files are as they were, and only then.
    again = CodeClosure(str(recipe), str(tmp_path), closure.known)
    assert again.files(text) == closure.files(text) and not again.is_changed
    (tmp_path / "local/helper.py").write_text("import unused\n")
    again = CodeClosure(str(recipe), str(tmp_path), closure.known)
    assert "local/unused.py" in again.files(text) and again.is_changed


def test_a_stage_of_ours(root):
    files = CodeClosure(str(root / "egs/timit"), str(root), {}).files("steps/train_snippet_cnn.sh --config conf/a.yaml")
    assert {"steps/train_snippet_cnn.sh", "utils/parse_options.sh", "speechlib/bin/train_snippet_cnn.py",
            "speechlib/nnet/training.py"} <= files.keys()  # fmt: skip
    assert not any(name.startswith(("speechlib/jobs/", "utils/run.py", "utils/stages.sh")) for name in files)
