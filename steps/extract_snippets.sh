#!/usr/bin/env bash
# Usage: steps/extract_snippets.sh [options] <data-dir> <model-dir> <out-dir>
#  e.g.: steps/extract_snippets.sh --nj 2 --layers "L5 L7 L8" data/test exp/net/seed1 exp/net/seed1/test
# Computes the activations of a snippet network for every second of every utterance: <out-dir>/<layer>.scp with a
# (snippets, units) matrix for each utterance, and <out-dir>/model.yaml, the configuration of the network. Jobs whose
# network, features and archives are unchanged are not run again.
# Options:
#   --layers "L .."    L5, L7: dense layers after the ReLU; L8: posteriors (default: "L5 L7 L8")
#   --nj N             parallel jobs (default: 1; fewer if there are fewer utterances)
#   --num-threads N    CPU threads a job (default: 1)
#   --use-gpu N        GPUs a job, for the dispatcher (default: 0; a GPU that is there is used all the same)
#   --device D         auto, cpu or cuda (default: auto)
#   --cmd CMD          job dispatcher (default: utils/run.py)
set -euo pipefail

layers='L5 L7 L8' nj=1 num_threads=1 use_gpu=0 device=auto cmd=utils/run.py

# shellcheck source=/dev/null
if [[ -f ./path.sh ]]; then . ./path.sh; elif [[ -f utils/setup_env.sh ]]; then . utils/setup_env.sh; fi
# shellcheck source=utils/parse_options.sh
. utils/parse_options.sh
# shellcheck source=steps/shared/lists.sh
. steps/shared/lists.sh

# shellcheck disable=SC2119 # without a message
[[ $# -eq 3 ]] || usage
data=$1 model=$2 out=$3
for file in "$data/feats.scp" "$model/model.pt" "$model/config.yaml"; do
  [[ -f $file ]] || { echo "${0##*/}: no file $file: make the features and train the network first" >&2; exit 1; }
done
num_utterances=$(wc -l <"$data/feats.scp")
if ((nj > num_utterances)); then nj=$num_utterances; fi
((nj > 0)) || { echo "${0##*/}: $data/feats.scp is empty" >&2; exit 1; }
resources=(--num-threads "$num_threads")
if ((use_gpu > 0)); then resources+=(--gpu "$use_gpu"); fi

mkdir -p "$out/log" "$out/parts"
features=$data/feats.scp
if ((nj > 1)); then # a single job leaves the data directory as it is, so that several networks can share it
  utils/split_data.sh --per-utt "$data" "$nj"
  features=$data/split${nj}utt/JOB/feats.scp
fi
$cmd "${resources[@]}" "JOB=1:$nj" "$out/log/extract.JOB.log" \
  python -m speechlib.bin.extract_snippets --layers "$layers" --device "$device" --num-threads "$num_threads" \
  --stamp "$out/parts/JOB.of$nj.done.json" "scp:$features" "$model" \
  "ark,scp:$out/parts/LAYER.JOB.ark,$out/parts/LAYER.JOB.scp"

for layer in ${layers//,/ }; do
  join_lists "$out/parts/$layer" .scp "$out/.$layer.scp"
  mv "$out/.$layer.scp" "$out/$layer.scp"
done
cp "$model/config.yaml" "$out/model.yaml"
