# shellcheck shell=bash disable=SC2034 # variables for the steps that source this
# What the steps that extract embeddings share; sourced by them, after their options.

# shellcheck source=steps/shared/lists.sh
. steps/shared/lists.sh

# begin_embeddings DIR: $dir/log and $dir/parts for the jobs; sets parts, the latter's absolute name, so that the list can
# be read from any folder. The list goes, and comes back when it is whole.
begin_embeddings() {
  mkdir -p "$1/log" "$1/parts"
  parts=$(cd "$1/parts" && pwd)
  rm -f "$parts/".*.tmp "$1/embedding.scp" # the former of jobs that were killed at once
}

# join_embeddings DATA DIR WORD LOGS: joins the jobs' $dir/parts/embedding.JOB.scp, JOB of 1..nj, to $dir/embedding.scp,
# sorted; sets num_embeddings. Utterances of DATA that got none are counted in a warning, which names LOGS; more than
# max_bad of them are an error. WORD is what the embeddings are called, with its article.
join_embeddings() {
  local total bad
  join_lists "$2/parts/embedding" .scp "$2/.embedding.scp"
  total=$(wc -l <"$1/feats.scp") num_embeddings=$(wc -l <"$2/.embedding.scp")
  bad=$((total - num_embeddings))
  if ((bad)); then
    echo "${0##*/}: warning: $bad of $total utterances have no ${3#* } (no frames, or no voiced ones): see $4" >&2
  fi
  if ((num_embeddings == 0 || bad > ${max_bad:-total})); then
    rm "$2/.embedding.scp"
    echo "${0##*/}: $bad utterances without $3 are too many: --max-bad is ${max_bad:-$((total - 1))}" >&2
    exit 1
  fi
  mv "$2/.embedding.scp" "$2/embedding.scp"
}
