#!/usr/bin/env bash
# Usage: steps/train_nnet.sh [options] --config <yaml> <data-dir> <exp-dir>
#  e.g.: steps/train_nnet.sh --config conf/xvector_demo.yaml --seed 2 --check-against "data/test data/dev" \
#          data/train exp/xvector/seed2
# Trains a speaker network on random crops: <exp-dir>/{config.yaml,model.pt,train.log,training.json}. What is finished is
# not trained again, what was interrupted goes on where it was and ends with the same weights. SIGUSR1, a scheduler's
# warning before a time limit, and SIGTERM end it after an update, with a checkpoint. With save_every: N in the
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
#   --gpus-per-node N      GPUs of each node, one process for each (default: 0: one process, which takes a GPU that is
#                          there all the same)
#   --num-processes N      processes of each node where there are no GPUs (default: 1)
#                          Several processes: each takes training.batch_size crops an update, so that two of 32 train
#                          as one of 64, but for the order of additions, dropout, and batch normalisation, which sees
#                          the crops of its own process (the statistics of the first are kept); with
#                          --override training.sync_batch_norm=true it sees all
#   --num-nodes N          nodes that train together (default: 1), each with as many processes; --cmd has to know this
#                          option (utils/slurm.py). Without a scheduler: start this step on each of the nodes, with
#   --node-rank N          its number, from 0 on, and
#   --master HOST:PORT     the first of them
#   --device D             auto, cpu or cuda (default: auto)
#   --nj N                 one job: accepted so that every step can be called alike (default: 1)
#   --cmd CMD              job dispatcher (default: utils/run.py)
set -euo pipefail

# shellcheck disable=SC2034 # some are read by name, in the loop below
config='' override='' seed=1 precision='' utterances='' check_against='' noise='' rirs='' cache_gb='' num_threads=0 \
  gpus_per_node=0 num_processes=1 num_nodes=1 node_rank='' master='' device=auto nj=1 cmd=utils/run.py

# shellcheck source=/dev/null
if [[ -f ./path.sh ]]; then . ./path.sh; elif [[ -f utils/setup_env.sh ]]; then . utils/setup_env.sh; fi
# shellcheck source=utils/parse_options.sh
. utils/parse_options.sh

# shellcheck disable=SC2119 # without a message
[[ $# -eq 2 ]] || usage
data=$1 exp=$2
[[ -n $config ]] || usage "--config is needed: the YAML file of the network"
[[ -z $node_rank && -z $master ]] || [[ -n $node_rank && -n $master && $num_nodes -gt 1 ]] ||
  usage "--node-rank N and --master HOST:PORT go together, and with --num-nodes"

processes=$num_processes
if ((gpus_per_node > 0)); then processes=$gpus_per_node; fi
if ((num_threads == 0)); then num_threads=$(($(nproc) / processes)); fi
if ((num_threads == 0)); then num_threads=1; fi

options=(--seed "$seed" --device "$device" --num-threads "$num_threads")
for name in config override precision utterances noise rirs cache_gb; do
  if [[ -n ${!name} ]]; then options+=("--${name//_/-}" "${!name}"); fi
done
for dir in $check_against; do options+=(--check-against "$dir"); done
resources=(--num-threads "$((num_threads * processes))")
if ((num_nodes > 1)) && [[ -z $master ]]; then
  resources+=(--num-nodes "$num_nodes")
  if ((gpus_per_node > 0)); then resources+=(--gpus-per-node "$gpus_per_node"); fi
elif ((gpus_per_node > 0)); then
  resources+=(--gpu "$gpus_per_node")
fi

launch=(python -m)
if ((processes > 1 || num_nodes > 1)); then
  launch=(env "OMP_NUM_THREADS=$num_threads" python -m speechlib.bin.launch_training
    --processes "$processes" --num-nodes "$num_nodes")
  if [[ -n $master ]]; then launch+=(--node-rank "$node_rank" --master "$master"); fi
  launch+=(--)
fi

mkdir -p "$exp/log"
$cmd "${resources[@]}" "$exp/log/train${node_rank:+.$node_rank}.log" \
  "${launch[@]}" speechlib.bin.train_nnet "${options[@]}" "$data" "$exp"
