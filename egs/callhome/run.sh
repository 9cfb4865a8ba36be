#!/usr/bin/env bash
# Who spoke when: speaker clustering of conversations by comparing utterances (Jeon et al., 2009), and diarization.
#
# Usage: egs/callhome/run.sh [options]
#  e.g.: egs/callhome/run.sh                                       # the embedded demo corpus: synthetic conversations
#        egs/callhome/run.sh --corpus /corpora/callhome            # LDC CALLHOME: two-channel SPHERE and transcripts
#        egs/callhome/run.sh --corpus /corpora/speechocean762 --recordings "/corpora/ami_30s /corpora/meetings"
# Options:
#   --corpus DIR           LDC CALLHOME, disk 8 of NIST SRE 2000, recordings with RTTM, or utterances of known speakers, of
#                          which conversations are made (default: the demo corpus is made); README.md has the layouts
#   --train DIR            data directory to train on, of a corpus that has no training part (default: the corpus's own)
#   --recordings "DIR .."  folders of recordings with RTTM files that are diarized, too, by the same models
#   --name NAME            of data/NAME, exp/NAME and results/NAME (default: demo; with --corpus: that folder's name)
#   --rate N               kHz of the features, 8 or 16 (default: 8 for the demo, else that of the corpus)
#   --stage N              first stage (default: 0)
#   --stop-stage N         last stage (default: 99)
#   --nj N                 parallel jobs (default: one a core)
#   --seed N               of the background model and, where conversations are made, of the speakers held out for dev and of
#                          their conversations; eval is the same for all seeds, and RESULTS.md averages over those that were
#                          run (default: 1)
#   --num-gauss N          Gaussians of the background model (default: 64)
#   --rank N               eigenvoices (default: 20)
#   --channel-rank N       eigenchannels (default: 10)
#   --relevance X          of the MAP adaptation (default: 16)
#   --frame-scale X        what a frame counts; less than 1 because neighbouring frames are alike (default: .1)
#   --ivector-dim N        of the i-vectors that the table is compared with (default: 64)
#   --num-dev N            recordings drawn for dev, of a corpus without one (default: that of local/prepare_corpus.sh)
#   --conversations N      that are made of utterances of known speakers, for each of dev and eval (default: 100)
#   --speakers LO:HI       of conversations that are made; half of them have LO (default: 2:7)
#   --max-turn S           seconds: of longer utterances a piece is taken for these (default: 0.0, whole utterances)
#   --vad KIND             of the raw recordings: harmonicity, energy or silero (default: harmonicity)
#   --segmentation KIND    of the raw recordings: uniform windows, or bic (default: uniform)
#   --max-bad N            unusable recordings that are left out; more are an error (default: 0)
#   --list, --dry-run      print the stages; print their commands
#   --why, --force         say which stages would run and why; run those that are unchanged, too
set -euo pipefail
_called_from=$PWD
cd "$(dirname "${BASH_SOURCE[0]}")"

stage=0 stop_stage=99 nj=$(nproc) seed=1 max_bad=0 corpus='' train='' recordings='' num_dev='' name='' rate=''
num_gauss=64 rank=20 channel_rank=10 ivector_dim=64 relevance=16 frame_scale=.1 conversations=100
speakers=2:7 max_turn=0.0 vad=harmonicity segmentation=uniform
. ./cmd.sh; . ./path.sh; . utils/parse_options.sh

((seed >= 1)) || usage "--seed counts from 1"
for _folder in corpus train; do
  if [[ -n ${!_folder} ]]; then
    printf -v "$_folder" %s "$(cd "$_called_from" && realpath -m "${!_folder}")"
    [[ -d ${!_folder} ]] || usage "--$_folder: there is no folder ${!_folder}"
  fi
done
_recordings=() eval_sets=eval
for _folder in $recordings; do
  _folder=$(cd "$_called_from" && realpath -m "$_folder")
  [[ -d $_folder ]] || usage "--recordings: there is no folder $_folder"
  [[ ! ${_folder##*/} =~ [[:space:]] && " train dev $eval_sets " != *" ${_folder##*/} "* ]] ||
    usage "--recordings: $_folder: its name is that of a set: expected one word, other than train dev $eval_sets"
  _recordings+=("$_folder") eval_sets+=" ${_folder##*/}"
done
name=${name:-$([[ -n $corpus ]] && basename "$corpus" || echo demo)}
data=data/$name/seed$seed exp=exp/$name/seed$seed
model=$exp/model stats=$exp/statistics
tags="num_gauss=$num_gauss rank=$rank channel_rank=$channel_rank frame_scale=$frame_scale"

common=(--nj "$nj" --cmd "$train_cmd")
mfcc_config() { echo "conf/mfcc_${rate:-$(($(<"$data/sample_rate") / 1000))}k.conf"; }
# mfcc <data-dir>: features and voicing decisions
mfcc() {
  steps/make_feats.sh "${common[@]}" --type mfcc --config "$(mfcc_config)" "$1"
  steps/compute_vad.sh "${common[@]}" "$1"
}
# score <system>: I_PUR, I_SPK and more of its clusters, with the threshold of its dev trees
score() {
  steps/score_conversations.sh --cmd "$train_cmd" --dev-data "$data/dev" --dev-trees "$exp/clusters/$1/dev" \
    --tags "system=$1 $tags" --seed "$seed" "$data/eval" "$exp/clusters/$1/eval" "$exp/scores/$1"
}

if stage 1 "Corpus: conversations with their speakers' turns, and the same recordings without"; then
  if [[ -z $corpus ]]; then
    ../../local/make_demo_corpus.sh --layout callhome --seed 1 --nj "$nj" "data/$name/corpus"
  fi
  local/prepare_corpus.sh --num-eval "$conversations" --speakers "$speakers" --max-turn "$max_turn" \
    --num-dev "$num_dev" --seed "$seed" --train "$train" --max-bad "$max_bad" "${corpus:-data/$name/corpus}" "$data"
  local/complete_sets.sh --nj "$nj" "$data" data/demo/corpus
  for folder in "${_recordings[@]}"; do
    set=$(basename "$folder")
    local/prepare_corpus.sh --layout recordings --max-bad "$max_bad" "$folder" "$data/recordings/$set"
    ln -sfn "recordings/$set/eval_raw" "$data/${set}_raw"
  done
fi

if stage 2 "MFCCs, energy and voice activity"; then
  for set in train dev eval; do
    mfcc "$data/$set"
  done
fi

if stage 3 "Universal background model, eigenvoices, eigenchannels"; then
  steps/train_eigenvoices.sh "${common[@]}" --num-gauss "$num_gauss" --rank "$rank" --channel-rank "$channel_rank" \
    --relevance "$relevance" --delta-order 1 --delta-window 2 --apply-cmn none --seed "$seed" "$data/train" "$model"
fi

if stage 4 "Statistics of the utterances"; then
  for set in dev eval; do
    for kind in eigenvoice eigenchannel; do
      steps/extract_utterance_stats.sh "${common[@]}" --model "$model" --frame-scale "$frame_scale" \
        --use-eigenchannels "$([[ $kind == eigenchannel ]] && echo true || echo false)" "$data/$set" "$stats/$kind/$set"
    done
    steps/extract_utterance_stats.sh "${common[@]}" --kind moments --frontend-conf "$model/frontend.conf" "$data/$set" \
      "$stats/moments/$set"
  done
fi

if stage 5 "Clustering by every distance"; then
  while read -r system kind distance linkage floor; do
    for set in dev eval; do
      steps/cluster_conversations.sh "${common[@]}" --distance "$distance" --linkage "$linkage" \
        --variance-floor "${floor/-/0}" "$data/$set" "$stats/$kind/$set" "$exp/clusters/$system/$set"
    done
  done < <(grep -v '^#' conf/distances.tsv)
fi

if stage 6 "Purity and number of speakers: threshold from dev, or their number known"; then
  while read -r system _; do
    score "$system"
  done < <(grep -v '^#' conf/distances.tsv)
  python -m speechlib.bin.show_table conf/results.yaml "exp/$name" --section "Purity and number of speakers"
fi

if stage 7 "For comparison: i-vectors and PLDA through the same scoring"; then
  steps/run_ivector.sh "${common[@]}" --seed "$seed" --num-gauss "$num_gauss" --ivector-dim "$ivector_dim" --apply-cmn none \
    "$data/train" "$exp/ivector"
  steps/train_plda.sh --cmd "$train_cmd" "$data/train" "$exp/ivector/train" "$exp/ivector/backend"
  for set in dev eval; do
    steps/extract_ivectors.sh "${common[@]}" "$exp/ivector/extractor" "$data/$set" "$exp/ivector/$set"
    steps/score_plda_conversations.sh --cmd "$train_cmd" "$exp/ivector/backend" "$data/$set" "$exp/ivector/$set" \
      "$exp/clusters/ivector_plda/$set"
  done
  score ivector_plda
fi

if stage 8 "Diarization: segments of the raw recordings"; then
  for set in dev $eval_sets; do
    steps/segment_recordings.sh "${common[@]}" --vad "$vad" --method "$segmentation" --config "$(mfcc_config)" \
      "$data/${set}_raw" "$data/${set}_auto"
    mfcc "$data/${set}_auto"
  done
fi

if stage 9 "Diarization: clustering, threshold from dev; error rates"; then
  while read -r system distance channels; do
    options=(--distance "$distance" --use-eigenchannels "$channels" --frame-scale "$frame_scale")
    steps/tune_diarization.sh "${common[@]}" "${options[@]}" "$data/dev_auto" "$model" "$exp/diarization/$system/dev"
    for set in $eval_sets; do
      steps/diarize.sh "${common[@]}" "${options[@]}" --selection "$exp/diarization/$system/dev/selection.json" \
        --tags "system=$system vad=$vad recordings=$set $tags" --seed "$seed" "$data/${set}_auto" "$model" \
        "$exp/diarization/$system/$set"
    done
  done < <(grep -v '^#' conf/diarization.tsv)
fi

if stage 10 "A picture of every conversation"; then
  system=proposed_eigenchannel
  steps/plot_conversations.sh "${common[@]}" --trees "$exp/clusters/$system/eval" --stats "$stats/eigenchannel/eval" \
    --selection "$exp/scores/$system/threshold/selection.json" "$data/eval" \
    "$exp/scores/$system/threshold/hyp.rttm" "$exp/pictures/eval"
  for set in $eval_sets; do
    steps/plot_conversations.sh "${common[@]}" "$data/${set}_raw" "$exp/diarization/$system/$set/hyp.rttm" \
      "$exp/pictures/${set}_raw"
  done
fi

if stage 11 "Results"; then
  python -m speechlib.bin.collect_results "exp/$name" "results/$name"
  for picture in few many; do
    cp "$exp/pictures/eval/$picture.png" "results/$name/clusters_$picture.png"
    cp "$exp/pictures/eval_raw/$picture.png" "results/$name/diarization_$picture.png"
  done
  python -m speechlib.bin.make_results conf/results.yaml results RESULTS.md
  python -m speechlib.bin.make_report conf/results.yaml results "$name" "exp/$name/report.html"
fi
