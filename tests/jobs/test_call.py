"""Tests of speechlib.jobs.call: Kaldi's run.pl calling convention."""

import pytest

from speechlib.jobs.call import CallError, Task, parse_call, refuse_misspelt


def test_an_array_with_options_on_both_sides():
    call = parse_call("--mem 4G JOB=2:5 --num-threads 2 --gpu 1 --time 1:00:00 log/x.JOB.log cmd JOB aJOBb".split())
    assert (call.name, call.first, call.last, call.num_tasks) == ("JOB", 2, 5, 4)
    assert (call.mem, call.num_threads, call.gpu, call.time) == (4 << 30, 2, 1, 3600)
    assert call.task(3) == Task(3, ("cmd", "3", "a3b"), "log/x.3.log")


def test_a_single_job_keeps_the_word_job():
    call = parse_call(["x.log", "echo", "JOB"])
    assert call.num_tasks == 1 and call.num_threads is None
    assert call.task(1) == Task(None, ("echo", "JOB"), "x.log")


def test_any_word_names_an_array_and_one_number_is_a_range():
    call = parse_call(["SEED=7", "exp/SEED/log", "train", "--seed=SEED"])
    assert call.task(7) == Task(7, ("train", "--seed=7"), "exp/7/log")


def test_options_of_schedulers_are_passed_over():
    words = "-V -l mem_free=4G,ram_free=4G -pe smp 5 -q all.q -sync y --config conf/q.conf --whatever=3 JOB=1:2"
    call = parse_call([*words.split(), "x.JOB.log", "true"])
    assert call.arguments == ("true",) and call.num_tasks == 2


def test_the_smallest_limit_on_jobs_holds_and_so_does_the_last_of_other_options():
    call = parse_call("--max-jobs-run 8 -tc 3 --max-jobs-run=5 --num-threads 2 --num-threads=4 x.log true".split())
    assert (call.max_jobs_run, call.num_threads) == (3, 4)


@pytest.mark.parametrize("text, size", [("0", 0), ("500M", 500 << 20), ("1.5g", 3 << 29), ("2GiB", 2 << 30)])
def test_memory(text, size):
    assert parse_call(["--mem", text, "x.log", "true"]).mem == size


@pytest.mark.parametrize(
    "words, message",
    [
        ("", "a log file and a command"),
        ("x.log", "expected a command"),
        ("JOB=1: x.JOB.log true", "JOB=1:: expected a range such as JOB=1:4"),
        ("JOB=:4 x.JOB.log true", "expected a range"),
        ("JOB=1-4 x.JOB.log true", "expected a range"),
        ("JOB=0:4 x.JOB.log true", "starts at 1"),
        ("JOB=4:3 x.JOB.log true", "nothing to run"),
        ("JOB=1:4 x.log true", "put JOB into the log's name"),
        ("--num-threads 0 x.log true", "--num-threads 0: expected a whole number of at least 1"),
        ("--max-jobs-run x x.log true", "--max-jobs-run x: expected a whole number"),
        ("--num-threads 2 --num-threads x x.log true", "--num-threads x"),
        ("--mem lots x.log true", "such as 500M or 4G"),
        ("--time soon x.log true", "such as 1:00:00"),
        ("--num-threads", "--num-threads needs a value"),
        ("--time 0 x.log true", "expected more than nothing"),
        ("--requeue 60 x.log true", "seconds before --time"),
        ("--requeue 60 --time 1 x.log true", "seconds before --time"),
    ],
)
def test_a_wrong_call_says_what_was_expected(words, message):
    with pytest.raises(CallError) as error:
        parse_call(words.split())
    assert message in str(error.value)


@pytest.mark.parametrize(
    "words, meant", [("--max-jobs-rnu 3 x.log true", "--max-jobs-run"), ("--num_threads 3 x.log true", "--num-threads")]
)
def test_a_misspelt_option_is_refused_where_nobody_knows_others(words, meant):
    call = parse_call(words.split())
    with pytest.raises(CallError, match=f"did you mean {meant}[?]"):
        refuse_misspelt(call)
    refuse_misspelt(parse_call("--qname all.q x.log true".split()))


@pytest.mark.parametrize(
    "text, seconds",
    [("90", 5400), ("1:30", 90), ("2:00:05", 7205), ("4:0:0", 14400), ("1-2", 93600), ("1-02:03:04", 93784)],
)
def test_time_is_read_as_sbatch_reads_it(text, seconds):
    assert parse_call(["--time", text, "x.log", "true"]).time == seconds


def test_options_for_clusters():
    words = "--retries 2 --num-nodes 2 --gpus-per-node 4 -p fast -pe smp 5 --qname all.q --config c.conf x.log true"
    call = parse_call(words.split())
    assert (call.retries, call.num_nodes, call.gpu, call.config) == (2, 2, 4, "c.conf")
    assert call.scheduler_words == ("-p", "fast", "-pe", "smp", "5") and call.site_options == (("qname", "all.q"),)
