#!/usr/bin/env bash
# Usage: steps/train_nnet.sh [options] --config <yaml> <data-dir> <exp-dir>
#  e.g.: steps/train_nnet.sh --config conf/xvector_demo.yaml --seed 2 --check-against "data/test data/dev" \
#          data/train exp/xvector/seed2
# Trains a speaker network on random crops: <exp-dir>/{config.yaml,model.pt,train.log,training.json}. What is finished is
# not trained again, what was interrupted goes on where it was and ends with the same weights. With save_every: N in the
# section training, the weights after each N updates stay in model.<update>.pt.
# Options:
#   --config FILE          network, front end, crops, loss and optimiser, YAML
#   --override LIST        SECTION.OPTION=VALUE,... in place of the configuration's, such as training.num_updates=50
#   --seed N               of weights, crops and augmentation (default: 1)
#   --precision P          fp32, bf16 (products in bfloat16) or fp16 (GPU), in place of the configuration's
#   --utterances FILE      to train on, a list or a data directory (default: all of <data-dir>)
#   --check-against "D .." data directories that must share neither speakers nor recordings with training
#   --noise DIR            noises, music and speech for the section augment: a folder of audio or prepared lists
#   --rirs DIR             room responses for it (default: those in --noise)
#   --cache-gb X           memory for the training data, more goes to disk (default: a quarter of the machine's)
#   --num-threads N        CPU threads of each process (default: the cores)
#   --num-gpus N           GPUs of each host, one process for each (default: 0: one process, which takes a GPU that is
#                          there all the same)
#   --num-processes N      processes of each host where there are no GPUs (default: 1)
#                          Several processes: each takes training.batch_size crops an update, batch normalisation sees
#                          those of its own process, and the statistics of the first are kept
#   --num-hosts N          hosts that train together (default: 1): start this step on each of them, with
#   --host-rank N          its number, from 0 on (default: 0), and
#   --master HOST:PORT     the first of them
#   --device D             auto, cpu or cuda (default: auto)
#   --cmd CMD              job dispatcher (default: utils/run.py)
set -euo pipefail

# shellcheck disable=SC2034 # some are read by name, in the loop below
config='' override='' seed=1 precision='' utterances='' check_against='' noise='' rirs='' cache_gb='' num_threads=0 \
  num_gpus=0 num_processes=1 num_hosts=1 host_rank=0 master='' device=auto cmd=utils/run.py

# shellcheck source=/dev/null
if [[ -f ./path.sh ]]; then . ./path.sh; elif [[ -f utils/setup_env.sh ]]; then . utils/setup_env.sh; fi
# shellcheck source=utils/parse_options.sh
. utils/parse_options.sh

# shellcheck disable=SC2119 # without a message
[[ $# -eq 2 ]] || usage
data=$1 exp=$2
[[ -n $config ]] || usage "--config is needed: the YAML file of the network"
((num_hosts == 1)) || [[ -n $master ]] || usage "--num-hosts $num_hosts needs --master HOST:PORT"

processes=$num_processes
if ((num_gpus > 0)); then processes=$num_gpus; fi
if ((num_threads == 0)); then num_threads=$(($(nproc) / processes)); fi
if ((num_threads == 0)); then num_threads=1; fi

options=(--seed "$seed" --device "$device" --num-threads "$num_threads")
for name in config override precision utterances noise rirs cache_gb; do
  if [[ -n ${!name} ]]; then options+=("--${name//_/-}" "${!name}"); fi
done
for dir in $check_against; do options+=(--check-against "$dir"); done
resources=(--num-threads "$((num_threads * processes))")
if ((num_gpus > 0)); then resources+=(--gpu "$num_gpus"); fi

launch=(python) log=$exp/log/train.log
if ((processes > 1 || num_hosts > 1)); then
  launch=(env "OMP_NUM_THREADS=$num_threads" python -m torch.distributed.run --nproc-per-node "$processes")
  if ((num_hosts > 1)); then
    launch+=(--nnodes "$num_hosts" --node-rank "$host_rank" --master-addr "${master%:*}" --master-port "${master##*:}")
    log=$exp/log/train.$host_rank.log
  else
    launch+=(--standalone)
  fi
fi

mkdir -p "$exp/log"
$cmd "${resources[@]}" "$log" "${launch[@]}" -m speechlib.bin.train_nnet "${options[@]}" "$data" "$exp"
