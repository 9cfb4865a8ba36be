#!/usr/bin/env bash
# Usage: steps/score_plda.sh [options] <backend-dir> <enrol-embedding-dir> <test-embedding-dir> <trials> <out-dir>
#        steps/score_cosine.sh [options] <enrol-embedding-dir> <test-embedding-dir> <trials> <out-dir>
#  e.g.: steps/score_plda.sh --tags "system=xvector" exp/xvector/backend exp/xvector/test exp/xvector/test \
#          data/test/trials exp/xvector/plda
# Scores trials by PLDA or by cosine, after what the back-end does to embeddings: mean, whitening, LDA, length.
# <out-dir>/scores holds `<enrol> <test> <score>`; where the trials have labels, <out-dir>/result.json the error rates.
# Options:
#   --backend DIR            for the cosine: its mean, whitening and LDA are applied (default: none)
#   --enrol-spk2utt FILE     models and their utterances: each is scored as the mean of these, and PLDA is told how many
#   --num-utts FILE          for PLDA: how many utterances each enrolment embedding is the mean of already
#   --adapt DIR              embeddings without labels, from the domain of the trials: their mean takes the place of the
#                            back-end's, and PLDA is adapted to them
#   --within-covar-scale X   share of their excess variance that is within speakers (default: 0.3)
#   --between-covar-scale X  share that is between speakers (default: 0.7)
#   --smoothing X            share of PLDA's variance between speakers that is added to that within (default: 0.0)
#   --normalize-length BOOL  scale to the length that PLDA expects (default: true)
#   --utt2spk FILE           speakers, for the intervals (default: told from the target trials)
#   --tags "NAME=VALUE .."   noted in result.json
#   --seed N                 of the network behind the embeddings, noted in result.json (default: none)
#   --num-bootstrap N        resamples behind the intervals (default: 1000)
#   --nj N                   one job: accepted so that every step can be called alike (default: 1)
#   --cmd CMD                job dispatcher (default: utils/run.py)
set -euo pipefail

case ${1-} in
  plda | cosine) _kind=$1 && shift ;;
  *) _kind=none ;; # this file is behind steps/score_plda.sh and steps/score_cosine.sh
esac
backend='' enrol_spk2utt='' num_utts='' adapt='' within_covar_scale=0.3 between_covar_scale=0.7 smoothing=0.0 \
  normalize_length=true utt2spk='' tags='' seed='' num_bootstrap=1000 nj=1 cmd=utils/run.py

# shellcheck source=/dev/null
if [[ -f ./path.sh ]]; then . ./path.sh; elif [[ -f utils/setup_env.sh ]]; then . utils/setup_env.sh; fi
# shellcheck source=utils/parse_options.sh
. utils/parse_options.sh

# shellcheck disable=SC2119 # without a message
case $_kind$# in
  plda5) backend=$1 && shift ;;
  cosine4) ;;
  *) usage ;;
esac
enrol=$1 test=$2 trials=$3 out=$4
_files=("$enrol/embedding.scp" "$test/embedding.scp")
if [[ -n $backend ]]; then _files+=("$backend/mean.vec"); fi
if [[ $_kind == plda ]]; then _files+=("$backend/plda"); fi
if [[ -n $adapt ]]; then _files+=("$adapt/embedding.scp"); fi
for _file in "${_files[@]}"; do
  [[ -f $_file ]] || { echo "${0##*/}: no file $_file: extract the embeddings and train the back-end first" >&2; exit 1; }
done

mkdir -p "$out/log"
rm -f "$out"/{scores,result.json,.*.tmp} # none are better than those of other embeddings
_apply=(python -m speechlib.bin.apply_backend)
_score=(python -m speechlib.bin."score_$_kind")
if [[ -n $adapt && -n $backend ]]; then
  $cmd "$out/log/mean.log" python -m speechlib.bin.mean_vectors "scp:$adapt/embedding.scp" "$out/mean.vec"
  _apply+=(--mean "$out/mean.vec")
fi

# Prints the rspecifier of a table behind the back-end.
_table() { printf '%q ' ark:"${_apply[0]}" "${_apply[@]:1}" "$backend" "scp:$1/embedding.scp" ark:- && echo '|'; }

_enrol_table=$(_table "$enrol")
if [[ -n $enrol_spk2utt ]]; then
  $cmd "$out/log/models.log" "${_apply[@]}" --spk2utt "$enrol_spk2utt" --num-utts "$out/num_utts" \
    "$backend" "scp:$enrol/embedding.scp" "ark:$out/models.ark"
  _enrol_table=ark:$out/models.ark num_utts=$out/num_utts
fi
if [[ $_kind == plda ]]; then
  plda=$backend/plda
  if [[ -n $adapt ]]; then
    $cmd "$out/log/adapt.log" python -m speechlib.bin.adapt_plda --within-covar-scale "$within_covar_scale" \
      --between-covar-scale "$between_covar_scale" "$plda" "$(_table "$adapt")" "$out/plda"
    plda=$out/plda
  fi
  _score+=(--normalize-length "$normalize_length" --smoothing "$smoothing")
  if [[ -n $num_utts ]]; then _score+=(--num-utts "$num_utts"); fi
  _score+=("$plda")
fi
$cmd "$out/log/score.log" "${_score[@]}" "$_enrol_table" "$(_table "$test")" "$trials" "$out/scores"

read -ra _words < <(head -n 1 "$trials")
if ((${#_words[@]} == 3)); then
  steps/eval_trials.sh --nj "$nj" --cmd "$cmd" --utt2spk "$utt2spk" --tags "$tags" --seed "$seed" \
    --num-bootstrap "$num_bootstrap" "$trials" "$out"
fi
