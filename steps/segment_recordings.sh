#!/usr/bin/env bash
# Usage: steps/segment_recordings.sh [options] <raw-data-dir> <segmented-data-dir>
#  e.g.: steps/segment_recordings.sh --nj 2 --vad harmonicity --config conf/mfcc.conf data/eval_raw data/eval_auto
# Finds the speech in whole recordings and cuts it into segments that are to be clustered: writes a data directory with
# wav.scp, segments, utt2spk (the recording stands for the speaker), spk2utt and reco2utt, and the reference (ref.rttm,
# all.uem, reco2num_spk) where there is one. Recordings without speech have no segment, which is a warning. Features
# (of energy and bic) and decisions about whole recordings are in <segmented-data-dir>/recordings.
# Options:
#   --vad TYPE          energy, harmonicity or silero: steps/compute_vad.sh (default: energy)
#   --vad-config FILE   options of the decision (default: as steps/compute_vad.sh)
#   --config FILE       of the MFCC, where the recordings have no feats.scp (default: as steps/make_feats.sh)
#   --min-silence S     shorter pauses count as speech (default: 0.3)
#   --min-speech S      stretches of speech that are shorter are dropped (default: 0.2)
#   --margin S          what stretches of speech grow by at both ends (default: 0)
#   --method M          uniform: overlapping windows; bic: pieces between changes of the speaker (default: uniform)
#   --window S          uniform: length of a window; bic: pieces longer than this are cut (default: 1.5; bic: 10)
#   --period S          uniform: from one window to the next (default: 0.75)
#   --min-segment S     speech shorter than this is left out; bic: the shortest piece (default: 0.5)
#   --bic-penalty X     bic: weight of the penalty, more for fewer changes (default: 1.0)
#   --nj N              parallel jobs (default: 4; fewer if there are fewer recordings)
#   --cmd CMD           job dispatcher (default: utils/run.py)
set -euo pipefail

vad=energy vad_config='' config='' min_silence=0.3 min_speech=0.2 margin=0.0 method=uniform window='' period=0.75
min_segment=0.5 bic_penalty=1.0 nj=4 cmd=utils/run.py

# shellcheck source=/dev/null
if [[ -f ./path.sh ]]; then . ./path.sh; elif [[ -f utils/setup_env.sh ]]; then . utils/setup_env.sh; fi
# shellcheck source=utils/parse_options.sh
. utils/parse_options.sh

# shellcheck disable=SC2119 # without a message
(($# == 2)) || usage
raw=${1%/} out=${2%/}
[[ $vad =~ ^(energy|harmonicity|silero)$ ]] || usage "--vad $vad: expected energy, harmonicity or silero"
[[ $method =~ ^(uniform|bic)$ ]] || usage "--method $method: expected uniform or bic"
[[ -s $raw/wav.scp ]] || usage "$raw/wav.scp is not there or empty"
[[ ! -f $raw/segments ]] || usage "$raw/segments: expected whole recordings, these are cut into utterances already"
[[ ! $raw -ef $out ]] || usage "$raw is read and would be written: name another folder"
if [[ -z $window ]]; then window=$([[ $method == bic ]] && echo 10 || echo 1.5); fi
num_recordings=$(wc -l <"$raw/wav.scp")
((nj <= num_recordings)) || nj=$num_recordings

recordings=$out/recordings new=$out/recordings/new # files appear in $out when they are whole
rm -rf "$new"
mkdir -p "$recordings/log" "$new"
for file in wav.scp feats.scp utt2num_frames frame_shift; do
  if [[ -f $raw/$file ]]; then cp "$raw/$file" "$recordings"; fi
done
awk '{ print $1, $1 }' "$raw/wav.scp" | LC_ALL=C sort >"$recordings/utt2spk"
cp "$recordings/utt2spk" "$recordings/spk2utt"
if [[ ! -f $raw/feats.scp && ($vad == energy || $method == bic) ]]; then
  options=()
  if [[ -n $config ]]; then options=(--config "$config"); fi
  steps/make_feats.sh "${options[@]}" --type mfcc --nj "$nj" --cmd "$cmd" "$recordings"
fi
options=(--type "$vad")
if [[ -n $vad_config ]]; then options+=(--config "$vad_config"); fi
steps/compute_vad.sh "${options[@]}" --nj "$nj" --cmd "$cmd" "$recordings"
shift=0.01
if [[ -f $recordings/frame_shift ]]; then shift=$(<"$recordings/frame_shift"); fi

$cmd "$recordings/log/vad_to_segments.log" \
  python -m speechlib.bin.vad_to_segments --frame-shift "$shift" --min-silence "$min_silence" \
  --min-speech "$min_speech" --margin "$margin" "scp:$recordings/vad.scp" "$recordings/speech.segments"
if [[ $method == uniform ]]; then
  $cmd "$out/recordings/log/uniform_segments.log" \
    python -m speechlib.bin.uniform_segments --window "$window" --period "$period" --min-segment "$min_segment" \
    "$recordings/speech.segments" "$new/segments"
else
  utils/split_data.sh --per-utt "$recordings" "$nj"
  $cmd JOB=1:"$nj" "$recordings/log/detect_changes.JOB.log" \
    python -m speechlib.bin.detect_changes --frame-shift "$shift" --penalty "$bic_penalty" \
    --min-segment "$min_segment" --max-segment "$window" "$recordings/speech.segments" \
    "scp:$recordings/split${nj}utt/JOB/feats.scp" "$recordings/log/segments.JOB"
  for ((job = 1; job <= nj; job++)); do cat "$recordings/log/segments.$job"; done | LC_ALL=C sort >"$new/segments"
fi

awk '{ print $1, $2 }' "$new/segments" >"$new/utt2spk"
utils/utt2spk_to_spk2utt.pl "$new/utt2spk" >"$new/spk2utt"
cp "$new/spk2utt" "$new/reco2utt"
awk 'FILENAME == ARGV[1] { spoken[$2]; next } $1 in spoken' "$new/segments" "$raw/wav.scp" >"$new/wav.scp"
for file in ref.rttm all.uem reco2num_spk; do
  if [[ -f $raw/$file ]]; then cp "$raw/$file" "$new"; fi
done
# What was made of other segments is no longer true.
if ! cmp -s "$new/segments" "$out/segments"; then
  rm -f "$out"/{feats.scp,vad.scp,cmvn.scp,utt2num_frames,utt2dur,frame_shift}
fi
mv "$new"/* "$out"
rmdir "$new"
num_silent=$((num_recordings - $(wc -l <"$out/wav.scp")))
if ((num_silent)); then
  echo "${0##*/}: warning: $num_silent of $num_recordings recordings have no speech of $min_segment s or more and" \
    "so no segment: $(awk 'FILENAME == ARGV[1] { spoken[$1]; next } !($1 in spoken) { print $1 }' "$out/wav.scp" "$raw/wav.scp" |
      head -n 5 | paste -sd ' ')$( ((num_silent > 5)) && echo ' ..')" >&2
fi
echo "${0##*/}: $(wc -l <"$out/segments") segments of $((num_recordings - num_silent)) recordings in $out/segments"
