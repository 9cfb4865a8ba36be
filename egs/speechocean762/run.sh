#!/usr/bin/env bash
# Speaker verification on speechocean762 (Zhang et al., 2021): VoxCeleb1's systems on a small corpus that is free for all.
#
# Usage: egs/speechocean762/run.sh [options]
#  e.g.: egs/speechocean762/run.sh                             # downloads the corpus first, about half a gigabyte
#        egs/speechocean762/run.sh --corpus /corpora/speechocean762 --noise /corpora/musan --rirs /corpora/RIRS_NOISES
# Options:
#   --corpus DIR           the corpus, or a part of it: train/, test/, WAVE/ (default: it is downloaded to data/corpus)
#   --url URL              of the archive to download (default: its home at OpenSLR)
#   --noise DIR            MUSAN or any folder of noises (default: synthetic noises are made)
#   --rirs DIR             RIRS_NOISES or any folder of room responses (default: synthetic rooms are made)
#   --name NAME            of data/NAME, exp/NAME and results/NAME (default: speechocean762)
#   --size S               of the networks: small (conf/*_small.yaml), or tiny for a quick look (default: small)
#   --stage N              first stage (default: 0)
#   --stop-stage N         last stage (default: 99)
#   --nj N                 parallel jobs (default: one a core)
#   --seed N               of the held-out speakers, the augmentation, and first of the networks' (default: 1)
#   --num-seeds N          models behind each number (default: 3)
#   --dev-share X          of the training speakers: what calibration and fusion learn from (default: .25)
#   --max-bad N            unusable recordings that are left out; more are an error (default: 0)
#   --list, --dry-run      print the stages; print their commands
#   --why, --force         say which stages would run and why; run those that are unchanged, too
set -euo pipefail
_called_from=$PWD
cd "$(dirname "${BASH_SOURCE[0]}")"

stage=0 stop_stage=99 nj=$(nproc) seed=1 num_seeds=3 dev_share=.25 max_bad=0
corpus='' url='' noise='' rirs='' name=speechocean762 size=small
. ./cmd.sh; . ./path.sh; . utils/parse_options.sh

((seed >= 1 && num_seeds >= 1)) || usage "--seed and --num-seeds count from 1"
[[ -f conf/shon_$size.yaml ]] || usage "--size: expected small or tiny, got $size"
for _folder in corpus noise rirs; do
  if [[ -n ${!_folder} ]]; then
    printf -v "$_folder" %s "$(cd "$_called_from" && realpath -m "${!_folder}")"
    [[ -d ${!_folder} ]] || usage "--$_folder: there is no folder ${!_folder}"
  fi
done
data=data/$name exp=exp/$name results=results/$name
seeds=$(seq -s ' ' "$seed" $((seed + num_seeds - 1)))
# each_network train|extract|score: that part of the work for every network and seed
each_network() {
  steps/run_networks.sh --nj "$nj" --cmd "$cuda_cmd" --seeds "$seeds" --size "$size" \
    --check-against "$data/test" "$1" conf/networks.tsv "$data" "$exp"
}

if stage 0 "Download"; then
  if [[ -z $corpus ]]; then
    local/download_speechocean762.sh --url "$url" data/corpus
  fi
fi

if stage 1 "Data directories, trials, dev speakers"; then
  local/prepare_speechocean762.sh --max-bad "$max_bad" "${corpus:-data/corpus}" "$data"
  ../../local/split_dev_speakers.sh --dev-share "$dev_share" --seed "$seed" "$data"
fi

if stage 2 "Features and voice activity"; then
  steps/make_feature_kinds.sh --nj "$nj" --cmd "$train_cmd" --max-bad "$max_bad" --kinds "24 40" \
    "$data"/{train,fit,dev,test}
fi

if stage 3 "Copies of the training set and their features: speed (new speakers), noise, babble, rooms"; then
  ../../local/prepare_sounds.sh --noise "$noise" --rirs "$rirs" --seed "$seed" --max-bad "$max_bad" "$data"
  for set in train fit; do
    steps/augment_data_dir.sh --nj "$nj" --cmd "$train_cmd" --seed "$seed" --max-bad "$max_bad" \
      --kinds speed --speeds .8:.9:1.1:1.2 --new-speakers true "$data/$set" "$data/${set}_speed"
  done
  steps/augment_data_dir.sh --nj "$nj" --cmd "$train_cmd" --seed "$seed" --max-bad "$max_bad" \
    --kinds "reverb noise babble" --subset "$(wc -l <"$data/train/utt2spk")" --noise "$data/noise" --rirs "$data/rirs" \
    "$data/train" "$data/train_noisy"
  steps/make_feature_kinds.sh --nj "$nj" --cmd "$train_cmd" --kinds "24 40" "$data"/{train_speed,fit_speed,train_noisy}
  for kind in 24 40; do
    utils/combine_data.sh "$data/train_sp_$kind" "$data/train_$kind" "$data/train_speed_$kind"
    utils/combine_data.sh "$data/train_aug_$kind" "$data/train_sp_$kind" "$data/train_noisy_$kind"
    utils/combine_data.sh "$data/fit_sp_$kind" "$data/fit_$kind" "$data/fit_speed_$kind"
  done
fi

if stage 4 "Baseline without a model: mean and deviation of the features"; then
  while read -r system set eval wccn; do
    steps/run_statistics.sh --nj "$nj" --cmd "$train_cmd" --wccn "$wccn" --seed "$seed" --tags "system=$system" \
      "$data/${set}_24" "$exp/$system/seed$seed/statistics" "$data/${eval}_24"
  done < <(grep -v '^#' conf/statistics.tsv)
fi

if stage 5 "i-vectors: universal background model, extractor, scores"; then
  while read -r system set eval cmn num_gauss ivector_dim lda_dim; do
    for _seed in $seeds; do
      steps/run_ivector.sh --nj "$nj" --cmd "$train_cmd" --seed "$_seed" --apply-cmn "$cmn" --num-gauss "$num_gauss" \
        --ivector-dim "$ivector_dim" --lda-dim "$lda_dim" --tags "system=$system" \
        "$data/${set}_24" "$exp/$system/seed$_seed/ivector" "$data/${eval}_24"
    done
  done < <(grep -v '^#' conf/ivectors.tsv)
fi

if stage 6 "Networks: training"; then
  # does not read: "$exp"/{ivector,statistics}*
  each_network train
fi

if stage 7 "Networks: embeddings"; then
  # does not read: "$exp"/{ivector,statistics}*
  each_network extract
fi

if stage 8 "Networks: cosine and PLDA scores"; then
  # does not read: "$exp"/{ivector,statistics}*
  each_network score
fi

if stage 9 "Calibration and fusion"; then
  for _seed in $seeds; do
    dev_systems="$exp/statistics_fit/seed$seed/statistics $exp/ivector_fit/seed$_seed/ivector"
    dev_systems+=" $exp/xvector_fit/seed$_seed/tdnn6 $exp/shon_fit/seed$_seed/fc2"
    steps/fuse_systems.sh --cmd "$train_cmd" --seed "$_seed" --dev-systems "$dev_systems" \
      "$data/dev" "$data/test" "$exp/fusion/seed$_seed" statistics_sp="$exp/statistics_sp/seed$seed/statistics" \
      ivector_sp="$exp/ivector_sp/seed$_seed/ivector" xvector_sp="$exp/xvector_sp/seed$_seed/tdnn6" \
      shon_sp="$exp/shon_sp/seed$_seed/fc2"
  done
fi

if stage 10 "Results and figures"; then
  python -m speechlib.bin.collect_results "$exp" "$results"
  python -m speechlib.bin.plot_det --trials "$data/test/trials" "$results/det.png" \
    "i-vector=$exp/ivector_sp/seed$seed/ivector/scores_test/plda/scores" \
    "x-vector=$exp/xvector_sp/seed$seed/tdnn6/scores_test/plda/scores" \
    "1-D CNN=$exp/shon_sp/seed$seed/fc2/scores_test/plda/scores" "fusion=$exp/fusion/seed$seed/fusion/fused/scores"
  python -m speechlib.bin.make_results conf/results.yaml results RESULTS.md
  python -m speechlib.bin.make_report conf/results.yaml results "$name" "$exp/report.html"
fi
