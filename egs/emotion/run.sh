#!/usr/bin/env bash
# How they speak: emotions from all layers of HuBERT with 3 CNNs and an LSTM, and from experiments that INI files describe.
#
# Usage: egs/emotion/run.sh [options]
#  e.g.: egs/emotion/run.sh                                          # the embedded demo corpus: acted synthetic voices
#        egs/emotion/run.sh --corpus /corpora/emodb --weights hubert_fairseq_base_ls960.pth
#        egs/emotion/run.sh --corpus-type csv --corpus /data/labels.csv --target arousal_class
# Options:
#   --corpus PATH          corpus, or a CSV file (default: the demo corpus is made)
#   --corpus-type TYPE     emodb, ravdess, aesdd, polish, iemocap, csv or audformat (default: it is found by looking)
#   --name NAME            of data/NAME, exp/NAME and results/NAME (default: demo; with --corpus: its name)
#   --target LABEL         what is predicted: utt2LABEL (default: emotion)
#   --network FILE         conf/*.yaml of the self-supervised network (default: conf/hubert_base.yaml with --weights or
#                          --download, else conf/hubert_random_scaled.yaml)
#   --weights FILE         its weights: torchaudio, fairseq or Hugging Face layout
#   --download BOOL        fetch the published weights (default: false; without any, they are RANDOM and called so)
#   --classifier FILE      sizes and training of the classifier on its layers (default: conf/hubert_cnn_lstm.yaml, with
#                          random weights conf/hubert_cnn_lstm_scaled.yaml)
#   --layers "1 2 .."      layers that are also tried alone (default: all, with random weights the first and the last)
#   --experiments "A .."   conf/experiments/A.ini.. (default: all; opensmile_svm where openSMILE is installed)
#   --ensembles "M .."     rules that combine them (default: mean majority_voting uncertainty_weighted)
#   --max-bad N            unusable recordings that are left out; more are an error (default: 0)
#   --seed N               of networks, folds and experiments (default: 1)
#   --nj N                 parallel jobs (default: one a core)
#   --stage N              first stage (default: 0)
#   --stop-stage N         last stage (default: 99)
#   --list, --dry-run      print the stages; print their commands
#   --why, --force         say which stages would run and why; run those that are unchanged, too
set -euo pipefail
_called_from=$PWD
cd "$(dirname "${BASH_SOURCE[0]}")"

stage=0 stop_stage=99 nj=$(nproc) seed=1 max_bad=0 corpus='' corpus_type='' name='' target=emotion network='' weights=''
download=false classifier='' layers='' experiments='' ensembles="mean majority_voting uncertainty_weighted"
. ./cmd.sh; . ./path.sh; . utils/parse_options.sh

for _path in corpus weights; do
  if [[ -n ${!_path} ]]; then
    printf -v "$_path" %s "$(cd "$_called_from" && realpath -m "${!_path}")"
    [[ -e ${!_path} ]] || usage "--$_path: there is no ${!_path}"
  fi
done
name=${name:-$([[ -n $corpus ]] && basename "${corpus%.csv}" | tr -cs '[:alnum:]._\n-' _ || echo demo)}
data=data/$name exp=exp/$name results=results/$name
if [[ -n $weights || $download == true ]]; then
  network=${network:-conf/hubert_base.yaml} classifier=${classifier:-conf/hubert_cnn_lstm.yaml}
  layers=${layers:-$(seq -s ' ' 12)}
  _weights=(--download "$download" ${weights:+--weights "$weights"})
else
  network=${network:-conf/hubert_random_scaled.yaml} classifier=${classifier:-conf/hubert_cnn_lstm_scaled.yaml}
  layers=${layers:-1 12}
  _weights=(--random-weights "$seed")
fi
if [[ -z $experiments ]]; then
  experiments="functionals_svm functionals_gb functionals_mlp fbank_cnn"
  if python -c "import opensmile" 2>/dev/null; then experiments+=" opensmile_svm"; fi
fi
common=(--nj "$nj" --cmd "$cuda_cmd")
inis=$exp/experiments/ini

if stage 1 "Corpus: one data directory, folds"; then
  if [[ -z $corpus ]]; then
    ../../local/make_demo_corpus.sh --layout aesdd --seed 1 --nj "$nj" "$data/corpus"
  fi
  local/prepare_corpus.sh ${corpus_type:+--corpus-type "$corpus_type"} --max-bad "$max_bad" \
    "${corpus:-$data/corpus}" "$data/all"
  local/make_folds.sh --target "$target" --seed "$seed" "$data/all" "$data"
fi

if stage 2 "Hidden states of all layers"; then
  steps/extract_hidden_states.sh "${common[@]}" --config "$network" "${_weights[@]}" "$data/labelled" "$exp/states"
fi

if stage 3 "All layers: 3 CNNs and an LSTM; leave one speaker out, and the notebook's random sessions"; then
  for protocol in loso notebook; do
    steps/run_folds.sh "${common[@]}" --config "$classifier" --seed "$seed" "$exp/states" "$data/labelled/utt2$target" \
      "$data/folds/$protocol" "$exp/layers/all/$protocol"
  done
fi

if stage 4 "Single layers; leave one speaker out"; then
  for layer in $layers; do
    steps/run_folds.sh "${common[@]}" --config "$classifier" --layer "$layer" --seed "$seed" "$exp/states" \
      "$data/labelled/utt2$target" "$data/folds/loso" "$exp/layers/$layer/loso"
  done
fi

if stage 5 "Scores of the layers"; then
  for folder in "$exp"/layers/*/{loso,notebook}; do
    [[ -d $folder ]] || continue
    local/score_layers.sh --target "$target" --seed "$seed" --network "$(basename "$network" .yaml)" "$data" "$folder"
  done
  python -m speechlib.bin.plot_layer_weights "$exp/layers/layer_weights.png" "$exp"/layers/all/loso/*/layer_weights.tsv
fi

if stage 6 "Look at the data"; then
  local/make_inis.sh --target "$target" --seed "$seed" "$data/labelled" "$exp/experiments" "explore $experiments"
  python -m speechlib.bin.explore --config "$inis/explore.ini"
fi

if stage 7 "Experiments without programming"; then
  $cuda_cmd --max-jobs-run "$nj" JOB=1:"$(wc -w <<<"$experiments")" "$exp/experiments/log/run.JOB.log" \
    local/run_experiment.sh "$inis" "$experiments" JOB
fi

if stage 8 "Ensembles of our own features"; then
  for method in $ensembles; do
    local/run_ensemble.sh --method "$method" "$inis" "${experiments/opensmile_svm/}"
  done
fi

if stage 9 "Results"; then
  python -m speechlib.bin.collect_results "$exp" "$results"
  cp "$exp/layers/layer_weights.png" "$results"
  cp "$exp/layers/all/loso/confusion.png" "$results/layers_confusion.png"
  for picture in confusion groups; do
    cp "$exp/experiments/${experiments%% *}/$picture.png" "$results/experiment_$picture.png"
  done
  python -m speechlib.bin.make_results conf/results.yaml results RESULTS.md
  python -m speechlib.bin.make_report conf/results.yaml results "$name" "$exp/report.html"
fi
