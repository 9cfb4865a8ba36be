#!/usr/bin/env bash
# What a speaker network hears: frame-level embeddings and their analysis on TIMIT (Shon et al., SLT 2018, section 3).
#
# Usage: egs/timit/run_frame_analysis.sh [options]
#  e.g.: egs/timit/run_frame_analysis.sh                              # the embedded demo corpus: synthetic voices
#        egs/timit/run_frame_analysis.sh --corpus /corpora/TIMIT \
#          --model ../voxceleb1/exp/voxceleb1/shon_average_aug/seed1
# Options:
#   --corpus DIR           TIMIT's folder (default: the demo corpus is made)
#   --train-dir DIR        any data directory with training speakers in place of TIMIT, and
#   --test-dir DIR         one with test speakers: what lacks phones.ctm or text is not done
#   --model DIR            a trained speaker network of any kind; dense layers need average pooling
#                          (default: a small one is trained on the training speakers)
#   --feats-config FILE    MFCC options of a network whose folder does not say how its features were made
#   --name NAME            of data/NAME, exp/NAME and results/NAME (default: demo_frames; with --corpus: timit_frames)
#   --layers "L .."        layers to look at (default: all that have frames)
#   --epoch-layers "L .."  those whose phones are looked at in the course of the training, too (default: three of them)
#   --snapshots N          so many states of the network between untrained and trained (default: 2)
#   --vad BOOL             only frames that vad.scp calls voiced (default: false)
#   --pair "UTT UTT"       utterances of the similarity matrix (default: FAEM0's and another speaker's SA sentence)
#   --train-config FILE    of the speaker network (default: conf/shon_scaled.yaml)
#   --phone-config FILE    of the phone probe (default: conf/phone_probe_scaled.yaml; the paper's: phone_probe_paper.yaml)
#   --subword-config FILE  of the subword probe (default: conf/subword_probe.yaml)
#   --vocab-size N         subword units (default: 100)
#   --stage N              first stage (default: 0)
#   --stop-stage N         last stage (default: 99)
#   --nj N                 parallel jobs (default: one a core)
#   --seed N               of the demo corpus and the network, and first of the probes' (default: 1)
#   --num-seeds N          probes behind each number (default: 1)
#   --speakers N           of the demo corpus (default: 18)
#   --max-bad N            unusable recordings that are left out; more are an error (default: 0)
#   --list, --dry-run      print the stages; print their commands
#   --why, --force         say which stages would run and why; run those that are unchanged, too
set -euo pipefail
_called_from=$PWD
cd "$(dirname "${BASH_SOURCE[0]}")"

stage=0 stop_stage=99 nj=$(nproc) seed=1 num_seeds=1 speakers=18 max_bad=0 snapshots=2 vad=false vocab_size=100
corpus='' train_dir='' test_dir='' model='' feats_config='' name='' layers='' epoch_layers='' pair=''
train_config=conf/shon_scaled.yaml phone_config=conf/phone_probe_scaled.yaml subword_config=conf/subword_probe.yaml
. ./cmd.sh; . ./path.sh; . utils/parse_options.sh

((seed >= 1 && num_seeds >= 1)) || usage "--seed and --num-seeds count from 1"
[[ (-z $train_dir && -z $test_dir) || (-n $train_dir && -n $test_dir && -z $corpus) ]] ||
  usage "--train-dir and --test-dir go together, in place of --corpus"
for _folder in corpus train_dir test_dir model; do
  if [[ -n ${!_folder} ]]; then
    printf -v "$_folder" %s "$(cd "$_called_from" && realpath -m "${!_folder}")"
    [[ -d ${!_folder} ]] || usage "--${_folder//_/-}: there is no folder ${!_folder}"
  fi
done
if [[ -z $name ]]; then
  name=demo_frames
  if [[ -n $corpus ]]; then name=timit_frames; elif [[ -n $train_dir ]]; then name=own_frames; fi
fi
data=data/$name exp=exp/$name results=results/$name frames=exp/$name/frames
network=${model:-$exp/network}
seeds=$(seq -s ' ' "$seed" $((seed + num_seeds - 1)))
# probes phones|subwords <configuration>: every probe of a kind
probes() {
  steps/run_probes.sh --nj "$nj" --cmd "$cuda_cmd" --seeds "$seeds" --config "$2" --tags "network=${network##*/exp/}" \
    "$1" "$frames/$1.tsv" "$data/$1" "$frames" "$exp/$1"
}
# each_layer classes|critical|similarity: local/score_layer.sh for every layer that is looked at so
each_layer() {
  $train_cmd --max-jobs-run "$nj" JOB=1:"$(wc -l <"$frames/$1.tsv")" "$exp/$1/log/score.JOB.log" \
    local/score_layer.sh "$1" "$frames/$1.tsv" JOB "$data" "$frames" "$exp/$1"
}

if stage 1 "Corpus, data directories, labels of the probes"; then
  if [[ -n $train_dir ]]; then
    local/take_data_dirs.sh "$train_dir" "$test_dir" "$data"
  else
    if [[ -z $corpus ]]; then
      ../../local/make_demo_corpus.sh --layout timit --speakers "$speakers" --seed "$seed" "$data/corpus"
    fi
    local/prepare_timit.sh --max-bad "$max_bad" "${corpus:-$data/corpus}" "$data"
  fi
  local/make_frame_sets.sh --vocab-size "$vocab_size" --seed "$seed" "$data"
fi

if stage 2 "Features, as the network was trained with"; then
  if [[ -n $model ]]; then
    type=$(python local/network_features.py --config "$feats_config" "$model" "$data/network_features.yaml")
  else
    type=mfcc && cp "${feats_config:-conf/mfcc_frames.conf}" "$data/network_features.yaml"
  fi
  steps/make_feats.sh --type "$type" --config "$data/network_features.yaml" --compress false --nj "$nj" \
    --cmd "$train_cmd" --max-bad "$max_bad" "$data/all"
  if $vad; then steps/compute_vad.sh --nj "$nj" --cmd "$train_cmd" "$data/all"; fi
fi

if stage 3 "Speaker network (where --model names none)"; then
  if [[ -z $model ]]; then
    utils/subset_data_dir.sh --utt-list "$data/lists/speaker_train" "$data/all" "$data/speaker_train"
    steps/train_nnet.sh --cmd "$cuda_cmd" --config "$train_config" --seed "$seed" --num-threads 1 \
      --check-against "$data/speaker_test" "$data/speaker_train" "$network"
  fi
fi

if stage 4 "Frames of every layer: untrained, on the way, trained"; then
  python local/list_states.py --snapshots "$snapshots" "$network" "$exp/states.tsv"
  local/extract_states.sh --nj "$nj" --cmd "$cuda_cmd" --layers "$layers" --epoch-layers "$epoch_layers" --vad "$vad" \
    --max-bad "$max_bad" "$network" "$data" "$exp/states.tsv" "$frames"
fi

if stage 5 "Phone probe: segmental models"; then
  if [[ ! -e $data/lists/no_phones ]]; then probes phones "$phone_config"; fi
fi

if stage 6 "Subword probe: transcripts alone"; then
  if [[ ! -e $data/lists/no_text ]]; then probes subwords "$subword_config"; fi
fi

if stage 7 "Broad phonetic classes"; then
  if [[ ! -e $data/lists/no_phones ]]; then each_layer classes; fi
fi

if stage 8 "Critical phones, similarity of frames"; then
  if [[ ! -e $data/lists/no_phones ]]; then
    each_layer critical
    if [[ ! -e $data/lists/no_pair ]]; then each_layer similarity; fi
  fi
fi

if stage 9 "Figures"; then
  local/make_frame_figures.sh --nj "$nj" --pair "$pair" "$data" "$exp" "$results"
fi

if stage 10 "Results, and all of them on one page"; then
  python -m speechlib.bin.collect_results "$exp" "$results"
  python -m speechlib.bin.make_results conf/results.yaml results RESULTS.md
  python -m speechlib.bin.make_report conf/results.yaml results "$name" "$exp/report.html"
fi
