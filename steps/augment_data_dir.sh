#!/usr/bin/env bash
# Usage: steps/augment_data_dir.sh [options] <data-dir> <out-dir>
#  e.g.: steps/augment_data_dir.sh --nj 8 --noise musan --rirs RIRS_NOISES --subset 140000 data/train data/train_aug
# Makes augmented copies of the utterances of a data directory: <out-dir> is a data directory of utterances
# <utterance>-reverb, -noise, -music, -babble and -sp0.9, of the same speakers, their audio in archives. vad.scp is that
# of the clean utterances (there is none if copies of another speed are among them, which have other frames).
# utils/combine_data.sh joins the clean ones. <out-dir>/augmentation.tsv says what was mixed, the SNR asked for and the
# SNR reached in the written samples. The files are the same for any --nj; when started again, only jobs that are not
# complete are run.
# Options:
#   --kinds "K .."         of reverb, noise, music, babble, speed; reverb+noise for one after the other
#                          (default: "reverb noise music babble")
#   --noise DIR            noise, music and speech: MUSAN, any folder of audio, or one with a list from
#                          local/prepare_noise.sh; without speech there, babble comes from the other speakers
#   --rirs DIR             impulse responses: RIRS_NOISES, any folder, or one with a list
#   --fg-snrs "X:.."       SNRs of noise in dB (default: 15:10:5:0)
#   --fg-interval X        seconds of silence between two noises (default: 1)
#   --bg-snrs "X:.."       SNRs of music (default: 15:10:8:5)
#   --babble-snrs "X:.."   SNRs of each other speaker (default: 20:17:15:13)
#   --babble-speakers "N:.."  how many other speakers (default: 3:4:5:6:7)
#   --rooms "ROOM:.."      of the impulse responses, equally likely (default: smallroom:mediumroom; all of a folder
#                          that has neither)
#   --normalize BOOL       copies have the energy of the originals, as in Kaldi (default: true)
#   --speeds "X:.."        factors of the kind speed (default: 0.9:1.1)
#   --new-speakers BOOL    copies of another speed are sp0.9-<utterance> of a new speaker sp0.9-<speaker>, as with
#                          Kaldi's perturb_data_dir_speed.sh (default: false)
#   --subset N             a random subset of so many of all copies (default: all)
#   --seed N               another seed draws other sounds (default: 0)
#   --channel N            of recordings with several, from 0 (default: they are bad)
#   --max-bad N            tolerate so many utterances with bad audio, which get no copies (default: 0)
#   --nj N                 parallel jobs (default: 4; fewer if there are fewer copies)
#   --cmd CMD              job dispatcher (default: utils/run.py)
set -euo pipefail

kinds='reverb noise music babble' noise='' rirs='' fg_snrs=15:10:5:0 fg_interval=1.0 bg_snrs=15:10:8:5 \
  babble_snrs=20:17:15:13 babble_speakers=3:4:5:6:7 rooms=smallroom:mediumroom normalize=true speeds=0.9:1.1 \
  new_speakers=false subset='' seed=0 channel='' max_bad=0 nj=4 cmd=utils/run.py

# shellcheck source=/dev/null
if [[ -f ./path.sh ]]; then . ./path.sh; elif [[ -f utils/setup_env.sh ]]; then . utils/setup_env.sh; fi
# shellcheck source=utils/parse_options.sh
. utils/parse_options.sh

# shellcheck disable=SC2119 # without a message
[[ $# -eq 2 ]] || usage
data=${1%/} out=${2%/}
[[ -s $data/wav.scp ]] || usage "$data/wav.scp is not there or empty"
utils/validate_data_dir.sh --only-audio "$data"

options=(--kinds "$kinds" --fg-snrs "$fg_snrs" --fg-interval "$fg_interval" --bg-snrs "$bg_snrs"
  --babble-snrs "$babble_snrs" --babble-speakers "$babble_speakers" --rooms "$rooms" --normalize "$normalize"
  --speeds "$speeds" --new-speakers "$new_speakers" --seed "$seed" --jobs "$nj")
if [[ -n $noise ]]; then options+=(--noise "$noise"); fi
if [[ -n $rirs ]]; then options+=(--rirs "$rirs"); fi
if [[ -n $subset ]]; then options+=(--subset "$subset"); fi
nj=$(python -m speechlib.bin.plan_augmentation "${options[@]}" "$data" "$out/plan")

mkdir -p "$out/log" "$out/data"
ark_dir=$(cd "$out/data" && pwd)
rm -f "$ark_dir"/.augmented.*.tmp # of jobs that were killed at once
rm -f "$out/wav.scp" # it goes as soon as its archives may change
job_options=()
if [[ -n $channel ]]; then job_options+=(--channel "$channel"); fi
$cmd JOB=1:"$nj" "$out/log/augment.JOB.log" \
  python -m speechlib.bin.augment_data "${job_options[@]}" --stamp "$ark_dir/augmented.JOB.done" \
  "$data" "$out/plan" JOB "ark,scp:$ark_dir/augmented.JOB.ark,$ark_dir/augmented.JOB.scp"

bad=() scps=()
for ((job = 1; job <= nj; job++)); do bad+=("$out/plan/bad.$job.txt") scps+=("$ark_dir/augmented.$job.scp"); done
python -m speechlib.bin.check_bad --max-bad "$max_bad" "${bad[@]}"
python -m speechlib.bin.collect_augmented "$data" "$out" "${scps[@]}"
