#!/usr/bin/env bash
# Usage: steps/run_network.sh [options] train|extract|score <runs> <line> <data-root> <exp-root>
#  e.g.: steps/run_network.sh --size demo train exp/demo/runs.tsv 3 data/demo exp/demo
# One part of the work for one network, for job arrays over the lines of <runs> (steps/run_networks.sh). A line says,
# separated by blanks:
#   name seed config features train-set eval-sets layers overrides
# The network <exp-root>/<name>/seed<seed> is trained with conf/<config>_<size>.yaml (changed by the overrides:
# KEY=VALUE,...; "-" for none) on <data-root>/<train-set>_<features>; the embeddings of the training set and of
# <data-root>/<eval-set>_<features> are extracted from each layer; and the trials <data-root>/<eval-set>/trials are
# scored. Several sets or layers are separated by commas. A configuration that augments on the fly takes its sounds from
# <data-root>/noise and <data-root>/rirs.
# Options:
#   --size S             of the configurations: demo, paper, full (default: demo)
#   --lda-dim N          dimensions that LDA keeps before PLDA; 0: no LDA (default: 0)
#   --check-against "D"  further data directories whose speakers must not be in training, beside the sets to score
#   --num-threads N      CPU threads (default: 1)
#   --num-nodes N        nodes that a network is trained on together, and
#   --gpus-per-node N    GPUs of each: as steps/train_nnet.sh takes them (default: 1, 0)
#   --nj N               parallel jobs of an extraction (default: 4; all else is one job)
#   --cmd CMD            job dispatcher (default: utils/run.py)
set -euo pipefail

size=demo lda_dim=0 check_against='' num_threads=1 num_nodes=1 gpus_per_node=0 nj=4 cmd=utils/run.py

# shellcheck source=/dev/null
if [[ -f ./path.sh ]]; then . ./path.sh; elif [[ -f utils/setup_env.sh ]]; then . utils/setup_env.sh; fi
# shellcheck source=utils/parse_options.sh
. utils/parse_options.sh

# shellcheck disable=SC2119 # without a message
(($# == 5)) || usage
part=$1 runs=$2 line=$3 data=$4 exp=$5
read -r name seed config features train_set eval_sets layers overrides < <(sed -n "${line}p" "$runs")
[[ -n ${overrides:-} ]] || usage "$runs:$line: expected eight columns"
if [[ $overrides == - ]]; then overrides=''; fi
model=$exp/$name/seed$seed train=$data/${train_set}_$features
for set in ${eval_sets//,/ }; do check_against+=" $data/$set"; done
sounds=()
for kind in noise rirs; do
  if [[ -d $data/$kind ]]; then sounds+=("--$kind" "$data/$kind"); fi
done

case $part in
  train)
    steps/train_nnet.sh --nj "$nj" --cmd "$cmd" --config "conf/${config}_$size.yaml" --override "$overrides" \
      --seed "$seed" --num-threads "$num_threads" --num-nodes "$num_nodes" --gpus-per-node "$gpus_per_node" \
      --check-against "$check_against" "${sounds[@]}" "$train" "$model"
    ;;
  extract)
    for layer in ${layers//,/ }; do
      for set in "$train_set" ${eval_sets//,/ }; do
        steps/extract_embeddings.sh --nj "$nj" --cmd "$cmd" --num-threads "$num_threads" --layer "$layer" \
          "$model" "$data/${set}_$features" "$model/$layer/$set"
      done
    done
    ;;
  score)
    [[ -f $model/training.json ]] || { echo "${0##*/}: no file $model/training.json: train it first" >&2; exit 1; }
    cpu_seconds=$(sed -n 's/.*"cpu_seconds": *\([0-9]*\).*/\1/p' "$model/training.json")
    for layer in ${layers//,/ }; do
      for set in ${eval_sets//,/ }; do
        steps/verify_speakers.sh --nj "$nj" --cmd "$cmd" --lda-dim "$lda_dim" --seed "$seed" \
          --tags "system=$name layer=$layer set=$set train_cpu_seconds=$cpu_seconds" \
          "$train" "$model/$layer/$train_set" "$data/$set" "$model/$layer/$set" "$model/$layer/scores_$set"
      done
    done
    ;;
  *) usage "expected train, extract or score, got $part" ;;
esac
