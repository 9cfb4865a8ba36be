#!/usr/bin/env bash
# Usage: steps/cluster_embeddings.sh [options] <embeddings-rspecifier> <out-dir>
#  e.g.: steps/cluster_embeddings.sh --reference data/test/spk_of_group --dev-embeddings scp:exp/dev/L5.scp \
#          --dev-reference data/dev/spk_of_group scp:exp/test/L5.scp exp/clusters_L5
# Clusters embeddings by cosine distance; with --reference it scores the clustering, too (result.json, curve.tsv).
# Options:
#   --method M             linkage: complete, average or single (default: complete)
#   --metric M             distance between embeddings (default: cosine, the only one)
#   --linkage-legacy BOOL  distances between rows of the distance matrix, as the program of Lukic et al. (default: false)
#   --reference FILE       true speaker of each embedding
#   --dev-embeddings RSPEC embeddings of other speakers, to tune the cut; with --dev-reference FILE, their speakers
#   --threshold T          cut at this distance instead (default: the cut with the highest silhouette)
#   --num-clusters N       cut into this many clusters instead
#   --tags "NAME=VALUE .." noted in result.json, to group the rows of a table by
#   --seed N               seed of the model behind the embeddings, noted in result.json
#   --nj N                 one job: accepted so that every step can be called alike (default: 1)
#   --cmd CMD              job dispatcher (default: utils/run.py)
set -euo pipefail

# shellcheck disable=SC2034 # some are read by name, in the loop below
method=complete metric=cosine linkage_legacy=false nj=1 cmd=utils/run.py \
  reference='' dev_embeddings='' dev_reference='' threshold='' num_clusters='' tags='' seed=''

# shellcheck source=/dev/null
if [[ -f ./path.sh ]]; then . ./path.sh; elif [[ -f utils/setup_env.sh ]]; then . utils/setup_env.sh; fi
# shellcheck source=utils/parse_options.sh
. utils/parse_options.sh

# shellcheck disable=SC2119 # without a message
[[ $# -eq 2 ]] || usage
embeddings=$1 out=$2

options=(--method "$method" --metric "$metric" --linkage-legacy "$linkage_legacy")
for name in reference dev_embeddings dev_reference threshold num_clusters seed; do
  if [[ -n ${!name} ]]; then options+=("--${name//_/-}" "${!name}"); fi
done
for tag in $tags; do options+=(--tag "$tag"); done

mkdir -p "$out"
$cmd "$out/log/cluster.log" python -m speechlib.bin.cluster_embeddings "${options[@]}" "$embeddings" "$out"
