import pytest
import torch
from demo.rings import FACTS, graphs, loaded, samples
from families.fusion.examples import Q_COPIES, Q_TARGET, REFERENCE, random_states

from assay.artifacts import fusion_states
from assay.data.draws import SplitData
from assay.demo import train_gat, train_vgae
from assay.demo.autoencoders import benign
from assay.demo.reward import RewardWeights, rewards
from assay.demo.train_fusion import (
    dqn_hyper_parameters,
    expert_states,
    mlp_hyper_parameters,
    trained_dqn,
    trained_mlp,
)
from assay.demo.training import checkpoint_bytes
from assay.families import fusion
from assay.families import gat as gat_family
from assay.families import vgae as vgae_family
from assay.protocols import StateBatch

DQN = dqn_hyper_parameters(hidden=16, seed=1)
MLP = mlp_hyper_parameters(hidden=16, seed=1)
STATES = random_states(4, 96)
LABELS = (STATES.gat_probs[:, 1] > 0.4).long()
BATCH = StateBatch(STATES.features, LABELS)
POLICIES = [(trained_dqn, DQN), (trained_mlp, MLP)]


@pytest.fixture(scope="module")
def dqn():
    return trained_dqn(STATES, LABELS, DQN, epochs=100)


@pytest.mark.parametrize(("train", "shape"), POLICIES)
def test_the_loss_falls(train, shape):
    losses = train(STATES, LABELS, shape, epochs=30).losses
    assert losses[-1] < 0.8 * losses[0]


@pytest.mark.parametrize(("train", "shape"), POLICIES)
def test_the_same_seed_gives_the_same_bytes(train, shape):
    seeds = (1, 1, 2)
    first, same, other = (
        checkpoint_bytes(train(STATES, LABELS, {**shape, "seed": seed}, epochs=1).checkpoint)
        for seed in seeds
    )
    assert first == same != other


def test_q_values_come_near_the_rewards(dqn, tmp_path):
    subject = loaded(fusion, dqn.checkpoint, tmp_path)
    wanted = rewards(
        STATES,
        LABELS,
        anomaly=subject.network.reward_calc(STATES),
        alphas=subject.network.alpha_values,
        threshold=0.5,
        weights=RewardWeights(),
    )
    error = (subject.decide(BATCH).q_values - wanted).square().mean()
    assert error < 0.5 * wanted.var()


def test_a_dqn_holds_every_published_key_in_the_published_order(dqn):
    published = torch.load(REFERENCE / "fusion_dqn" / "state_dict.pt", weights_only=True)
    assert list(dqn.checkpoint["state_dict"]) == list(published)


@pytest.mark.parametrize("copy", [*Q_COPIES[1:], Q_TARGET])
def test_every_copy_of_the_q_network_is_the_one_that_was_learnt(dqn, copy):
    state = dqn.checkpoint["state_dict"]
    learnt = {name.removeprefix(Q_COPIES[0]): name for name in state if name.startswith(Q_COPIES[0])}
    assert len(learnt) == 6
    assert all(torch.equal(state[copy + short], state[name]) for short, name in learnt.items())


def test_what_is_not_learnt_is_said_in_the_checkpoint(dqn):
    state = dqn.checkpoint["state_dict"]
    assert state["alpha_values"].tolist() == pytest.approx([k / 20 for k in range(21)])
    assert state["reward_calc._vgae_weights"].tolist() == pytest.approx([0.4, 0.3, 0.3])
    assert state["loss_module._value_estimator.gamma"].item() == 0
    for prefix in ("_egreedy.", "explore_policy.module.1."):
        scalars = [state[prefix + name].item() for name in ("eps_init", "eps_end", "eps")]
        assert scalars == pytest.approx([0.2, 0.01, 0.01])


def test_a_perceptron_passes_the_border_and_learns_the_labels(tmp_path):
    result = trained_mlp(STATES, LABELS, MLP, epochs=30)
    subject = loaded(fusion, result.checkpoint, tmp_path)
    assert (subject.policy, subject.network.alpha_values.max().item()) == ("mlp", 1)
    assert (subject.decide(BATCH).decision == LABELS).double().mean() > 0.9


def test_the_states_are_those_of_the_artifact(dqn, tmp_path):
    split = graphs(40)
    shape = train_vgae.vgae_hyper_parameters(FACTS, latent=4, hidden=8, seed=1)
    measured = benign(split)
    anomaly = train_vgae.trained(split, shape, measured_on=measured, epochs=1)
    shape = train_gat.gat_hyper_parameters(FACTS, conv_type="gatv2", layers=2, hidden=4, heads=2, seed=1)
    gat = loaded(gat_family, train_gat.trained(split, shape, epochs=1).checkpoint, tmp_path)
    vgae = loaded(vgae_family, anomaly.checkpoint, tmp_path)
    subject = loaded(fusion, dqn.checkpoint, tmp_path)
    data = SplitData("rings", lambda name: split, ("train",), {})
    made = fusion_states.compute(
        subject, vgae, gat, data, splits=("train",), batch_size=256, compat="none", seed=7
    )
    found = expert_states(vgae, gat, samples(split), seed=7)
    assert torch.equal(found.features, torch.from_numpy(made.features))
