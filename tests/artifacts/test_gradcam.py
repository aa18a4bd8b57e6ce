"""GradCAM: the published maps, captum's, and those of hooks; every option changes what it says and nothing else."""

import dataclasses
import warnings

import numpy as np
import pytest
import torch
from artifacts.vision import (
    PUBLISHED,
    SALIENCY,
    InMemory,
    TinyImages,
    images,
    random_cnn,
    random_images,
    random_vit,
    reference_cnn,
)
from captum.attr import LayerGradCam
from scipy import stats

from assay.artifacts import gradcam
from assay.artifacts.gradcam import AGREEMENT, GradCam, compute
from assay.errors import AssayError, ResultWarning
from assay.numerics.saliency import METHODS
from assay.store import formats
from assay.store.parts import KeptParts

OPTIONS = {
    "split": "val",
    "records": (),
    "target_classes": (),
    "layer": "",
    "method": "gradcam",
    "max_records": 16,
    "batch_size": 16,
    "seed": 7,
}
DATA = random_images(16, 40, 56)
NAMES = ("cat", "dog", "horse", "ship", "3rd rock")


def explained(subject, data=DATA, parts=None, **options) -> GradCam:
    return compute(subject, data, parts or InMemory(), **OPTIONS | options)


ROUNDING = {"raw": 1e-6, "score": 1e-6, "map": 1e-5, "sanity": 1e-6}


def assert_close(one: GradCam, other: GradCam, *, rows=slice(None), exact: bool = False) -> None:
    for name, atol in ROUNDING.items():
        expected = getattr(other, name)[rows]
        np.testing.assert_allclose(
            getattr(one, name), expected, rtol=0, atol=0 if exact else atol, err_msg=name
        )
    for name in ("evidence", "classes", "predicted", "labels", "record_id", "sample", "image"):
        np.testing.assert_array_equal(getattr(one, name), getattr(other, name)[rows], err_msg=name)


@pytest.fixture(scope="module")
def published():
    return np.load(SALIENCY / "cnn.npz")


@pytest.fixture(scope="module")
def whole() -> GradCam:
    return explained(random_cnn())


@pytest.mark.parametrize("method", [method for method in METHODS if not method.startswith("eigen")])
def test_maps_scores_and_evidence_are_the_published_ones(published, method):
    data = images(torch.from_numpy(published["x"]))
    result = explained(reference_cnn(), data, method=method, target_classes=("0", "2", "3"))
    expected = [published[f"{PUBLISHED.get(method, method)}_class{k}"] for k in (0, 2, 3)]
    np.testing.assert_allclose(result.map, np.stack(expected, axis=1), rtol=0, atol=1e-5)
    np.testing.assert_allclose(result.score, published["logits"][:, [0, 2, 3]], rtol=0, atol=1e-6)
    np.testing.assert_array_equal(result.predicted, published["logits"].argmax(1))
    np.testing.assert_array_equal(result.evidence, np.stack(expected, axis=1).any((2, 3)))


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("layer", ["f.2", "f.5", "f.7"])
def test_raw_maps_are_those_of_captum_on_random_networks(seed, layer):
    subject = random_cnn(seed=seed)
    result = explained(subject, layer=layer)
    oracle = LayerGradCam(subject.network, subject.network.get_submodule(layer))
    x = DATA.whole["val"].x
    expected = [oracle.attribute(x, target=k).detach().numpy()[:, 0] for k in range(5)]
    np.testing.assert_allclose(result.raw, np.stack(expected, axis=1), rtol=0, atol=1e-6)


@pytest.mark.parametrize(("registers", "size"), [(0, (32, 48)), (3, (40, 24))])
def test_maps_of_a_transformer_are_those_of_a_hook_with_the_prefix_cut_off_and_rows_first(registers, size):
    subject = random_vit(registers=registers, size=size)
    data = random_images(3, *size)
    result = explained(subject, data)
    network, x = subject.network.double(), data.whole["val"].x.double()
    tokens = network.tokens(x)
    for block in network.blocks[:2]:
        tokens = block(tokens)
    normed = network.blocks[2].norm1(tokens).detach().requires_grad_()
    logits = network.read(network.blocks[2].after_norm1(tokens, normed))
    rows, columns = size[0] // 8, size[1] // 8
    for k in range(5):
        gradient = torch.autograd.grad(logits[:, k].sum(), normed, retain_graph=True)[0][:, 1 + registers :]
        flat = (gradient.mean(1, keepdim=True) * normed.detach()[:, 1 + registers :]).sum(2)
        expected = flat.reshape(3, rows, columns)
        np.testing.assert_allclose(result.raw[:, k], expected, rtol=0, atol=1e-6)


@pytest.mark.parametrize("method", ["gradcam", "hirescam", "xgradcam"])
def test_below_a_mean_and_a_linear_head_a_raw_map_sums_to_the_logit_less_its_bias(method):
    subject = random_cnn()
    result = explained(subject, method=method)
    logits = result.raw.sum((2, 3)) + subject.network.h.bias.detach().numpy()
    np.testing.assert_allclose(logits, result.score, rtol=0, atol=1e-4)


@pytest.mark.parametrize("batch_size", [1, 5, 16])
@pytest.mark.parametrize("build", [random_cnn, lambda: random_vit(size=(40, 56))])
def test_batches_decide_nothing(build, batch_size):
    assert_close(explained(build(), batch_size=batch_size), explained(build()))


@pytest.mark.parametrize("build", [random_cnn, lambda: random_vit(size=(40, 56))])
def test_every_single_record_is_that_of_the_whole_run(build):
    together = explained(build())
    for i in range(16):
        alone = explained(build(), records=(f"record {i}",), batch_size=1)
        assert alone.record_id.tolist() == [f"record {i}"]
        assert_close(alone, together, rows=slice(i, i + 1))


def test_records_are_those_named_in_the_order_of_the_split_however_few_are_drawn(whole):
    result = explained(random_cnn(), records=("record 9", "record 2"), max_records=1, batch_size=3)
    assert result.sample.tolist() == [2, 9]
    assert_close(result, whole, rows=[2, 9])


def test_without_names_records_are_drawn_by_the_seed():
    few = explained(random_cnn(), max_records=4)
    assert few.sample.tolist() == DATA.draw("val", max_samples=4, seed=7).index.tolist()
    other = explained(random_cnn(), max_records=4, seed=8)
    assert other.sample.tolist() != few.sample.tolist()


def test_records_without_an_id_are_called_by_their_index():
    data = images(DATA.whole["val"].x)
    assert explained(random_cnn(), data, records=("11",)).sample.tolist() == [11]


def test_every_unknown_record_is_named_with_some_that_there_are():
    with pytest.raises(
        AssayError, match=r"no record recrod 1, x; its 16 records begin with record 0, record 1, "
    ):
        explained(random_cnn(), records=("x", "record 2", "recrod 1"))


@pytest.mark.parametrize(
    ("wanted", "numbers"),
    [((), [0, 1, 2, 3, 4]), (("ship", "cat"), [3, 0]), (("3", "0"), [3, 0]), (("4", "3rd rock"), [4])],
)
def test_target_classes_are_names_or_numbers_in_their_order(whole, wanted, numbers):
    result = explained(random_cnn(), target_classes=wanted)
    assert (result.classes == numbers).all()
    np.testing.assert_allclose(result.raw, whole.raw[:, numbers], rtol=0, atol=1e-6)
    np.testing.assert_allclose(result.score, whole.score[:, numbers], rtol=0, atol=1e-6)
    np.testing.assert_allclose(result.sanity, whole.sanity[:, numbers], rtol=0, atol=1e-6)


def test_the_predicted_class_is_that_of_each_record():
    subject = random_cnn()
    with torch.no_grad():
        subject.network.h.bias -= subject.network(DATA.whole["val"].x).mean(0)
    whole = explained(subject)
    result = explained(subject, target_classes=("predicted", "dog"), batch_size=3)
    predicted = whole.score.argmax(1)
    assert len(set(predicted.tolist())) > 1
    np.testing.assert_array_equal(result.classes, np.stack([predicted, np.ones(16, int)], axis=1))
    np.testing.assert_array_equal(result.predicted, predicted)
    np.testing.assert_allclose(result.raw[:, 0], whole.raw[np.arange(16), predicted], rtol=0, atol=1e-6)


def test_every_unknown_class_is_named_with_those_of_the_model():
    with pytest.raises(
        AssayError, match=r"no class 'cow', '5'; it has 0 to 4 \(cat, dog, .*\), and predicted"
    ):
        explained(random_cnn(), target_classes=("cat", "cow", "5"))


def test_a_model_without_classes_has_no_maps_of_them():
    subject = random_cnn()
    subject.class_names = ()
    with pytest.raises(AssayError, match="has no head"):
        explained(subject)


def test_another_layer_gives_maps_of_its_own_grid_and_the_default_is_named(whole):
    assert (whole.layer, whole.raw.shape) == ("f.7", (16, 5, 5, 7))
    early = explained(random_cnn(), layer="f.2")
    assert (early.layer, early.raw.shape, early.map.shape) == ("f.2", (16, 5, 20, 28), (16, 5, 40, 56))
    assert not np.allclose(early.map, whole.map, atol=0.1)


def test_an_unknown_layer_is_named_with_those_of_the_model():
    with pytest.raises(AssayError, match=r"fake_cnn has no 'f.9'; it can be cut at f.0, f.1, .*f.7"):
        explained(random_cnn(), layer="f.9")


def test_a_layer_of_one_position_has_no_map():
    with pytest.raises(AssayError, match=r"layer f\.7 sees inputs of 8 x 5 as one position"):
        explained(random_cnn(), random_images(2, 8, 5))


def test_every_method_gives_other_maps():
    maps = []
    for method in METHODS:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ResultWarning)
            result = explained(random_cnn(), layer="f.0", method=method)
        assert result.method == method
        maps.append(result.raw / np.abs(result.raw).max())
    for i, one in enumerate(maps):
        assert not any(np.allclose(one, other, atol=0.01) for other in maps[:i])


def test_eigencam_says_that_it_looks_at_no_class():
    with pytest.warns(ResultWarning, match="eigencam looks at no class"):
        result = explained(random_cnn(), method="eigencam")
    assert (result.raw == result.raw[:, :1]).all()
    np.testing.assert_allclose(result.score, explained(random_cnn()).score, rtol=0, atol=1e-6)


def test_a_layer_that_does_not_reach_the_class_is_an_error_with_the_hint():
    with pytest.raises(
        AssayError,
        match=r"16 of 16 records failed.*gradient at layer blocks\.2 is zero .* default is blocks\.2\.norm1",
    ):
        explained(random_vit(size=(40, 56)), layer="blocks.2")


def test_records_that_fail_are_counted_at_the_end_and_the_others_are_kept(tmp_path):
    x = DATA.whole["val"].x.clone()
    x[[3, 12]] = torch.nan
    parts = KeptParts(tmp_path / "gradcam.npz", "key")
    with pytest.raises(AssayError, match=r"2 of 16 records failed.* 3, 12: values that are not finite"):
        explained(random_cnn(), images(x), parts, batch_size=4)
    kept = sorted(parts.folder.rglob("*.npz"))
    assert len(kept) == 4 * (1 + 4)
    good = np.load(kept[1])["part"].reshape(4, -1)
    assert good.dtype == np.float32
    np.testing.assert_allclose(
        good[:, : 5 * 35].reshape(4, 5, 5, 7), explained(random_cnn()).raw[4:8], rtol=0, atol=1e-6
    )


def test_an_interrupted_job_goes_on_where_it_was_and_gives_the_same(tmp_path, whole):
    class Interrupted(KeptParts):
        def gather(self, n, part):
            return super().gather(n, lambda i: part(i) if i < 7 else exec("raise KeyboardInterrupt"))

    with pytest.raises(KeyboardInterrupt):
        explained(random_cnn(), DATA, Interrupted(tmp_path / "gradcam.npz", "key"), batch_size=4)
    again = explained(random_cnn(), DATA, KeptParts(tmp_path / "gradcam.npz", "key"), batch_size=4)
    assert_close(again, explained(random_cnn(), batch_size=4), exact=True)


def test_sanity_is_the_rank_correlation_of_sizes_with_those_of_the_randomised_networks(whole):
    subject = random_cnn()
    for stage in (1, 3):
        other = explained(subject.randomised(stage, seed=7))
        for i, k in ((0, 0), (5, 4)):
            pair = np.abs(whole.raw[i, k]).ravel(), np.abs(other.raw[i, k]).ravel()
            assert whole.sanity[i, k, stage - 1] == pytest.approx(stats.spearmanr(*pair).statistic, abs=1e-6)


def test_maps_that_training_does_not_change_carry_a_warning():
    subject = random_cnn()
    subject.randomised = lambda stages, *, seed: subject
    with pytest.warns(ResultWarning, match=rf"agree with .* random weights: .* 1\.00, above {AGREEMENT}"):
        result = explained(subject)
    assert result.sanity == pytest.approx(1)


def test_only_the_network_that_is_random_throughout_decides_the_warning():
    subject, other = random_cnn(), random_cnn(seed=3)
    subject.randomised = lambda stages, *, seed: other if stages == 4 else subject
    result = explained(subject)
    assert result.sanity[:, :, :3] == pytest.approx(1)
    assert result.sanity[:, :, 3].mean() < AGREEMENT


def with_class_names(*names):
    """The images, whose classes are called so."""
    return dataclasses.replace(DATA, whole={"val": NamedImages(**vars(DATA.whole["val"]), class_names=names)})


@dataclasses.dataclass(frozen=True)
class NamedImages(TinyImages):
    class_names: tuple[str, ...] = ()


def test_labels_of_classes_that_the_data_call_otherwise_are_kept_and_said():
    with pytest.warns(ResultWarning, match="differ: 1 is 'dog' there, 'wolf' here; labels are compared"):
        result = explained(random_cnn(), with_class_names("cat", "wolf", "horse", "ship", "3rd rock"))
    np.testing.assert_array_equal(result.labels, np.arange(16) % 5)


@pytest.mark.parametrize("names", [("apple", "pear"), (*NAMES[::-1],)], ids=["others", "in another order"])
def test_labels_that_are_no_classes_of_the_checkpoint_are_left_out_and_the_maps_stand(whole, names):
    with pytest.warns(ResultWarning, match="labels are left out, as they mean none of its classes"):
        result = explained(random_cnn(), with_class_names(*names))
    assert (result.labels == -1).all()
    np.testing.assert_array_equal(result.raw, whole.raw)


def test_signals_have_maps_along_time():
    data = random_images(3, 200, channels=4)
    result = explained(random_cnn(channels=4, dims=1), data)
    assert (result.raw.shape, result.map.shape, result.image.shape) == ((3, 5, 25), (3, 5, 200), (3, 4, 200))


def test_maps_too_large_to_save_stay_at_the_size_of_the_layer_and_say_so(monkeypatch, whole):
    monkeypatch.setattr(gradcam, "MAP_BYTES", whole.map.nbytes - 1)
    with pytest.warns(ResultWarning, match="`map` has the size of the layer"):
        result = explained(random_cnn())
    assert result.map.shape == result.raw.shape
    np.testing.assert_allclose(result.map.max((2, 3)), whole.evidence, rtol=0, atol=1e-5)


def test_the_record_says_what_the_result_is_of(whole):
    assert (whole.split, whole.family, whole.data) == ("val", "fake_cnn", "tiny")
    assert tuple(whole.class_names) == NAMES
    np.testing.assert_array_equal(whole.image, DATA.whole["val"].x)
    np.testing.assert_array_equal(whole.labels, np.arange(16) % 5)


def test_the_network_stays_as_it_was():
    subject = random_cnn()
    before = {name: tensor.clone() for name, tensor in subject.network.state_dict().items()}
    explained(subject)
    assert not subject.network.training
    assert all(parameter.grad is None for parameter in subject.network.parameters())
    assert all(torch.equal(before[name], tensor) for name, tensor in subject.network.state_dict().items())


def test_the_file_loads_back_equal(tmp_path, whole):
    formats.save(whole, tmp_path / "gradcam.npz")
    loaded = formats.load(tmp_path / "gradcam.npz", GradCam)
    for field in dataclasses.fields(GradCam):
        np.testing.assert_array_equal(getattr(loaded, field.name), getattr(whole, field.name))
    assert loaded.raw.dtype == loaded.map.dtype == np.float32


def test_an_unknown_split_and_an_empty_one_are_refused():
    with pytest.raises(AssayError, match="no split 'tset'; they have val"):
        explained(random_cnn(), split="tset")
    with pytest.raises(AssayError, match="split 'val' of 'tiny' has no record"):
        explained(random_cnn(), random_images(0, 40, 56))
