#!/usr/bin/env bash
# Speaker verification on VoxCeleb1 (Shon et al., SLT 2018): i-vectors, x-vectors, VGG-M and the paper's 1-D CNN.
#
# Usage: egs/voxceleb1/run.sh [options]
#  e.g.: egs/voxceleb1/run.sh                          # the embedded demo corpus: synthetic voices, scaled-down networks
#        egs/voxceleb1/run.sh --corpus /corpora/VoxCeleb1 --noise /corpora/musan --rirs /corpora/RIRS_NOISES
# Options:
#   --corpus DIR           VoxCeleb1's folder, either release (default: the demo corpus is made)
#   --noise DIR            MUSAN or any folder of noises (default: synthetic noises are made)
#   --rirs DIR             RIRS_NOISES or any folder of room responses (default: synthetic rooms are made)
#   --name NAME            of data/NAME, exp/NAME and results/NAME (default: demo; with --corpus: voxceleb1)
#   --size S               demo: scaled down; paper: the paper's sizes and optimiser; full: its sizes, today's optimiser
#                          (default: demo; with --corpus: full)
#   --stage N              first stage (default: 0)
#   --stop-stage N         last stage (default: 99)
#   --nj N                 parallel jobs (default: one a core)
#   --num-nodes N          nodes that train each network together (default: 1), with
#   --gpus-per-node N      GPUs of each (default: 0: a job for each network, which takes a GPU that is there)
#   --seed N               of the demo corpus, the augmentation, and first of the networks' seeds (default: 1)
#   --num-seeds N          networks behind each number (default: 1)
#   --speakers N           of the demo corpus, 12 of them for test (default: 44)
#   --dev-share X          of the training speakers is held out for calibration and fusion (default: demo .25, else .05)
#   --allow-missing BOOL   leave out trials whose audio is not there (default: false)
#   --max-bad N            unusable recordings that are left out; more are an error (default: 0)
#   --list, --dry-run      print the stages; print their commands
#   --why, --force         say which stages would run and why; run those that are unchanged, too
set -euo pipefail
_called_from=$PWD
cd "$(dirname "${BASH_SOURCE[0]}")"

stage=0 stop_stage=99 nj=$(nproc) seed=1 num_seeds=1 speakers=44 dev_share='' allow_missing=false max_bad=0
corpus='' noise='' rirs='' name='' size='' num_nodes=1 gpus_per_node=0
. ./cmd.sh; . ./path.sh; . utils/parse_options.sh

((seed >= 1 && num_seeds >= 1)) || usage "--seed and --num-seeds count from 1"
for _folder in corpus noise rirs; do
  if [[ -n ${!_folder} ]]; then
    printf -v "$_folder" %s "$(cd "$_called_from" && realpath -m "${!_folder}")"
    [[ -d ${!_folder} ]] || usage "--$_folder: there is no folder ${!_folder}"
  fi
done
name=${name:-$([[ -n $corpus ]] && echo voxceleb1 || echo demo)}
size=${size:-$([[ -n $corpus ]] && echo full || echo demo)}
data=data/$name exp=exp/$name results=results/$name
seeds=$(seq -s ' ' "$seed" $((seed + num_seeds - 1)))
[[ -f conf/sizes_$size.sh ]] || usage "--size: expected demo, paper or full, got $size"
# shellcheck source=conf/sizes_full.sh
. "conf/sizes_$size.sh"
dev_share=${dev_share:-$default_dev_share}
# each_network train|extract|score: that part of the work for every network and seed
each_network() {
  steps/run_networks.sh --nj "$nj" --cmd "$cuda_cmd" --seeds "$seeds" --size "$size" --lda-dim "$network_lda_dim" \
    --num-nodes "$num_nodes" --gpus-per-node "$gpus_per_node" --check-against "$data/test" "$1" conf/networks.tsv "$data" "$exp"
}

if stage 1 "Corpus, data directories, trials, held-out training speakers"; then
  if [[ -z $corpus ]]; then
    ../../local/make_demo_corpus.sh --layout voxceleb1 --speakers "$speakers" --seed "$seed" "$data/corpus"
  fi
  local/prepare_voxceleb1.sh --allow-missing "$allow_missing" --max-bad "$max_bad" "${corpus:-$data/corpus}" "$data"
  ../../local/split_dev_speakers.sh --dev-share "$dev_share" --seed "$seed" "$data"
fi

if stage 2 "Features and voice activity"; then
  steps/make_feature_kinds.sh --nj "$nj" --cmd "$train_cmd" --max-bad "$max_bad" \
    --kinds "ivector xvector shon spectrogram" "$data/fit" "$data/dev" "$data/test"
fi

if stage 3 "Augmented copies: noise, music, babble, rooms"; then
  ../../local/prepare_sounds.sh --noise "$noise" --rirs "$rirs" --seed "$seed" --max-bad "$max_bad" "$data"
  steps/augment_data_dir.sh --nj "$nj" --cmd "$train_cmd" --seed "$seed" --max-bad "$max_bad" \
    --subset "$num_augmented" --noise "$data/noise" --rirs "$data/rirs" "$data/fit" "$data/fit_copies"
  steps/make_feature_kinds.sh --nj "$nj" --cmd "$train_cmd" --kinds "ivector xvector shon" "$data/fit_copies"
  for kind in ivector xvector shon; do
    utils/combine_data.sh "$data/fit_aug_$kind" "$data/fit_$kind" "$data/fit_copies_$kind"
  done
fi

if stage 4 "i-vectors: universal background model, extractor, scores"; then
  for set in fit fit_aug; do
    steps/run_ivector.sh --nj "$nj" --cmd "$train_cmd" --seed "$seed" --num-gauss "$num_gauss" \
      --ivector-dim "$ivector_dim" --lda-dim "$lda_dim" --tags "system=ivector${set#fit}" \
      "$data/${set}_ivector" "$exp/ivector${set#fit}/seed$seed/ivector" "$data/test_ivector" "$data/dev_ivector"
  done
fi

if stage 5 "Networks: training"; then
  # does not read: "$exp"/ivector*
  each_network train
fi

if stage 6 "Networks: embeddings"; then
  # does not read: "$exp"/ivector*
  each_network extract
fi

if stage 7 "Networks: cosine and PLDA scores"; then
  # does not read: "$exp"/ivector*
  each_network score
fi

if stage 8 "Calibration, fusion and score normalisation"; then
  for _seed in $seeds; do
    steps/fuse_systems.sh --cmd "$train_cmd" --seed "$_seed" "$data/dev" "$data/test" "$exp/fusion/seed$_seed" \
      ivector_aug="$exp/ivector_aug/seed$seed/ivector" xvector_aug="$exp/xvector_aug/seed$_seed/tdnn6" \
      shon_aug="$exp/shon_aug/seed$_seed/fc2"
    _network=$exp/shon_aug/seed$_seed/fc2
    steps/normalize_scores.sh --cmd "$train_cmd" --scoring cosine --seed "$_seed" \
      --tags "system=shon_aug scores=as-norm" --cohort-utt2spk "$data/fit_aug_shon/utt2spk" \
      --utt2spk "$data/test/utt2spk" "$_network/scores_test/backend" "$_network/fit_aug" "$_network/test" \
      "$_network/test" "$data/test/trials" "$_network/scores_test/cosine" "$exp/fusion/seed$_seed/shon_aug/as_norm"
  done
fi

if stage 9 "Results: Tables 1, 2 and 4, DET plot"; then
  python -m speechlib.bin.collect_results "$exp" "$results"
  python -m speechlib.bin.plot_det --trials "$data/test/trials" "$results/det.png" \
    "i-vector=$exp/ivector_aug/seed$seed/ivector/scores_test/plda/scores" \
    "x-vector=$exp/xvector_aug/seed$seed/tdnn6/scores_test/plda/scores" \
    "1-D CNN=$exp/shon_aug/seed$seed/fc2/scores_test/plda/scores" "fusion=$exp/fusion/seed$seed/fusion/fused/scores"
  for table in 1 2 4; do
    python -m speechlib.bin.show_table conf/results.yaml "$results" --section "Table $table"
  done
  python -m speechlib.bin.make_results conf/results.yaml results RESULTS.md
  python -m speechlib.bin.make_report conf/results.yaml results "$name" "$exp/report.html"
fi
