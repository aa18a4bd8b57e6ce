import numpy as np
import pytest
import torch

from assay.data import table
from assay.demo.spectra import ELL, NOISE, PARAMETERS, spectra, write_spectra
from assay.demo.train_emulator import SPLIT_SEED, VAL_FRACTION, Simulations, record, trained
from assay.families import mlp
from assay.intake.checkpoint import read
from assay.record import load_normalizers, load_record, verify_record

SOURCE = {"val_fraction": VAL_FRACTION, "test_fraction": 0.0, "split_seed": SPLIT_SEED}


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    path = tmp_path_factory.mktemp("spectra") / "spectra.h5"
    assert write_spectra(path, n=200, seed=0) == 200
    return path


@pytest.fixture(scope="module")
def simulations(file):
    return Simulations.at(file)


def test_the_same_seed_gives_the_same_file(file, tmp_path):
    for seed in (0, 1):
        write_spectra(tmp_path / f"{seed}.h5", n=200, seed=seed)
    assert (tmp_path / "0.h5").read_bytes() == file.read_bytes() != (tmp_path / "1.h5").read_bytes()


def test_the_source_reads_logarithms_of_noisy_spectra_by_multipole(file):
    prepared = table.prepare({"train": (file,)}, **SOURCE, normalize_x=False, normalize_y=False)
    assert prepared.facts["y_names"] == [f"ell_{ell:g}" for ell in ELL]
    assert prepared.facts["x_names"] == list(PARAMETERS)
    assert prepared.facts["y_transform"] == "ln"
    train = prepared.splits["train"]
    noise = np.exp(train.targets) / spectra(train.x.astype(float)) - 1
    np.testing.assert_allclose(noise.std(), NOISE, rtol=0.1)


def test_spectra_depend_on_every_parameter():
    middle = np.array([[sum(limits) / 2 for limits in PARAMETERS.values()]])
    for k, (low, high) in enumerate(PARAMETERS.values()):
        moved = middle.copy()
        moved[0, k] = high
        assert np.abs(spectra(moved) / spectra(middle) - 1).max() > 0.02, k
        assert low < high


def test_the_emulator_learns_and_passes_the_border(simulations, file, tmp_path):
    result = trained(simulations, hidden=16, layers=2, epochs=12, seed=0)
    assert len(result.losses) == len(result.val_losses) == 12
    assert result.val_losses[-1] < 0.1 * simulations.y["val"].var()
    path = record(result, simulations, tmp_path / "emulator", dataset=file, seed=0)
    found = read(path / "model.pt")
    subject = mlp.load(found.tensors, found.hparams)
    with torch.no_grad():
        loss = torch.nn.functional.mse_loss(subject.network(simulations.x["val"]), simulations.y["val"])
    assert loss.item() == pytest.approx(result.val_losses[-1], rel=1e-6)
    assert tuple(subject.outputs) == simulations.outputs


def test_its_record_is_whole_and_says_how_it_was_trained(simulations, file, tmp_path):
    result = trained(simulations, hidden=4, layers=1, epochs=2, seed=3)
    for _ in range(2):  # again, over the first
        path = record(result, simulations, tmp_path / "emulator", dataset=file, seed=3)
    assert verify_record(path, dataset=file) == ()
    written = load_record(path)
    assert written.results["history"] == {"train_loss": result.losses, "val_loss": result.val_losses}
    assert written.provenance["seeds"]["/training/seed"] == 3
    assert load_normalizers(written.files["normalizers"])["X"].mean == pytest.approx(
        simulations.normalizer.mean
    )


def test_the_same_seed_gives_the_same_weights(simulations):
    states = [
        trained(simulations, hidden=4, layers=1, epochs=1, seed=seed).checkpoint["state_dict"]
        for seed in (0, 0, 1)
    ]
    assert all(torch.equal(states[0][name], states[1][name]) for name in states[0])
    assert not torch.equal(states[0]["network.0.weight"], states[2]["network.0.weight"])
