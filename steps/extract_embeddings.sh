#!/usr/bin/env bash
# Usage: steps/extract_embeddings.sh --layer NAME [options] <exp-dir> <data-dir> <out-dir>
#  e.g.: steps/extract_embeddings.sh --nj 2 --layer tdnn6 exp/xvector data/test exp/xvector/test
# Computes an embedding of every utterance with a trained network: <out-dir>/embedding.scp, sorted, with a vector each.
# Reads <data-dir>/feats.scp, and vad.scp if the front end in <exp-dir>/config.yaml selects voiced frames. The values
# do not depend on --nj. Jobs whose network, features and archives are unchanged are not run again.
# Options:
#   --layer NAME       shon_cnn: fc1, fc2; xvector: tdnn6, tdnn7; vgg_m: fc6, fc7
#   --model FILE       weights of another time of the training, such as <exp-dir>/model.1000.pt (default:
#                      <exp-dir>/model.pt)
#   --nj N             parallel jobs (default: 1; fewer if there are fewer utterances)
#   --num-threads N    CPU threads a job (default: 1)
#   --chunk-frames N   longer utterances are computed in pieces, with the same result (default: 4000)
#   --batch-frames N   frames computed at a time; more for a GPU (default: 4000)
#   --min-frames N     shorter utterances are lengthened by their edge frames (default: 25)
#   --max-bad N        tolerate so many utterances without a voiced frame, which get no embedding (default: all but one)
#   --use-gpu N        GPUs a job, for the dispatcher (default: 0; a GPU that is there is used all the same)
#   --device D         auto, cpu or cuda (default: auto)
#   --cmd CMD          job dispatcher (default: utils/run.py)
set -euo pipefail

layer='' model='' nj=1 num_threads=1 chunk_frames=4000 batch_frames=4000 min_frames=25 max_bad='' use_gpu=0 device=auto \
  cmd=utils/run.py

# shellcheck source=/dev/null
if [[ -f ./path.sh ]]; then . ./path.sh; elif [[ -f utils/setup_env.sh ]]; then . utils/setup_env.sh; fi
# shellcheck source=utils/parse_options.sh
. utils/parse_options.sh
# shellcheck source=steps/shared/embedding_jobs.sh
. steps/shared/embedding_jobs.sh

# shellcheck disable=SC2119 # without a message
[[ $# -eq 3 ]] || usage
[[ -n $layer ]] || usage "--layer NAME is needed: the layer of the network that gives the embeddings"
exp=${1%/} data=${2%/} out=${3%/}
weights=${model:-$exp/model.pt}
for file in "$data/feats.scp" "$weights" "$exp/config.yaml"; do
  [[ -f $file ]] || { echo "${0##*/}: no file $file: make the features and train the network first" >&2; exit 1; }
done
num_utterances=$(wc -l <"$data/feats.scp")
if ((nj > num_utterances)); then nj=$num_utterances; fi
((nj > 0)) || { echo "${0##*/}: $data/feats.scp is empty" >&2; exit 1; }
resources=(--num-threads "$num_threads")
if ((use_gpu > 0)); then resources+=(--gpu "$use_gpu"); fi

begin_embeddings "$out"
$cmd "${resources[@]}" "JOB=1:$nj" "$out/log/extract.JOB.log" \
  python -m speechlib.bin.extract_embeddings --layer "$layer" --model "$weights" --chunk-frames "$chunk_frames" \
  --batch-frames "$batch_frames" --min-frames "$min_frames" --device "$device" --num-threads "$num_threads" \
  --job JOB --num-jobs "$nj" --stamp "$out/parts/JOB.of$nj.done.json" "$exp" "$data" \
  "ark,scp:$parts/embedding.JOB.ark,$parts/embedding.JOB.scp"

join_embeddings "$data" "$out" "an embedding" "$out/log/extract.*.log"
echo "${0##*/}: layer $layer of $exp for $num_embeddings utterances in $out/embedding.scp"
