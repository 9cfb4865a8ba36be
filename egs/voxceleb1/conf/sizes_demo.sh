# shellcheck shell=bash disable=SC2034 # read by run.sh
# Scaled down for the demo corpus and laptops.
num_gauss=32 ivector_dim=48 lda_dim=0 network_lda_dim=20 num_augmented=500 default_dev_share=.25
