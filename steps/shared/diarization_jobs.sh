# shellcheck shell=bash
# What the steps that diarize segmented recordings share; sourced by them, after their options.

# cluster_segments DATA MODEL OUT: statistics of the segments in $out/stats, trees of the recordings in $out/trees.
# shellcheck disable=SC2154 # options of the calling step
cluster_segments() {
  local options=(--nj "$nj" --cmd "$cmd")
  case $distance in
    ucm | ev | ev-euclidean)
      options+=(--model "$2" --num-iters "$num_iters" --assignment "$assignment" --frame-scale "$frame_scale")
      options+=(--use-eigenchannels "$use_eigenchannels")
      ;;
    *) options+=(--kind moments --frontend-conf "$2/frontend.conf") ;;
  esac
  steps/extract_utterance_stats.sh "${options[@]}" "$1" "$3/stats"
  steps/cluster_conversations.sh --distance "$distance" --linkage "$linkage" --bic-penalty "$bic_penalty" --nj "$nj" \
    --cmd "$cmd" "$1" "$3/stats" "$3/trees"
}
