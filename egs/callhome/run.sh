#!/usr/bin/env bash
# Who spoke when: speaker clustering of conversations by comparing utterances (Jeon et al., 2009), and diarization.
#
# Usage: egs/callhome/run.sh [options]
#  e.g.: egs/callhome/run.sh                                       # the embedded demo corpus: synthetic conversations
#        egs/callhome/run.sh --corpus /corpora/callhome            # LDC CALLHOME: two-channel SPHERE and transcripts
#        egs/callhome/run.sh --corpus /corpora/speechocean762 --recordings "/corpora/ami_30s /corpora/meetings"
# Options:
#   --corpus DIR           LDC CALLHOME, disk 8 of NIST SRE 2000, recordings with RTTM, or utterances of known speakers, of
#                          which conversations are made (default: the demo corpus is made); README.md has the layouts
#   --train DIR            data directory to train on, of a corpus that has no training part (default: the corpus's own)
#   --recordings "DIR .."  folders of recordings with RTTM files that are diarized, too, by the same models
#   --name NAME            of data/NAME, exp/NAME and results/NAME (default: demo; with --corpus: that folder's name)
#   --rate N               kHz of the features, 8 or 16 (default: 8 for the demo, else that of the corpus)
#   --stage N              first stage (default: 0)
#   --stop-stage N         last stage (default: 99)
#   --nj N                 parallel jobs (default: one a core)
#   --seed N               of the demo corpus, the conversations and the background model (default: 1)
#   --num-gauss N          Gaussians of the background model (default: 64)
#   --rank N               eigenvoices (default: 20)
#   --channel-rank N       eigenchannels (default: 10)
#   --relevance X          of the MAP adaptation (default: 16)
#   --frame-scale X        what a frame counts; less than 1 because neighbouring frames are alike (default: .2)
#   --conversations N      that are made of utterances of known speakers (default: 60)
#   --vad KIND             of the raw recordings: harmonicity, energy or silero (default: harmonicity)
#   --segmentation KIND    of the raw recordings: uniform windows, or bic (default: uniform)
#   --max-bad N            unusable recordings that are left out; more are an error (default: 0)
#   --list, --dry-run      print the stages; print what would run
set -euo pipefail
_called_from=$PWD
cd "$(dirname "${BASH_SOURCE[0]}")"

stage=0 stop_stage=99 nj=$(nproc) seed=1 max_bad=0 corpus='' train='' recordings='' name='' rate=''
num_gauss=64 rank=20 channel_rank=10 relevance=16 frame_scale=.2 conversations=60
vad=harmonicity segmentation=uniform
. ./cmd.sh; . ./path.sh; . utils/parse_options.sh
