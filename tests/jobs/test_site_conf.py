"""Tests of speechlib.jobs.site_conf: Kaldi's queue.conf and slurm.conf."""

import pytest

from speechlib.jobs.call import CallError
from speechlib.jobs.site_conf import parse_site_conf, read_site_conf

# As in Kaldi's documentation of queue.pl.
KALDI = """\
# Default configuration
command qsub -v PATH -cwd -S /bin/bash -j y -l arch=*64*
option mem=* -l mem_free=$0,ram_free=$0
option mem=0          # Do not add anything to qsub_opts
option num_threads=* -pe smp $0
option num_threads=1  # Do not add anything to qsub_opts
option max_jobs_run=* -tc $0
default gpu=0
option gpu=0 -q all.q
option gpu=* -l gpu=$0 -q g.q
"""


def test_kaldi_s_own_file():
    conf = parse_site_conf(KALDI, "conf/queue.conf")
    head = "qsub -v PATH -cwd -S /bin/bash -j y -l arch=*64*".split()
    assert conf.words({}) == [*head, "-q", "all.q"]
    assert conf.words({"mem": "4G", "num_threads": "1", "gpu": "2"}) == [
        *head, "-l", "gpu=2", "-q", "g.q", "-l", "mem_free=4G,ram_free=4G"
    ]  # fmt: skip
    assert conf.words({"mem": "0", "num_threads": "6"}) == [*head, "-q", "all.q", "-pe", "smp", "6"]


def test_what_a_file_does_not_name_is_as_usual():
    usual = parse_site_conf("command sbatch\noption mem=* --mem $0\noption time=* --time $0\n", "usual")
    conf = parse_site_conf("option mem=* --mem-per-cpu $0\noption what=loud -x 'c d'\n", "site", usual)
    assert conf.words({"mem": "4G", "time": "1:00"}) == ["sbatch", "--mem-per-cpu", "4G", "--time", "1:00"]
    assert conf.words({"what": "loud"}) == ["sbatch", "-x", "c d"]


@pytest.mark.parametrize(
    "text, message",
    [
        ("command sbatch\nopton mem=* --mem $0\n", "site:2: opton mem=.*expected `command"),
        ("option mem --mem $0\n", "site:1: .*expected `command"),
        ("command sbatch 'x\n", "site:1: .*No closing quotation"),
    ],
)
def test_a_wrong_line_is_named(text, message):
    with pytest.raises(CallError, match=message):
        parse_site_conf(text, "site")


def test_an_unknown_option_or_value_is_refused():
    conf = parse_site_conf("command sbatch\noption speed=fast -p a\noption speed=slow -p b\n", "site")
    with pytest.raises(CallError, match="--speed furious: expected one of fast, slow"):
        conf.words({"speed": "furious"})
    with pytest.raises(CallError, match="unknown option --sped; did you mean --speed[?]"):
        conf.words({"sped": "fast"})
    with pytest.raises(CallError, match="unknown option --max-jobs-rnu; did you mean --max-jobs-run[?]"):
        conf.words({"max_jobs_rnu": "3"})


def test_files(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert read_site_conf(None, "conf/slurm.conf", "command sbatch\n").words({}) == ["sbatch"]
    (tmp_path / "x.conf").write_text("command sbatch -A me\n")
    assert read_site_conf("x.conf", "conf/slurm.conf", "command sbatch\n").words({}) == ["sbatch", "-A", "me"]
    with pytest.raises(CallError, match="--config y.conf: No such file"):
        read_site_conf("y.conf", "conf/slurm.conf", "command sbatch\n")
    (tmp_path / "x.conf").write_bytes(b"command \xff\n")
    with pytest.raises(CallError, match="x.conf: "):
        read_site_conf("x.conf", "conf/slurm.conf", "command sbatch\n")
