#!/usr/bin/env bash
# Speaker identification and clustering on TIMIT (Lukic et al., MLSP 2016; Jeon et al., 2009).
#
# Usage: egs/timit/run.sh [options]
#  e.g.: egs/timit/run.sh                              # the embedded demo corpus: synthetic voices
#        egs/timit/run.sh --corpus /corpora/TIMIT      # real TIMIT in any layout, whole or in part
# Options:
#   --corpus DIR           TIMIT's folder (default: the demo corpus is made)
#   --name NAME            of data/NAME, exp/NAME and results/NAME (default: demo; with --corpus: timit)
#   --stage N              first stage (default: 0)
#   --stop-stage N         last stage (default: 99)
#   --nj N                 parallel jobs (default: one a core)
#   --seed N               of the demo corpus, and first of the networks' seeds (default: 1)
#   --num-seeds N          networks behind each number (default: 5)
#   --speakers N           speakers of the demo corpus (default: 36)
#   --train-config FILE    sizes and optimiser (default: conf/lukic_scaled.yaml; the paper's: conf/lukic_paper.yaml)
#   --precision P          fp32 or bf16, in place of the one in the train-config; bf16 is quicker on CPUs with AMX
#   --linkage-legacy BOOL  cluster as the authors' code does, not as their text says (default: false)
#   --max-bad N            unusable recordings that are left out; more are an error (default: 0)
#   --list, --dry-run      print the stages; print their commands
#   --why, --force         say which stages would run and why; run those that are unchanged, too
set -euo pipefail
_called_from=$PWD
cd "$(dirname "${BASH_SOURCE[0]}")"

stage=0 stop_stage=99 nj=$(nproc) seed=1 num_seeds=5 speakers=36 max_bad=0
corpus='' name='' train_config=conf/lukic_scaled.yaml precision='' linkage_legacy=false
. ./cmd.sh; . ./path.sh; . utils/parse_options.sh

((seed >= 1 && num_seeds >= 1)) || usage "--seed and --num-seeds count from 1"
if [[ -n $corpus ]]; then
  corpus=$(cd "$_called_from" && realpath -m "$corpus")
  [[ -d $corpus ]] || usage "--corpus: there is no folder $corpus"
fi
name=${name:-$([[ -n $corpus ]] && echo timit || echo demo)}
data=data/$name exp=exp/$name results=results/$name
seeds=$(seq -s ' ' "$seed" $((seed + num_seeds - 1)))
train() {
  steps/train_snippet_cnn.sh --cmd "$cuda_cmd" --nj "$nj" --config "$train_config" --precision "$precision" \
    --seeds "$seeds" "$@"
}
# each_seed <log-dir> <command with SEED in it>: the command for every seed, as a job array
each_seed() { $train_cmd --max-jobs-run "$nj" SEED="$seed:${seeds##* }" "$1/log/${2##*/}.SEED.log" "${@:2}"; }

if stage 1 "Corpus, data directory, lists of speakers and sentences"; then
  if [[ -z $corpus ]]; then
    ../../local/make_demo_corpus.sh --layout timit --speakers "$speakers" --seed "$seed" "$data/corpus"
  fi
  local/prepare_timit.sh --max-bad "$max_bad" "${corpus:-$data/corpus}" "$data"
fi

if stage 2 "Mel spectrograms, training and test sets"; then
  steps/make_feats.sh --type melspec --config conf/melspec.yaml --compress false --nj "$nj" --cmd "$train_cmd" \
    --max-bad "$max_bad" "$data/all"
  local/make_sets.sh "$data"
fi

if stage 3 "Identification: networks for all speakers, 8 sentences"; then
  train --check-against "$data/ident_test" "$data/ident_train" "$exp/identification"
fi

if stage 4 "Identification: the other 2 sentences"; then
  each_seed "$exp/identification" local/identify.sh \
    "$data/ident_test" "$exp/identification/seedSEED" "$data/ident_test"
fi

if stage 5 "Filter study: 10 speakers, 6 / 2 / 2 sentences"; then
  while read -r shape filter pool pool_stride; do
    train --filter "$filter" --pool "$pool" --pool-stride "$pool_stride" \
      --check-against "$data/ten_eval" "$data/ten_train" "$exp/filters/$shape"
    each_seed "$exp/filters/$shape" local/identify.sh --tags "shape=$shape" \
      "$data/ten_eval" "$exp/filters/$shape/seedSEED" "$data/ten_val" "$data/ten_test"
  done < <(grep -v '^#' conf/filter_shapes.tsv)
fi

if stage 6 "Clustering: networks of few and of many speakers"; then
  for set in small large; do
    if [[ -e $data/lists/too_few_to_cluster ]]; then continue; fi
    train --check-against "$data/unseen_by_$set" --unseen-speakers true "$data/net_$set" "$exp/cluster/$set"
  done
fi

if stage 7 "Clustering: unseen speakers, every layer (Table 1)"; then
  for set in small large; do
    if [[ -e $data/lists/too_few_to_cluster ]]; then continue; fi
    each_seed "$exp/cluster/$set" local/cluster_speakers.sh --linkage-legacy "$linkage_legacy" \
      --seed SEED "$data" "$set" "$exp/cluster/$set/seedSEED"
  done
fi

if stage 8 "Clustering: the same speakers, by distances between utterances (Jeon et al., 2009)"; then
  # does not read: "$exp"
  if [[ ! -e $data/lists/too_few_to_cluster ]]; then
    local/make_comparison_sets.sh --nj "$nj" --cmd "$train_cmd" --max-bad "$max_bad" "$data"
    each_seed "$exp/cluster" local/compare_utterances.sh --seed SEED "$data" "$exp/cluster"
    local/compare_utterances.sh --kind moments --seed "$seed" "$data" "$exp/cluster"
  fi
fi

if stage 9 "Figures"; then
  local/make_figures.sh --nj "$nj" --seed "$seed" "$data" "$exp" "$results"
fi

if stage 10 "Results"; then
  python -m speechlib.bin.collect_results "$exp" "$results"
  python -m speechlib.bin.make_results conf/results.yaml results RESULTS.md
  python -m speechlib.bin.make_report conf/results.yaml results "$name" "$exp/report.html"
fi
