"""Every section and key that an experiment's INI file may hold, with type, default and meaning (after Nkululeko 1.0).

Where Nkululeko's paper and its code disagree, defaults are the paper's (Burkhardt and Atmaja, "Nkululeko 1.0"): dropout
.1 for the multi-layer perceptron, where the code has none.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

SELECTIONS = ("all", "train", "test")
LEAKS = ("shared_speakers", "shared_sentences", "identical_audio", "target_scaling", "selection_beyond_training")


@dataclass(frozen=True)
class Key:
    """What a key may be set to.

    Args:
        kind: text, path, int, float, bool, list, dict, or literal (any Python literal).
        default: where the file is silent.
        meaning: for people.
        choices: of a text, or of every item of a list of texts; empty: any.
    """

    kind: str
    default: Any
    meaning: str
    choices: tuple[str, ...] = ()


def _text(default, meaning, *choices):
    return Key("text", default, meaning, tuple(choices))


def _list(default, meaning, *choices):
    return Key("list", default, meaning, tuple(choices))


def _int(default, meaning):
    return Key("int", default, meaning)


def _float(default, meaning):
    return Key("float", default, meaning)


def _bool(default, meaning):
    return Key("bool", default, meaning)


FEATURE_TYPES = (
    "functionals", "fbank", "mfcc", "spectra", "embeddings", "hubert", "wav2vec2", "wavlm", "import", "os", "praat",
)  # fmt: skip
CLASSIFIERS = (
    "svm", "logreg", "log_reg", "gb", "xgb", "knn", "gmm", "tree", "bayes", "nb", "mlp", "cnn", "finetune",
)  # fmt: skip
REGRESSIONS = ("svr", "lin_reg", "gb_reg", "xgr", "knn_reg", "tree_reg", "mlp_reg", "cnn_reg", "finetune")
SCALINGS = ("standard", "robust", "minmax", "maxabs", "bins", "speaker")
BALANCINGS = ("ros", "smote", "randomundersampler")
AUGMENTATIONS = ("noise", "reverberation", "speed", "pitch", "traditional")

# Keys of Nkululeko that are read and change nothing here; a note says so where a file sets them to something.
KEPT = {
    ("FEATS", "store_format"): "the store has one format of its own",
    ("FEATS", "print_feats"): "features are not printed; the store and explore have them",
    ("REPORT", "fresh"): "every report is fresh",
    ("PLOT", "best_model"): "the epoch is the best on a dev part, never on test; the confusion matrix is always drawn",
}

SECTIONS: dict[str, dict[str, Key]] = {
    "EXP": {
        "root": Key("path", "./results/", "folder of all experiments"),
        "name": _text("experiment", "folder of this one, below root"),
        "type": _text("classification", "what is predicted", "classification", "regression"),
        "store": Key("path", "./store/", "cache of features, relative to root; experiments share it"),
        "runs": _int(1, "trainings with other seeds; scores are their mean"),
        "epochs": _int(1, "of neural networks"),
        "seed": _int(42, "of splits, weights and resampling"),
        "save": _bool(False, "keep a model of all data, for predict, test and demo"),
        "save_test": Key("path", None, "CSV file for the predictions, as a database"),
        "traindevtest": _bool(False, "split off a dev part, which chooses the epoch of a neural network"),
    },
    "DATA": {
        "databases": _list(None, "names of the databases"),
        "tests": _list([], "databases to test the trained model on, for the module test"),
        "root_folders": Key("path", None, "INI file with more keys of [DATA]"),
        "type": _text(None, "continuous: labels are numbers, to be binned", "continuous"),
        "target": _text("emotion", "column to predict"),
        "labels": _list(None, "classes; others are left out (default: all)"),
        "bins": _list(None, "edges that make classes of numbers; beyond the outer ones nothing lies"),
        "target_divide_by": _float(None, "divide the target by this"),
        "filter": Key("literal", [], "[[column, value or values], ...] or {column: ...} that a sample must have"),
        "filter.sample_selection": _text("all", "which part filters apply to", *SELECTIONS),
        "limit_samples": _int(None, "keep so many samples of a part, drawn by the seed"),
        "limit_samples_per_speaker": _int(None, "keep so many samples of a speaker"),
        "samples_per_speaker": _int(None, "the same"),
        "min_duration_of_sample": _float(None, "seconds"),
        "max_duration_of_sample": _float(None, "seconds"),
        "min_length": _float(None, "the same as min_duration_of_sample"),
        "max_length": _float(None, "the same as max_duration_of_sample"),
        "min_dur_test": _float(None, "seconds, of test samples alone"),
        "check_size": _int(None, "leave out files of fewer bytes"),
        "balance": Key("dict", None, "{column: weight} that split_strategy = balanced spreads evenly"),
        "size_diff_weight": _float(1.0, "weight of the wanted size of the test part in a balanced split"),
        "no_reuse": _bool(False, "compute features anew"),
        "allow_leak": _list([], "leaks between training and test to let pass; every result names them", *LEAKS),
    },
    "FEATS": {
        "type": _list(["functionals"], "kinds of features, joined column by column", *FEATURE_TYPES),
        "scale": _text(None, "scaling, fitted on the training part", *SCALINGS),
        "set": _text("eGeMAPSv02", "openSMILE's feature set, of type os"),
        "level": _text("functionals", "openSMILE's level", "functionals", "functional"),
        "features": _list(None, "columns to use, by name; or one file that explore wrote: features.json"),
        "os.features": _list(None, "columns of type os to use"),
        "praat.features": _list(None, "columns of type praat to use"),
        "functionals.groups": _list(None, "groups of our functionals to use (default: all)"),
        "balancing": _text(None, "of the training part", *BALANCINGS),
        "balancing_random_state": _int(42, "seed of the balancing"),
        "needs_feature_extraction": _bool(False, "compute features anew"),
        "no_reuse": _bool(False, "compute features anew"),
        "store_format": _text("pkl", "of Nkululeko, without effect: the store has one format of ours", "pkl", "csv"),
        "print_feats": _bool(False, "of Nkululeko, without effect"),
        "import_file": _list(None, "CSV files (file, value ..) or scripts of Kaldi archives"),
        "import_files_append": _bool(True, "files hold more samples; False: more columns"),
        "embeddings.model": Key("path", None, "folder of a trained speaker network of this repository"),
        "embeddings.layer": _text(None, "its layer (default: the last that gives embeddings)"),
        "embeddings.feats_config": Key("path", None, "options of its MFCCs, of a network that does not note them"),
        "hubert.model": Key("path", None, "weights: torchaudio, fairseq or Hugging Face layout, or random:<seed>"),
        "hubert.config": Key("path", None, "YAML with the sizes of the network (default: base)"),
        "hubert.layer": _text("mean", "a layer from 1, or mean over all, or learned (model cnn)"),
        "wav2vec2.model": Key("path", None, "as hubert.model"),
        "wav2vec2.config": Key("path", None, "as hubert.config"),
        "wav2vec2.layer": _text("mean", "as hubert.layer"),
        "wavlm.model": Key("path", None, "as hubert.model"),
        "wavlm.config": Key("path", None, "as hubert.config"),
        "wavlm.layer": _text("mean", "as hubert.layer"),
        "fft_win_dur": _float(25.0, "milliseconds of a frame, of fbank, mfcc and spectra"),
        "fft_hop_dur": _float(10.0, "milliseconds from frame to frame"),
        "fft_nbands": _int(64, "mel bands of fbank and spectra"),
        "num_ceps": _int(20, "coefficients of mfcc"),
        "cmn": _bool(False, "of fbank, mfcc and spectra: subtract each sample's mean, of level and channel"),
    },
    "MODEL": {
        "type": _text("svm", "kind of model", *dict.fromkeys(CLASSIFIERS + REGRESSIONS)),
        "c_val": _float(None, "C of svm (1), svr (.001) and logreg (1)"),
        "c": _float(None, "the same, as scikit-learn calls it"),
        "kernel": _text("rbf", "of svm and svr", "rbf", "linear", "poly", "sigmoid"),
        "gamma": Key("literal", "scale", "of svm and svr"),
        "k_val": _int(5, "neighbours of knn"),
        "knn_weights": _text("uniform", "of knn", "uniform", "distance"),
        "gmm_components": _int(4, "Gaussians a class, of gmm"),
        "gmm_covariance_type": _text("full", "of gmm", "full", "tied", "diag", "spherical"),
        "n_estimators": _int(100, "trees of gb and xgb"),
        "max_depth": _int(6, "of trees"),
        "subsample": _float(1.0, "share of samples for a tree of xgb"),
        "learning_rate": _float(None, "of neural networks (1e-4), gb (.1) and xgb (.3)"),
        "layers": Key("literal", None, "sizes of hidden layers: [64, 16] or {'l1': 64, 'l2': 16} (cnn: none)"),
        "drop": Key("literal", 0.1, "dropout behind hidden layers of mlp; False: none"),
        "batch_size": _int(8, "of neural networks"),
        "loss": _text(None, "of neural networks", "cross", "mse", "mae", "1-ccc"),
        "measure": _text(None, "that chooses settings", "uar", "accuracy", "f1_macro", "ccc", "mae", "mse", "pcc"),
        "scoring": _text(None, "the same in scikit-learn's words", "recall_macro", "accuracy", "f1_macro"),
        "patience": _int(None, "stop after so many epochs without a better dev score; brings a dev part"),
        "device": _text("auto", "auto, cpu, or a GPU: cuda, or its number"),
        "n_jobs": _int(None, "threads that train (default: 1)"),
        "save": _bool(False, "as EXP.save"),
        "class_weight": _bool(False, "weigh classes by their rarity"),
        "loso": _bool(False, "leave one speaker out, in place of the split"),
        "logo": _int(None, "leave one of so many groups of speakers out, in place of the split"),
        "k_fold_cross": _int(None, "stratified folds that ignore speakers, in place of the split"),
        "tuning_params": _list(None, "parameters whose values, given as lists, are searched speaker-wise in training"),
        "random_state": _int(None, "as EXP.seed, of the model alone"),
        "pretrained_model": Key("path", None, "weights that finetune starts from, as hubert.model"),
        "pretrained_config": Key("path", None, "YAML with the sizes of that network (default: base)"),
        "freeze_layers": _int(0, "transformer layers of finetune that stay as they are, from the bottom"),
        "push_to_hub": _bool(False, "must be False: nothing is sent anywhere"),
        "max_duration": _float(8.0, "seconds of a sample that finetune hears, from its start"),
    },
    "EXPL": {
        "value_counts": Key("list", [], "[[column], [column, column], ...] to plot"),
        "feature_distributions": _bool(True, "plot the features that tell the target best"),
        "max_feats": _int(10, "so many of them"),
        "features": _list(None, "these features, by name"),
        "ignore_gender": _bool(False, "do not split distributions by gender"),
        "sample_selection": _text("all", "which part", *SELECTIONS),
        "scatter": _list(["pca", "tsne"], "projections to the plane", "pca", "tsne"),
        "scatter.target": _list(None, "columns that colour them (default: the target)"),
        "traits": _list(["duration", "snr", "speech_rate"], "traits to estimate and relate to the target"),
        "by_speaker": _bool(False, "test on means of speakers: their samples are not independent"),
    },
    "PREDICT": {
        "targets": _list(["snr"], "traits: duration, snr, speech_rate, clipping, level, speaker, or those of models"),
        "sample_selection": _text("all", "which part", *SELECTIONS),
        "result": Key("path", "predicted.csv", "CSV file in the experiment's folder"),
        "models": Key("dict", {}, "{trait: INI file of an experiment with a saved model}"),
        "speaker.model": Key("path", None, "folder of a speaker network; without it, statistics of MFCCs"),
        "speaker.feats_config": Key("path", None, "options of its MFCCs, of a network that does not note them"),
        "speaker.threshold": _float(None, "cosine distance at which clusters are speakers (default: best silhouette)"),
        "speaker.number": _int(None, "of speakers in the whole table, where it is known"),
    },
    "SEGMENT": {
        "sample_selection": _text("all", "which part", *SELECTIONS),
        "method": _text("silero", "voice activity detector", "silero", "energy"),
        "segment_target": Key("path", None, "as result"),
        "target": Key("path", None, "as result"),
        "result": Key("path", "segmented.csv", "CSV file in the experiment's folder"),
        "min_length": _float(2.0, "seconds; shorter segments are left out"),
        "max_length": _float(None, "seconds; longer segments are cut"),
        "speakers": _bool(False, "predict who speaks: clusters of a file, and over the whole database"),
    },
    "AUGMENT": {
        "augment": _list(["traditional"], "methods; traditional: noise, speed and pitch", *AUGMENTATIONS),
        "sample_selection": _text("train", "which part", *SELECTIONS),
        "result": Key("path", "augmented.csv", "CSV file in the experiment's folder"),
        "balance": _bool(False, "copies of the rarer classes alone, until all have the same number"),
        "noise": Key("path", None, "folder of noise recordings (default: white and pink noise are made)"),
        "rirs": Key("path", None, "folder of room impulse responses (default: decaying noise is made)"),
        "snr": _list([5.0, 20.0], "range of the signal-to-noise ratio in dB"),
        "speed": _list([0.9, 1.1], "range of the factor of speed"),
        "pitch": _list([-2.0, 2.0], "range of the shift in semitones"),
    },
    "RESAMPLE": {
        "sample_selection": _text("all", "which part", *SELECTIONS),
        "rate": _int(16000, "Hz"),
        "replace": _bool(False, "overwrite the files; else copies are written and a CSV file of them"),
        "target": Key("path", "data_resampled.csv", "CSV file in the experiment's folder"),
    },
    "PLOT": {
        "name": _text("", "prefix of the figures' names"),
        "format": _text("png", "of figures", "png", "svg", "pdf"),
        "ccc": _bool(False, "show CCC in headings of regressions"),
        "best_model": _bool(False, "of Nkululeko, without effect: the epoch is the best on dev, never on test"),
        "epoch_progression": _bool(True, "learning curves of neural networks"),
        "combine_per_speaker": _text(None, "one more confusion matrix: decisions by speaker", "mode", "mean"),
    },
    "REPORT": {
        "show": _bool(False, "print the tables of the report at the end"),
        "fresh": _bool(False, "of Nkululeko, without effect: every report is fresh"),
        "latex": _text(None, "name of the LaTeX document (default: report)"),
        "title": _text(None, "of the document"),
        "author": _text(None, "of the document"),
    },
}  # fmt: skip

# Keys `<database>.<key>` of [DATA].
DATABASE_KEYS: dict[str, Key] = {
    "type": _text(None, "audformat, csv or kaldi (default: by what is there)", "audformat", "csv", "kaldi"),
    "absolute_path": _bool(True, "False: files lie relative to the CSV file"),
    "audio_path": Key("path", "", "folder of the audio files, of a csv database"),
    "mapping": Key("dict", None, "{'target class, another': 'new name'} of labels"),
    "colnames": Key("dict", None, "{'column in the file': 'name here'}"),
    "label": _text(None, "column that holds the target"),
    "split_strategy": Key("literal", "speaker_split", "how training and test are told apart"),
    "test_size": _float(20.0, "per cent of speakers, or of samples for random"),
    "dev_size": _float(20.0, "per cent"),
    "train": _list(None, "speakers, of speakers_stated"),
    "dev": _list(None, "speakers, of speakers_stated"),
    "test": _list(None, "speakers, of speakers_stated"),
    "split_column": _text(None, "column, of split_strategy = column"),
    "train_vals": _list(None, "its values for training"),
    "dev_vals": _list(None, "its values for dev"),
    "test_vals": _list(None, "its values for test"),
    "target_tables": _list(None, "tables with labels, of audformat"),
    "files_tables": _list(None, "tables with files, of audformat"),
    "train_tables": _list(None, "tables of audformat, or list files of utterances"),
    "dev_tables": _list(None, "the same"),
    "test_tables": _list(None, "the same"),
    "as_test": _bool(False, "its test part alone"),
    "as_train": _bool(False, "its training part alone"),
    "required": _text(None, "column that must have a value"),
    "filter": Key("literal", [], "as DATA.filter"),
    "columns": _list(None, "columns that must be there; all are read"),
    "limit": _int(None, "keep the first so many samples"),
    "limit_samples": _int(None, "keep so many samples"),
    "limit_samples_per_speaker": _int(None, "keep so many samples of a speaker"),
    "samples_per_speaker": _int(None, "the same"),
    "min_duration_of_sample": _float(None, "seconds"),
    "max_duration_of_sample": _float(None, "seconds"),
    "rename_speakers": _bool(False, "put the database's name before its speakers' names"),
    "scale": _bool(False, "standardise the target over the whole database"),
    "reverse": _bool(False, "target x becomes |x - max|"),
    "reverse.max": _float(None, "that maximum (default: the largest target)"),
    "channel": _int(None, "of recordings with several channels, from 0"),
}  # fmt: skip
