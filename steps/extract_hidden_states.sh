#!/usr/bin/env bash
# Usage: steps/extract_hidden_states.sh [options] <data-dir> <states-dir>
#  e.g.: steps/extract_hidden_states.sh --nj 2 --config conf/hubert_base.yaml --weights hubert_base.pt data/all exp/hubert
# Hidden states of all layers of a self-supervised network (HuBERT, wav2vec 2.0, WavLM): <states-dir>/states.scp with a
# matrix by utterance, layers one below the other, sorted; states.yaml says which network, weights and layers. One of
# --weights, --download true and --random-weights must be given. The states do not depend on --nj. Jobs whose network and
# audio are unchanged are not run again.
# Options:
#   --config FILE          architecture and treatment of waveforms, YAML (default: hubert_base)
#   --weights FILE         weights, in torchaudio's, fairseq's or Hugging Face's layout; .pt, .bin or .safetensors
#   --download BOOL        fetch the published weights, once (default: false)
#   --weights-dir DIR      where they are kept (default: torch.hub's folder)
#   --random-weights SEED  an untrained network, for trying things out; states.yaml says so
#   --layers L             numbers and ranges with commas, such as 1-12 or 3,6,9 (default: all)
#   --pooling P            none, or mean: over time, one row a layer (default: none)
#   --compress BOOL        Kaldi's lossy format, a quarter of the size (default: false)
#   --nj N                 parallel jobs (default: 1; fewer if there are fewer utterances)
#   --num-threads N        CPU threads a job (default: 1)
#   --use-gpu N            GPUs a job, for the dispatcher (default: 0; a GPU that is there is used all the same)
#   --device D             auto, cpu or cuda (default: auto)
#   --cmd CMD              job dispatcher (default: utils/run.py)
set -euo pipefail

# shellcheck disable=SC2034 # some are read by name, in the loop below
config='' weights='' download=false weights_dir='' random_weights='' layers='' pooling=none compress=false nj=1 \
  num_threads=1 use_gpu=0 device=auto cmd=utils/run.py

# shellcheck source=/dev/null
if [[ -f ./path.sh ]]; then . ./path.sh; elif [[ -f utils/setup_env.sh ]]; then . utils/setup_env.sh; fi
# shellcheck source=utils/parse_options.sh
. utils/parse_options.sh
# shellcheck source=steps/shared/lists.sh
. steps/shared/lists.sh

# shellcheck disable=SC2119 # without a message
[[ $# -eq 2 ]] || usage
data=${1%/} out=${2%/}
keys=$data/wav.scp
if [[ -f $data/segments ]]; then keys=$data/segments; fi
[[ -s $keys ]] || { echo "${0##*/}: no file $keys, or an empty one: prepare the data directory first" >&2; exit 1; }
num_utterances=$(wc -l <"$keys")
if ((nj > num_utterances)); then nj=$num_utterances; fi
options=(--download "$download" --pooling "$pooling" --compress "$compress" --device "$device")
for name in config weights weights_dir random_weights layers; do
  if [[ -n ${!name} ]]; then options+=("--${name//_/-}" "${!name}"); fi
done
resources=(--num-threads "$num_threads")
if ((use_gpu > 0)); then resources+=(--gpu "$use_gpu"); fi

mkdir -p "$out/log" "$out/parts"
rm -f "$out/states.scp"
parts=$(cd "$out/parts" && pwd)
$cmd "${resources[@]}" "JOB=1:$nj" "$out/log/extract.JOB.log" \
  python -m speechlib.bin.extract_hidden_states "${options[@]}" --num-threads "$num_threads" --job JOB \
  --num-jobs "$nj" --description "$parts/states.JOB.yaml" --stamp "$parts/JOB.of$nj.done.json" "$data" \
  "ark,scp:$parts/states.JOB.ark,$parts/states.JOB.scp"
cp "$parts/states.1.yaml" "$out/states.yaml"
join_lists "$parts/states" .scp "$out/.states.scp"
mv "$out/.states.scp" "$out/states.scp"
random=$(sed -n 's/^random_weights: true$/, RANDOM weights/p' "$out/states.yaml")
echo "${0##*/}: hidden states of $num_utterances utterances in $out$random"
