"""Class activation maps: laws, then the formulas in float64 position by position, then the published maps."""

import numpy as np
import pytest
import torch
from artifacts.vision import PUBLISHED, SALIENCY, reference_cnn
from hypothesis import given
from hypothesis import strategies as st

from assay.catalog import ARTIFACTS
from assay.numerics.saliency import METHODS, raw_maps, scaled_maps

EVERY = pytest.mark.parametrize("method", METHODS)
EIGEN = ("eigencam", "eigengradcam")
OF_GRADIENTS = [method for method in METHODS if method != "eigencam"]


def activations(seed: int, n: int = 3, c: int = 7, grid=(4, 5), *, relu: bool = True) -> torch.Tensor:
    drawn = torch.randn(n, c, *grid, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    return drawn.clamp(min=0) if relu else drawn


def gradients(seed: int, n: int = 3, c: int = 7, grid=(4, 5)) -> torch.Tensor:
    """About a tenth of them zero."""
    drawn = activations(seed + 100, n, c, grid, relu=False)
    return drawn.where(activations(seed + 200, n, c, grid, relu=False) > -1.3, 0)


def by_hand(a: np.ndarray, g: np.ndarray, method: str) -> np.ndarray:
    """The map of one sample [c, h, w], one channel after the other."""
    total = np.zeros(a.shape[1:])
    if method in EIGEN:
        values = a if method == "eigencam" else a * g
        rows = values.reshape(len(a), -1).T
        rows = rows - rows.mean(0)
        _, vectors = np.linalg.eigh(rows.T @ rows)
        along = rows @ vectors[:, -1]
        return (along * np.sign(along[np.abs(along).argmax()])).reshape(total.shape)
    for ak, gk in zip(a, g, strict=True):
        if method == "gradcam":
            total += gk.mean() * ak
        elif method == "gradcam++":
            alpha = np.zeros(ak.shape)
            on = gk != 0
            alpha[on] = gk[on] ** 2 / (2 * gk[on] ** 2 + ak.sum() * gk[on] ** 3 + 1e-6)
            total += (np.maximum(gk, 0) * alpha).sum() * ak
        elif method == "xgradcam":
            total += (gk * ak).sum() / (ak.sum() + 1e-7) * ak
        elif method == "hirescam":
            total += gk * ak
        elif method == "elementwise":
            total += np.maximum(gk * ak, 0)
        else:
            total += np.maximum(gk, 0) * ak
    return total


def resized(grid: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Bilinear between the centres of pixels, edges clamped."""
    for axis, n in enumerate(size):
        at = np.clip((np.arange(n) + 0.5) * grid.shape[axis] / n - 0.5, 0, grid.shape[axis] - 1)
        low = np.floor(at).astype(int)
        high = np.minimum(low + 1, grid.shape[axis] - 1)
        share = (at - low).reshape([-1 if i == axis else 1 for i in range(2)])
        grid = (1 - share) * grid.take(low, axis) + share * grid.take(high, axis)
    return grid


def scaled_by_hand(raw: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    grid = np.maximum(raw, 0)
    grid = resized((grid - grid.min()) / (1e-7 + np.ptp(grid)), size)
    return (grid - grid.min()) / (1e-7 + np.ptp(grid))


@EVERY
@given(seed=st.integers(0, 10**6))
def test_a_map_is_its_formula_position_by_position(method, seed):
    a, g = activations(seed), gradients(seed)
    expected = [by_hand(*sample, method) for sample in zip(a.numpy(), g.numpy(), strict=True)]
    np.testing.assert_allclose(raw_maps(a, g, method=method), expected, rtol=0, atol=1e-9)


@EVERY
def test_a_map_in_float32_is_that_in_float64(method):
    a, g = activations(1), gradients(1)
    exact = raw_maps(a.float().double(), g.float().double(), method=method)
    torch.testing.assert_close(
        raw_maps(a.float(), g.float(), method=method).double(), exact, rtol=0, atol=2e-5
    )


@EVERY
def test_a_sample_has_the_map_that_it_has_alone(method):
    a, g = activations(2, n=5), gradients(2, n=5)
    alone = [raw_maps(a[[i]], g[[i]], method=method) for i in range(5)]
    torch.testing.assert_close(raw_maps(a, g, method=method), torch.cat(alone), rtol=0, atol=1e-12)


@EVERY
@pytest.mark.parametrize("shape", [(20,), (2, 10), (2, 2, 5)])
def test_a_grid_of_one_or_three_axes_has_the_map_of_the_same_positions(method, shape):
    a, g = activations(3, grid=(4, 5)), gradients(3, grid=(4, 5))
    other = raw_maps(a.reshape(3, 7, *shape), g.reshape(3, 7, *shape), method=method)
    assert other.shape == (3, *shape)
    torch.testing.assert_close(other.flatten(1), raw_maps(a, g, method=method).flatten(1), rtol=0, atol=1e-12)


@EVERY
def test_the_order_of_channels_does_not_matter(method):
    a, g = activations(4), gradients(4)
    order = torch.randperm(7, generator=torch.Generator().manual_seed(0))
    other = raw_maps(a[:, order], g[:, order], method=method)
    torch.testing.assert_close(other, raw_maps(a, g, method=method), rtol=0, atol=1e-11)


@pytest.mark.parametrize("method", ["gradcam", "hirescam", "xgradcam"])
def test_the_map_of_a_sum_of_logits_is_the_sum_of_their_maps(method):
    a, g, h = activations(5), gradients(5), gradients(6)
    parts = raw_maps(a, g, method=method) + raw_maps(a, h, method=method)
    torch.testing.assert_close(raw_maps(a, g + h, method=method), parts, rtol=0, atol=1e-12)


@pytest.mark.parametrize("method", OF_GRADIENTS)
def test_a_gradient_of_zero_leaves_no_map(method):
    a = activations(7)
    assert not raw_maps(a, torch.zeros_like(a), method=method).any()


@EVERY
def test_activations_of_zero_leave_no_map(method):
    g = gradients(8)
    assert not raw_maps(torch.zeros_like(g), g, method=method).any()


def test_gradcam_and_hirescam_agree_where_gradients_are_the_same_at_every_position():
    a, g = activations(9), gradients(9).mean((2, 3), keepdim=True).expand(-1, -1, 4, 5)
    maps = [raw_maps(a, g, method=method) for method in ("gradcam", "hirescam", "xgradcam")]
    torch.testing.assert_close(maps[0], maps[1], rtol=0, atol=1e-12)
    torch.testing.assert_close(maps[0], maps[2], rtol=0, atol=1e-6)


@pytest.mark.parametrize("method", EIGEN)
def test_the_number_furthest_from_zero_is_positive_whatever_sign_the_direction_had(method):
    a, g = activations(10, n=40, relu=False), gradients(10, n=40)
    maps = raw_maps(a, g, method=method).flatten(1)
    assert (maps.amax(1) >= maps.amin(1).abs()).all()
    flipped = raw_maps(-a, g, method=method).flatten(1)
    torch.testing.assert_close(flipped, maps, rtol=0, atol=1e-9)


@EVERY
def test_a_sample_that_is_not_finite_spoils_no_other_and_is_seen(method):
    a, g = activations(11), gradients(11)
    whole = raw_maps(a, g, method=method)
    a[1, 2, 3, 4] = torch.nan
    maps = raw_maps(a, g, method=method)
    assert not maps[1].isfinite().all()
    torch.testing.assert_close(maps[[0, 2]], whole[[0, 2]], rtol=0, atol=1e-12)


@given(seed=st.integers(0, 10**6), size=st.tuples(st.integers(1, 30), st.integers(1, 30)))
def test_a_scaled_map_is_clipped_scaled_resized_and_scaled_again(seed, size):
    raw = activations(seed, n=4, c=1, relu=False)[:, 0]
    expected = [scaled_by_hand(sample, size) for sample in raw.numpy()]
    np.testing.assert_allclose(scaled_maps(raw, size), expected, rtol=0, atol=1e-9)


def test_a_signals_map_is_that_of_an_image_of_one_row():
    raw = activations(12, n=4, c=1, relu=False)[:, 0, :1]
    torch.testing.assert_close(
        scaled_maps(raw[:, 0], (33,)), scaled_maps(raw, (1, 33))[:, 0], rtol=0, atol=1e-12
    )


def test_a_map_without_positive_evidence_is_zero():
    assert not scaled_maps(torch.tensor([[[-3.0, -1.0], [0.0, -2.0]]]), (7, 9)).any()


def test_scaled_maps_lie_between_0_and_1_and_forget_their_scale():
    raw = activations(13, n=4, c=1, relu=False)[:, 0]
    maps = scaled_maps(raw, (40, 56))
    assert maps.min() == 0
    assert maps.max() <= 1
    assert (maps.flatten(1).amax(1) > 1 - 1e-6).all()
    torch.testing.assert_close(scaled_maps(1000 * raw, (40, 56)), maps, rtol=0, atol=1e-6)


@pytest.fixture(scope="module")
def published():
    return np.load(SALIENCY / "cnn.npz")


@pytest.fixture(scope="module")
def last_layer(published):
    """Activations of the reference network, and the gradients of each class at them."""
    network = reference_cnn().network
    a = network.f(torch.from_numpy(published["x"])).detach().requires_grad_()
    logits = network.tail(a)
    np.testing.assert_allclose(logits.detach(), published["logits"], rtol=0, atol=1e-6)
    return a.detach(), [torch.autograd.grad(logits[:, k].sum(), a, retain_graph=True)[0] for k in range(5)]


@pytest.mark.parametrize(
    ("method", "k"),
    [(method, k) for method in METHODS if method not in EIGEN for k in (0, 2, 3)],
)
def test_maps_are_the_published_ones(published, last_layer, method, k):
    a, g = last_layer
    maps = scaled_maps(raw_maps(a, g[k], method=method), (40, 56))
    np.testing.assert_allclose(
        maps, published[f"{PUBLISHED.get(method, method)}_class{k}"], rtol=0, atol=1e-5
    )


@pytest.mark.parametrize(("method", "k"), [("eigencam", 0), ("eigencam", 3), ("eigengradcam", 2)])
def test_eigen_maps_are_the_published_ones_of_one_sign(published, last_layer, method, k):
    a, g = last_layer
    raw = raw_maps(a, g[k], method=method)
    signs = [scaled_maps(sign * raw, (40, 56)).numpy() for sign in (1, -1)]
    for i, expected in enumerate(published[f"{method}_class{k}"]):
        assert min(np.abs(maps[i] - expected).max() for maps in signs) < 1e-5


def test_the_published_maps_without_evidence_are_zero_here_too(published, last_layer):
    a, g = last_layer
    for method in ("gradcam", "xgradcam", "hirescam"):
        assert not published[f"{method}_class0"].any()
        assert not scaled_maps(raw_maps(a, g[0], method=method), (40, 56)).any()


def test_the_table_offers_every_method():
    assert ARTIFACTS["gradcam"].options["method"].choices == tuple(METHODS)
