#!/usr/bin/env bash
# Usage: steps/compute_vad.sh [options] <data-dir> [<log-dir> [<vad-dir>]]
#  e.g.: steps/compute_vad.sh --nj 8 --config conf/vad.conf data/train
# Decides frame by frame whether there is speech, and writes <data-dir>/vad.scp. <log-dir> is <data-dir>/log and <vad-dir>
# <data-dir>/data if not given.
# Options:
#   --type TYPE     energy: reads <data-dir>/feats.scp, whose column 0 is the log-energy (Kaldi's); harmonicity: reads the
#                   audio and looks for voiced sounds (Jeon et al. 2009); silero: reads the audio, a neural network of the
#                   optional package silero-vad. The latter two give as many decisions as <data-dir>/utt2num_frames has
#                   frames, where there is one (default: energy)
#   --config FILE   options of the decision, Kaldi's conf syntax or YAML (default: conf/vad.conf, of other types
#                   conf/vad_TYPE.conf, if there is one, else Kaldi's own or the detector's defaults)
#   --nj N          parallel jobs (default: 4; fewer if there are fewer utterances)
#   --cmd CMD       job dispatcher (default: utils/run.py)
set -euo pipefail

type=energy config='' nj=4 cmd=utils/run.py

# shellcheck source=/dev/null
if [[ -f ./path.sh ]]; then . ./path.sh; elif [[ -f utils/setup_env.sh ]]; then . utils/setup_env.sh; fi
# shellcheck source=utils/parse_options.sh
. utils/parse_options.sh
# shellcheck source=steps/shared/lists.sh
. steps/shared/lists.sh

# shellcheck disable=SC2119 # without a message
(($# >= 1 && $# <= 3)) || usage
data=$1 log_dir=${2:-$1/log} vad_dir=${3:-$1/data}
case $type in
  energy)
    list=$data/feats.scp own_config=conf/vad.conf
    [[ -s $list ]] || usage "$list is not there or empty: run steps/make_feats.sh before"
    ;;
  harmonicity | silero)
    list=$data/utt2spk own_config=conf/vad_$type.conf
    [[ -s $data/wav.scp && -s $list ]] || usage "$data/wav.scp or $list is not there or empty"
    ;;
  *) usage "--type $type: expected energy, harmonicity or silero" ;;
esac
if [[ -z $config && -f $own_config ]]; then config=$own_config; fi
[[ -z $config || -f $config ]] || usage "--config $config: no such file"

mkdir -p "$log_dir" "$vad_dir"
vad_dir=$(cd "$vad_dir" && pwd)
name=vad_$(basename "$data")
num_utts=$(wc -l <"$list")
((nj <= num_utts)) || nj=$num_utts

# The old decisions go as soon as their archives may change.
rm -f "$data/vad.scp" "$log_dir/$name".*.scp "$vad_dir/.$name."*.tmp # the last of jobs that were killed at once
if [[ $type == energy ]]; then
  awk -v nj="$nj" -v num_utts="$num_utts" -v prefix="$log_dir/$name" \
    '{ file = prefix "." int((NR - 1) * nj / num_utts) + 1 ".scp"
       if (file != last) close(last) # or there would be as many open as jobs, and 1,024 is a common limit
       print >file; last = file }' "$list"
  source=scp:$log_dir/$name.JOB.scp
else
  utils/split_data.sh --per-utt "$data" "$nj"
  source=$data/split${nj}utt/JOB
fi

options=(--type "$type")
if [[ -n $config ]]; then options+=(--config "$config"); fi
$cmd JOB=1:"$nj" "$log_dir/$name.JOB.log" \
  python -m speechlib.bin.compute_vad "${options[@]}" --stamp "$vad_dir/$name.JOB.done" \
  "$source" "ark,scp:$vad_dir/$name.JOB.ark,$vad_dir/$name.JOB.scp"

join_lists "$vad_dir/$name" .scp "$data/.vad.scp.tmp"
mv "$data/.vad.scp.tmp" "$data/vad.scp"
num_vad=$(wc -l <"$data/vad.scp")
if ((num_vad != num_utts)); then
  echo "${0##*/}: warning: $((num_utts - num_vad)) of $num_utts utterances have no frames: see $log_dir/$name.*.log" >&2
fi
echo "${0##*/}: voicing decisions of $num_vad utterances in $data/vad.scp"
