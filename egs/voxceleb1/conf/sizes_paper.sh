# shellcheck shell=bash disable=SC2034 # read by run.sh
# Shon et al. (2018) and the authors' i-vector baseline: 2048 full-covariance Gaussians, 600 dimensions; LDA to 200 as
# in Kaldi (the paper leaves it open); 140,000 augmented copies.
num_gauss=2048 ivector_dim=600 lda_dim=200 network_lda_dim=200 num_augmented=140000 default_dev_share=.05
