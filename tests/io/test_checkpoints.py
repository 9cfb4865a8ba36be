"""Model folders: configuration, weights, states that run no code."""

import pickle

import pytest
import torch

from speechlib.io.checkpoints import ModelFolder, load_state, save_state


def test_state_comes_back(tmp_path):
    model = torch.nn.Linear(3, 2)
    optimizer = torch.optim.SGD(model.parameters(), 0.1, momentum=0.9, nesterov=True)
    model(torch.ones(1, 3)).sum().backward()
    optimizer.step()
    state = {"update": 7, "model": model.state_dict(), "optimizer": optimizer.state_dict(),
             "random": {"cpu": torch.get_rng_state()}, "fingerprint": "abc"}  # fmt: skip
    save_state(tmp_path / "checkpoint.pt", state)
    loaded = load_state(tmp_path / "checkpoint.pt")
    assert loaded["update"] == 7 and loaded["fingerprint"] == "abc"
    assert torch.equal(loaded["model"]["weight"], model.weight)
    torch.testing.assert_close(loaded["optimizer"], optimizer.state_dict())
    assert torch.equal(loaded["random"]["cpu"], state["random"]["cpu"])
    assert [path.name for path in tmp_path.iterdir()] == ["checkpoint.pt"]


def test_a_failing_write_leaves_the_old_file(tmp_path):
    path = tmp_path / "checkpoint.pt"
    save_state(path, {"update": 1})
    with pytest.raises(Exception, match="pickle"):
        save_state(path, {"update": 2, "thread": __import__("threading").Lock()})
    assert load_state(path) == {"update": 1}
    assert [found.name for found in tmp_path.iterdir()] == ["checkpoint.pt"]


class Bomb:
    def __reduce__(self):
        return print, ("code was run",)


def test_files_that_would_run_code_are_refused(tmp_path, capsys):
    torch.save({"weights": Bomb()}, tmp_path / "torch.pt")
    (tmp_path / "plain.pt").write_bytes(pickle.dumps({"weights": Bomb()}, protocol=2))
    for name in ("torch.pt", "plain.pt"):
        with pytest.raises(ValueError, match=f"{name}: no readable file of weights"):
            load_state(tmp_path / name)
    assert "code was run" not in capsys.readouterr().out


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "truncated"),
        (b"PK\x03\x04 nonsense", "truncated"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n", "git lfs pull"),
    ],
)
def test_damaged_files(tmp_path, content, message):
    (tmp_path / "model.pt").write_bytes(content)
    with pytest.raises(ValueError, match=message):
        load_state(tmp_path / "model.pt")


def test_truncated_file(tmp_path):
    save_state(tmp_path / "model.pt", {"weight": torch.randn(100, 100)})
    whole = (tmp_path / "model.pt").read_bytes()
    (tmp_path / "model.pt").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(ValueError, match="delete it and train again"):
        load_state(tmp_path / "model.pt")
    torch.save(torch.ones(2), tmp_path / "model.pt")
    with pytest.raises(ValueError, match="expected a mapping"):
        load_state(tmp_path / "model.pt")


def test_config_comes_back_with_awkward_names(tmp_path):
    folder = ModelFolder(tmp_path / "net" / "seed1")
    config = {"seed": 1, "model": {"filter": (4, 4), "dropout": 0.5}, "speakers": ["no", "007", "1e3", "Ökonom"]}
    folder.write_config(config)
    assert folder.read_config() == {**config, "model": {"filter": [4, 4], "dropout": 0.5}}
    assert folder.config == tmp_path / "net" / "seed1" / "config.yaml"


def test_missing_model_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match="expected the folder of a trained model"):
        ModelFolder(tmp_path).read_config()


def test_weights_of_another_network_are_refused(tmp_path):
    folder = ModelFolder(tmp_path)
    folder.save_weights(torch.nn.Linear(3, 2).state_dict())
    same = torch.nn.Linear(3, 2)
    folder.load_weights(same)
    with pytest.raises(ValueError, match=r"model.pt: does not fit .*config.yaml: size mismatch"):
        folder.load_weights(torch.nn.Linear(4, 2))
