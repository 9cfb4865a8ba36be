#!/usr/bin/env bash
# Usage: steps/run_probe.sh [options] phones|subwords <runs> <line> <labels-dir> <frames-root> <exp-root>
#  e.g.: steps/run_probe.sh --config conf/phone_probe.yaml phones exp/phones/runs.tsv 3 data/labels exp/frames exp/phones
# Trains and scores one probe, for job arrays over the lines of <runs> (steps/run_probes.sh). A line says, separated by
# blanks:
#   state update epoch layer depth labels seed
# The frames of <frames-root>/<state>/<layer> are learnt from with <labels-dir>/train.<labels>; those of
# <labels-dir>/test_utt2spk are labelled and scored against <labels-dir>/test.true.
# Result: <exp-root>/<state>/<layer>/<labels>/seed<seed>/result.json; what was printed is in the folder log beside it.
# Options:
#   --config FILE     kind, sizes and training of the probe, YAML
#   --tags "N=V .."   noted in the result (default: none)
#   --num-threads N   CPU threads (default: 1)
#   --device D        auto, cpu or cuda (default: auto)
#   --nj N            one job: accepted so that every step can be called alike (default: 1)
#   --cmd CMD         job dispatcher (default: utils/run.py)
set -euo pipefail

# shellcheck disable=SC2034 # nj: this is one job
config='' tags='' num_threads=1 device=auto nj=1 cmd=utils/run.py

# shellcheck source=/dev/null
if [[ -f ./path.sh ]]; then . ./path.sh; elif [[ -f utils/setup_env.sh ]]; then . utils/setup_env.sh; fi
# shellcheck source=utils/parse_options.sh
. utils/parse_options.sh

# shellcheck disable=SC2119 # without a message
(($# == 6)) || usage
kind=$1 runs=$2 line=$3 data=$4 frames=$5 exp=$6
[[ $kind =~ ^(phones|subwords)$ ]] || usage "expected phones or subwords, got $kind"
[[ -n $config ]] || usage "--config is needed: the YAML file of the probe"
read -r state update epoch layer depth labels seed < <(sed -n "${line}p" "$runs")
[[ -n ${seed:-} ]] || usage "$runs:$line: expected seven columns"

out=$exp/$state/$layer/$labels/seed$seed
options=(--tag "state=$state" --tag "update=$update" --tag "epoch=$epoch" --tag "layer=$layer" --tag "depth=$depth"
  --tag "labels=$labels")
for tag in $tags; do options+=(--tag "$tag"); done
mkdir -p "$out/log"
$cmd --num-threads "$num_threads" "$out/log/train.log" \
  python -m speechlib.bin.train_probe --config "$config" --seed "$seed" --num-threads "$num_threads" --device "$device" \
  --test "$data/test_utt2spk" "$frames/$state/$layer" "$data/train.$labels" "$out"
$cmd "$out/log/eval.log" \
  python -m speechlib.bin.eval_labels --kind "$kind" --utt2spk "$data/test_utt2spk" --seed "$seed" "${options[@]}" \
  --out "$out/result.json" "$data/test.true" "$out/hypotheses"
