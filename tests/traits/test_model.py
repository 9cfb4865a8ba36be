"""Models of traits: all kinds learn what is easy; scaling, balancing, weights and search see training rows alone."""

import dataclasses

import numpy as np
import pytest
import torch

from speechlib.traits.estimators import CLASSIFIERS, REGRESSIONS, Classifier, EstimatorOptions, Regression, inner_folds
from speechlib.traits.model import ModelSettings, TraitModel
from speechlib.traits.network_training import NetworkOptions, concordance, network_outputs, train_network
from speechlib.traits.networks import EncoderHead, FrameCnn, Perceptron
from speechlib.traits.tuning import search, with_parameter

RNG = np.random.default_rng(0)
Y = np.arange(90) % 3
X = RNG.normal(size=(90, 5)) + 4 * np.eye(5)[Y]
SPEAKERS = [f"s{row // 15}" for row in range(90)]
NETWORK = {"epochs": 30, "learning_rate": 0.01, "batch_size": 8, "loss": "cross", "seed": 1}


def accuracy(truth, outputs):
    return float((outputs.argmax(1) == truth).mean())


def closeness(truth, outputs):
    return -float(np.abs(outputs[:, 0] - truth).mean())


def available(kind):
    if kind in ("xgb", "xgr"):
        pytest.importorskip("xgboost", reason="the extra xgboost is not installed")
    return kind


@pytest.mark.parametrize("kind", CLASSIFIERS)
def test_classifiers_learn_and_give_probabilities(kind):
    model = TraitModel(ModelSettings(available(kind), 3, scaling="standard")).fit(X, Y, SPEAKERS, accuracy)
    outputs = model.outputs(X)
    np.testing.assert_allclose(outputs.sum(1), 1, rtol=1e-6)
    assert (outputs >= 0).all() and accuracy(Y, outputs) > 0.9
    again = TraitModel(ModelSettings(kind, 3, scaling="standard")).fit(X, Y, SPEAKERS, accuracy)
    assert (again.outputs(X) == outputs).all()


@pytest.mark.parametrize("kind", REGRESSIONS)
def test_regressions_learn(kind):
    y = X @ [1.0, -2.0, 0.5, 0.0, 0.0]
    estimator = EstimatorOptions(c=10.0)
    model = TraitModel(ModelSettings(available(kind), 0, estimator, scaling="standard")).fit(X, y, SPEAKERS, closeness)
    assert np.corrcoef(model.outputs(X)[:, 0], y)[0, 1] > 0.9


@pytest.mark.parametrize("kind", ["mlp", "cnn"])
def test_networks_learn_classes(kind):
    x = X if kind == "mlp" else [np.repeat(row[None], 8 + number % 5, 0) for number, row in enumerate(X)]
    settings = ModelSettings(kind, 3, network=NETWORK, scaling="standard")
    model = TraitModel(settings).fit(x, Y, SPEAKERS, accuracy)
    assert accuracy(Y, model.outputs(x)) > 0.9
    assert len(model.curve) == 30 and model.epoch == 30 and model.curve[-1].loss < model.curve[0].loss


@pytest.mark.parametrize("loss", ["mse", "mae", "1-ccc"])
def test_networks_learn_numbers(loss):
    y = 100.0 + 20.0 * X[:, 0]
    settings = ModelSettings("mlp_reg", 0, network={**NETWORK, "loss": loss}, scaling="standard")
    outputs = TraitModel(settings).fit(X, y, SPEAKERS, closeness).outputs(X)[:, 0]
    assert np.corrcoef(outputs, y)[0, 1] > 0.95 and abs(outputs.mean() - y.mean()) < 10


def test_the_epoch_is_the_best_on_dev_and_its_weights_are_taken():
    rng = np.random.default_rng(1)
    noise_x, noise_y = rng.normal(size=(40, 5)), rng.integers(0, 3, 40)  # nothing to learn: dev scores go up and down
    dev_x, dev_y = rng.normal(size=(20, 5)), rng.integers(0, 3, 20)
    settings = ModelSettings("mlp", 3, network=NETWORK)
    model = TraitModel(settings).fit(noise_x, noise_y, None, accuracy, (dev_x, dev_y))
    scores = [epoch.dev_score for epoch in model.curve]
    assert model.epoch == int(np.argmax(scores)) + 1 < 30
    assert accuracy(dev_y, model.outputs(dev_x)) == max(scores)


def test_patience_stops_the_training():
    settings = ModelSettings("mlp", 3, network={**NETWORK, "epochs": 200, "patience": 3})
    model = TraitModel(settings).fit(X[:60], Y[:60], None, accuracy, (X[60:], Y[60:]))
    assert len(model.curve) == model.epoch + 3 < 200


def test_numbers_of_dev_are_compared_on_the_scale_of_training():
    y = 1000.0 + X[:, 0]
    settings = ModelSettings("mlp_reg", 0, network={**NETWORK, "loss": "mse"})
    model = TraitModel(settings).fit(X[:60], y[:60], None, closeness, (X[60:], y[60:]))
    assert max(epoch.dev_score for epoch in model.curve) > -0.5  # not about 1000 off


def test_scaling_sees_training_rows_alone():
    model = TraitModel(ModelSettings("logreg", 3, scaling="standard")).fit(X[:60], Y[:60], None, accuracy)
    assert model.scaler.num_rows == 60
    np.testing.assert_allclose(model.scaler.shift, X[:60].mean(0))


def test_probabilities_of_the_support_vector_machine_tell_how_sure_it_is():
    rng = np.random.default_rng(3)
    y = np.arange(300) % 3
    x = rng.normal(size=(300, 4)) + 1.2 * np.eye(4)[y]  # overlapping classes
    groups = [f"s{row // 30}" for row in range(300)]
    model = Classifier("svm", EstimatorOptions()).fit(x, y, 3, groups)
    new_x = rng.normal(size=(600, 4)) + 1.2 * np.eye(4)[np.arange(600) % 3]
    p = model.probabilities(new_x)
    right = p.argmax(1) == np.arange(600) % 3
    assert abs(p.max(1).mean() - right.mean()) < 0.06  # calibrated on the whole
    sure = p.max(1) > np.median(p.max(1))
    assert right[sure].mean() > right[~sure].mean() + 0.15
    assert (p.argmax(1) == model.estimator.predict(new_x)).mean() > 0.97  # soft votes rarely differ from hard ones


def test_two_classes_decide_as_the_machine_does():
    y = np.arange(60) % 2
    x = RNG.normal(size=(60, 3)) + 1.5 * y[:, None]
    model = Classifier("svm", EstimatorOptions()).fit(x, y, 2, None)
    assert (model.probabilities(x).argmax(1) == model.estimator.predict(x)).all()


def test_class_weights_help_the_rare_class():
    y = np.array([0] * 90 + [1] * 10)
    x = RNG.normal(size=(100, 2)) + 1.0 * y[:, None]
    plain = TraitModel(ModelSettings("logreg", 2)).fit(x, y, None, accuracy).outputs(x)
    weighted = TraitModel(ModelSettings("logreg", 2, class_weight=True)).fit(x, y, None, accuracy).outputs(x)
    assert (weighted.argmax(1)[y == 1]).mean() > (plain.argmax(1)[y == 1]).mean() + 0.2


def test_left_out_folds_keep_speakers_together():
    for mask in inner_folds(Y, SPEAKERS):
        inside = {s for s, m in zip(SPEAKERS, mask, strict=True) if m}
        assert not inside & {s for s, m in zip(SPEAKERS, mask, strict=True) if not m}
    assert (sum(mask.astype(int) for mask in inner_folds(Y, SPEAKERS)) == 1).all()
    assert (sum(mask.astype(int) for mask in inner_folds(Y, None)) == 1).all()


def test_a_search_takes_the_best_on_left_out_training_speakers():
    settings = ModelSettings("knn", 3, scaling="standard")
    best, tried = search(settings, {"k_val": [1, 5, 60]}, X, Y, SPEAKERS, accuracy)
    assert [row["k_val"] for row in tried] == [1, 5, 60]
    by_hand = []
    for left_out in inner_folds(Y, SPEAKERS):
        own = dataclasses.replace(settings, estimator=EstimatorOptions(neighbours=5))
        kept = [s for s, out in zip(SPEAKERS, left_out, strict=True) if not out]
        model = TraitModel(own).fit(X[~left_out], Y[~left_out], kept, accuracy)
        by_hand.append(accuracy(Y[left_out], model.outputs(X[left_out])))
    assert tried[1]["score"] == pytest.approx(np.mean(by_hand))
    assert best.estimator.neighbours == max(tried, key=lambda row: row["score"])["k_val"] != 60


def test_parameters_by_their_names_in_ini_files():
    settings = ModelSettings("mlp", 3, network=NETWORK)
    assert with_parameter(settings, "layers", [8]).hidden == (8,)
    assert with_parameter(settings, "drop", 0.3).dropout == 0.3
    changed = with_parameter(settings, "learning_rate", 0.5)
    assert changed.network["learning_rate"] == changed.estimator.learning_rate == 0.5
    with pytest.raises(ValueError, match="'colour' cannot be searched"):
        with_parameter(settings, "colour", 1)


def test_an_utterance_does_not_depend_on_its_neighbours_in_a_batch():
    torch.manual_seed(0)
    model = FrameCnn(4, 3, width=8).eval()
    short, long = RNG.normal(size=(9, 4)).astype(np.float32), RNG.normal(size=(30, 4)).astype(np.float32)
    together = network_outputs(model, [short, long], 2)
    alone = network_outputs(model, [short], 1)
    np.testing.assert_allclose(together[0], alone[0], rtol=1e-5, atol=1e-6)
    model.train()
    x = torch.from_numpy(np.stack([np.pad(short, ((0, 21), (0, 0))), long]))
    garbage = x.clone()
    garbage[0, 9:] = 1e3  # frames that fill up are not looked at, not even by the statistics of training
    lengths = torch.tensor([9, 30])
    torch.manual_seed(1)
    first = model(x, lengths)
    torch.manual_seed(1)
    torch.testing.assert_close(model(garbage, lengths), first)


def test_learned_layers_are_mixed_by_weights_that_add_up_to_1():
    torch.manual_seed(0)
    model = FrameCnn(6, 3, width=8, num_layers=3).eval()
    with torch.no_grad():
        model.mixture.copy_(torch.tensor([0.0, 1.0, 2.0]))
    plain = FrameCnn(2, 3, width=8).eval()
    plain.load_state_dict({name: value for name, value in model.state_dict().items() if name != "mixture"})
    x = torch.from_numpy(RNG.normal(size=(2, 12, 6)).astype(np.float32))
    weights = np.exp([0.0, 1.0, 2.0]) / np.exp([0.0, 1.0, 2.0]).sum()
    mixed = sum(float(w) * x[:, :, 2 * layer : 2 * layer + 2] for layer, w in enumerate(weights))
    torch.testing.assert_close(model(x), plain(mixed))
    with pytest.raises(ValueError, match="7 coefficients cannot be those of 3 layers"):
        FrameCnn(7, 3, num_layers=3)


def test_a_head_pools_the_valid_frames_of_an_encoder():
    class Encoder(torch.nn.Module):
        def forward(self, x, lengths):
            return x.unfold(1, 2, 2), lengths // 2

    torch.manual_seed(0)
    model = EncoderHead(Encoder(), 2, 3).eval()
    x = torch.arange(12.0)[None].repeat(2, 1)
    out = model(x, torch.tensor([12, 4]))
    torch.testing.assert_close(out[1:], model(x[1:, :4], torch.tensor([4])))


def test_concordance_by_hand():
    assert float(concordance(torch.tensor([2.0, 3.0, 4.0]), torch.tensor([1.0, 2.0, 3.0]))) == pytest.approx(4 / 7)


def test_class_weights_weigh_the_loss():
    x, y = X.astype(np.float32), Y
    options = NetworkOptions(epochs=1, learning_rate=1e-6, batch_size=90, seed=0)

    def first_loss(weights):
        make = lambda: Perceptron(5, (4,), 3, 0.0)  # noqa: E731
        return train_network(make, x, y, options, accuracy, class_weights=weights)[1][0].loss

    torch.manual_seed(0)
    logits = Perceptron(5, (4,), 3, 0.0)(torch.from_numpy(x))
    weight = torch.tensor([1.0, 2.0, 0.5])
    expected = torch.nn.functional.cross_entropy(logits, torch.from_numpy(y), weight=weight)
    assert first_loss(np.array([1.0, 2.0, 0.5])) == pytest.approx(float(expected.detach()), rel=1e-5)


@pytest.mark.parametrize(
    "call, message",
    [
        (lambda: Classifier("forest", EstimatorOptions()), "unknown classifier 'forest'"),
        (lambda: Regression("forest", EstimatorOptions()), "unknown regression 'forest'"),
        (lambda: Classifier("svm", EstimatorOptions()).fit(X, Y, 4, None), r"classes \[3\] have no training sample"),
        (lambda: TraitModel(ModelSettings("mlp", 4, network=NETWORK)).fit(X, Y, None, accuracy), r"classes \[3\]"),
        (lambda: TraitModel(ModelSettings("knn", 3, class_weight=True)).fit(X, Y, None, accuracy), "does not go with"),
        (lambda: TraitModel(ModelSettings("cnn", 3, network=NETWORK, balancing="ros")).fit([X], Y[:1], None, accuracy),
         "balancing goes with classes of feature vectors"),
        (lambda: TraitModel(ModelSettings("mlp", 3, network={**NETWORK, "loss": "mse"})).fit(X, Y, None, accuracy),
         "the loss mse does not go with"),
        (lambda: TraitModel(ModelSettings("finetune", 3, network=NETWORK)).fit(list(X), Y, None, accuracy),
         "finetune needs a pretrained encoder"),
        (lambda: NetworkOptions(loss="hinge"), "unknown loss 'hinge'"),
        (lambda: NetworkOptions(epochs=0), "at least 1"),
        (lambda: Perceptron(3, (4, 4), 2, (0.1, 0.2, 0.3)), "do not go together"),
        (lambda: search(ModelSettings("knn", 3), {"k_val": [1]}, X[:4], Y[:4], list("abab"), accuracy), "two speak"),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_an_error(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_a_loss_that_is_not_finite_stops_the_training():
    with pytest.raises(ValueError, match="lower learning_rate"):
        settings = ModelSettings("mlp", 3, hidden=(8, 8), network={**NETWORK, "learning_rate": 1e30})
        TraitModel(settings).fit(X, Y, None, accuracy)
