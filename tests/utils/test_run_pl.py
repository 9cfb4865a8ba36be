"""utils/run.pl, ours under Kaldi's name, beside Kaldi's own: the same files and the same exit statuses."""

import subprocess

import pytest

from tests.cluster import kaldi_dispatchers

# Calls in the ways of Kaldi's recipes, each with what bash makes of its words.
CALLS = r"""
$cmd JOB=1:2 $out/log/a.JOB.log sort in.JOB.txt \| awk '{print $1, JOB}' \> $out/a.JOB
$cmd JOB=1:2 $out/log/b.JOB.log cat in.JOB.txt \| sed -e 's/ /_/g' \| gzip -c \> $out/b.JOB.gz
$cmd $out/log/c.log echo "ark:cat in.1.txt | sort |" 'scp,p:x' --opt="a b" '' \> $out/c
$cmd JOB=1:2 $out/log/d.JOB.log echo '--seed=$[JOB*7]' \> $out/d.JOB
$cmd $out/log/e.log cat \< in.1.txt \| sed 's:\<UNK\>::g' \> $out/e
$cmd $out/log/f.log awk '{n[$1]++} END{for(w in n) print w, n[w], "times"}' in.1.txt \| sort \> $out/f
$cmd $out/log/g.log echo one '&&' echo two '>' $out/g '||' exit 1
$cmd JOB=1 $out/log/h.JOB.log cat 'in.*.txt' \> $out/h.JOB
$cmd $out/log/i.log set -o pipefail ';' false \| cat
$cmd $out/log/j.log bash -c 'exit 3'
$cmd JOB=1:3 $out/log/k.JOB.log test JOB -lt 3
$cmd --max-jobs-run 1 --mem 1G --num-threads 2 JOB=1:2 $out/log/l.JOB.log echo "it's JOB" \> $out/l.JOB
$cmd -q all.q -l mem_free=1G JOB=1:2 $out/log/m.JOB.log echo 'w|x' 'a;b' 'c>d' \> $out/m.JOB
$cmd $out/log/n.log '(' echo a ';' echo '$HOME' "\$HOME" '~' "ü ü" '"x" y' ')' \> $out/n
$cmd $out/log/o.log echo err \>\&2 '2>' $out/o
"""


@pytest.fixture
def texts(tmp_path):
    for number in (1, 2):
        (tmp_path / f"in.{number}.txt").write_text(f'b {number}\na <UNK> 1\nc "x"\n')
    return tmp_path


def outcome(folder, cmd):
    """What a dispatcher makes of the calls: files by name, and exit statuses."""
    script = CALLS.strip().replace("\n", "; echo $?\n") + "; echo $?\n"
    out, environment = folder / "out", {"PATH": "/usr/bin:/bin", "HOME": "/home", "cmd": str(cmd), "out": "out"}
    (out / "log").mkdir(parents=True)
    done = subprocess.run(["bash", "-c", script], cwd=folder, env=environment, capture_output=True, text=True)
    files = {path.name: path.read_bytes() for path in out.iterdir() if path.is_file()}
    out.rename(folder / cmd.parent.name)
    return files, done.stdout


@kaldi_dispatchers.needs_kaldi
def test_the_same_as_kaldi_s(root, texts):
    ours, theirs = outcome(texts, root / "utils/run.pl"), outcome(texts, kaldi_dispatchers.find("run.pl"))
    assert len(theirs[0]) > 15 and len(theirs[1].split()) == CALLS.count("$cmd")
    assert ours == theirs


def test_words_that_kaldi_s_recipes_let_bash_expand(root, texts):
    files, statuses = outcome(texts, root / "utils/run.pl")
    assert files["e"] == b'b 1\na  1\nc "x"\n'  # utils/run.py would ask sed for the word UNK
    assert files["h.1"].count(b"\n") == 6 and files["c"] == b"ark:cat in.1.txt | sort | scp,p:x --opt=a b \n"
    assert files["n"].startswith('a\n/home /home /home ü ü "x" y'.encode())
    assert statuses.split()[5:11] == ["0", "0", "0", "1", "1", "1"]
