"""NIfTI volumes and DICOM files: slices, frames, ranges of values, and every way in which one is refused."""

import gzip

import nibabel
import numpy as np
import pydicom
import pytest
from data.image_files import dicom, noise, pixels, prepared, table
from pydicom.pixels import apply_modality_lut, apply_windowing

from assay.data import image_reading
from assay.errors import AssayError, Refused


def volume(*shape, seed=0):
    return np.random.default_rng(seed).integers(-500, 3000, shape).astype(np.int16)


def nifti(path, array, *, kind=nibabel.Nifti1Image):
    nibabel.save(kind(array, np.eye(4)), path)
    return path


def min_max(values):
    values = values.astype(np.float64)
    return (values - values.min()) / (values.max() - values.min())


@pytest.mark.parametrize("name", ["a.nii", "a.nii.gz"])
@pytest.mark.parametrize("kind", [nibabel.Nifti1Image, nibabel.Nifti2Image])
@pytest.mark.parametrize("axis", [0, 1, 2])
def test_a_volume_is_cut_into_its_slices_scaled_by_the_whole_volume(tmp_path, name, kind, axis):
    values = volume(4, 5, 6)
    found = prepared(nifti(tmp_path / name, values, kind=kind), slice_axis=axis).splits["val"]
    wanted = np.moveaxis(min_max(values), axis, 0)
    np.testing.assert_allclose(found.x[:, 0], wanted, atol=1e-7)
    assert found.record_id.tolist() == [f"{name}#{k}" for k in range(values.shape[axis])]


def test_a_series_gives_the_slices_of_each_volume_in_the_order_of_time(tmp_path):
    values = volume(4, 5, 6, 2)
    found = prepared(nifti(tmp_path / "a.nii", values), slices="1:4:2").splits["val"]
    assert found.record_id.tolist() == ["a.nii#t0-1", "a.nii#t0-3", "a.nii#t1-1", "a.nii#t1-3"]
    wanted = [min_max(values)[:, :, k, t] for t in (0, 1) for k in (1, 3)]
    np.testing.assert_allclose(found.x[:, 0], wanted, atol=1e-7)


def test_the_middle_slice_alone_keeps_the_id_of_its_volume_and_all_slices_its_label(tmp_path):
    nifti(tmp_path / "a.nii", volume(4, 5, 7))
    listing = table(tmp_path, "file,label,record_id", "a.nii,sick,p1")
    found = prepared(tmp_path / "a.nii", listing, slices="middle").splits["val"]
    assert found.record_id.tolist() == ["p1"]
    np.testing.assert_allclose(found.x[0, 0], min_max(volume(4, 5, 7))[:, :, 3], atol=1e-7)
    found = prepared(tmp_path / "a.nii", listing, slices="::-3", class_names=("well", "sick")).splits["val"]
    assert (found.record_id.tolist(), found.y.tolist()) == (["p1#6", "p1#3", "p1#0"], [1, 1, 1])


def test_scaled_integers_are_read_in_their_units(tmp_path):
    image = nibabel.Nifti1Image(volume(4, 5, 6), np.eye(4))
    image.header.set_slope_inter(0.5, -100)
    nibabel.save(image, tmp_path / "a.nii")
    wanted = np.asarray(nibabel.load(tmp_path / "a.nii").dataobj)
    found = pixels(tmp_path / "a.nii", intensities="none")
    np.testing.assert_allclose(found[:, 0], np.moveaxis(wanted, 2, 0), rtol=1e-6)
    assert found.dtype == np.float32


def test_percentiles_cut_the_ends_off_for_the_whole_volume(tmp_path):
    values = volume(10, 10, 10)
    values[0, 0, 0] = 32000
    found = pixels(nifti(tmp_path / "a.nii", values), intensities="percentile")
    low, high = np.percentile(values, [1, 99])
    wanted = ((values - low) / (high - low)).clip(0, 1)
    np.testing.assert_allclose(found[:, 0], np.moveaxis(wanted, 2, 0), atol=1e-6)


def test_a_constant_volume_is_zero(tmp_path):
    assert not pixels(nifti(tmp_path / "a.nii", np.full((4, 5, 6), 7, np.int16))).any()


def test_nan_is_refused_with_its_count(tmp_path):
    values = volume(4, 5, 6).astype(np.float32)
    values[0, 0, :2] = np.nan, np.inf
    with pytest.raises(Refused, match=r"NaN or infinite values \(1\): .*a.nii: 2 of 120"):
        pixels(nifti(tmp_path / "a.nii", values), slices="3:4")


@pytest.mark.parametrize(
    ("message", "values"),
    [
        (
            r"no NIfTI volume of 3 axes, nor series of 4 \(1\): .*a.nii: Nifti1Image of shape \(4, 5\)",
            noise(4, 5),
        ),
        (r"NIfTI of type complex64; allowed: real numbers", np.ones((4, 5, 6), np.complex64)),
        (r"more than max_pixels, 120, in a file \(1\): .*a.nii: 140", volume(4, 5, 7)),
        (r"no slice at 9:12 \(1\): .*a.nii: 6 slices", volume(4, 5, 6)),
    ],
)
def test_another_volume_is_refused(tmp_path, message, values):
    with pytest.raises(Refused, match=message):
        pixels(nifti(tmp_path / "a.nii", values), max_pixels=120, slices="9:12")


@pytest.mark.parametrize("name", ["a.nii", "a.nii.gz"])
@pytest.mark.parametrize("share", [0.0, 0.1, 0.6, 0.995])
def test_a_volume_that_was_cut_off_is_refused(tmp_path, name, share):
    path = nifti(tmp_path / name, volume(10, 10, 10))
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * share)])
    with pytest.raises(Refused, match=rf"files that cannot be read \(1\): .*{name}"):
        pixels(path)


def test_a_zipped_volume_whose_checksum_is_wrong_is_refused(tmp_path):
    path = nifti(tmp_path / "a.nii.gz", volume(10, 10, 10))
    content = bytearray(path.read_bytes())
    content[-8] ^= 1
    path.write_bytes(content)
    with pytest.raises(Refused, match=r"files that cannot be read .*CRC"):
        pixels(path)


def test_the_options_for_slices_are_checked(tmp_path):
    for slices in ("", "some", "1", "1:2:0", "1:2:3:4"):
        with pytest.raises(AssayError, match="allowed: all, middle, or start:stop:step"):
            pixels(tmp_path / "a.nii", slices=slices)


def test_a_missing_reader_is_named_with_the_way_to_install_it(tmp_path, monkeypatch):
    monkeypatch.setitem(image_reading.NEEDS, ".nii", "no_such_reader")
    with pytest.raises(
        AssayError, match=r"no_such_reader must be installed .* pip install 'assay\[images\]'"
    ):
        pixels(nifti(tmp_path / "a.nii", volume(4, 5, 6)))


def test_a_dicom_file_is_rescaled_and_windowed_as_pydicom_does(tmp_path):
    values = volume(8, 9)
    tags = {"RescaleSlope": 2, "RescaleIntercept": -1000, "WindowCenter": [40, 600], "WindowWidth": [400, 9]}
    found = pixels(dicom(tmp_path / "a.dcm", values, **tags))
    dataset = pydicom.dcmread(tmp_path / "a.dcm")
    wanted = apply_windowing(apply_modality_lut(values, dataset), dataset, index=0)
    low, high = (bound * 2 - 1000 for bound in (-(2**15), 2**15 - 1))
    np.testing.assert_allclose(found[0, 0], (wanted - low) / (high - low), atol=1e-6)
    assert 0 < np.mean((found > 0) & (found < 1)) < 1


def test_exact_and_sigmoid_windows_follow_their_formulas(tmp_path):
    values = np.arange(-50, 50, dtype=np.int16).reshape(10, 10)
    window = {"WindowCenter": 10, "WindowWidth": 40}
    exact = pixels(dicom(tmp_path / "a.dcm", values, VOILUTFunction="LINEAR_EXACT", **window))
    np.testing.assert_allclose(exact[0, 0], ((values - 10) / 40 + 0.5).clip(0, 1), atol=1e-7)
    sigmoid = pixels(dicom(tmp_path / "b.dcm", values, VOILUTFunction="SIGMOID", **window))
    np.testing.assert_allclose(sigmoid[0, 0], 1 / (1 + np.exp(-4 * (values - 10) / 40)), atol=1e-7)


def test_a_window_of_one_is_a_step_and_one_without_width_is_refused(tmp_path):
    values = np.arange(20, dtype=np.int16).reshape(4, 5)
    found = pixels(dicom(tmp_path / "a.dcm", values, WindowCenter=10, WindowWidth=1))
    np.testing.assert_array_equal(found[0, 0], values > 9)
    with pytest.raises(Refused, match=r"a DICOM window without width \(1\): .*b.dcm: 0.0"):
        pixels(dicom(tmp_path / "b.dcm", values, WindowCenter=10, WindowWidth=0))


def test_intensities_choose_what_becomes_0_and_1(tmp_path):
    values = volume(8, 9)
    path = dicom(
        tmp_path / "a.dcm", values, WindowCenter=0, WindowWidth=9, RescaleSlope=2, RescaleIntercept=5
    )
    np.testing.assert_allclose(pixels(path, intensities="minmax")[0, 0], min_max(values), atol=1e-7)
    np.testing.assert_allclose(pixels(path, intensities="none")[0, 0], 2.0 * values + 5)
    without = dicom(tmp_path / "b.dcm", values)
    np.testing.assert_allclose(pixels(without)[0, 0], min_max(values), atol=1e-7)


def test_monochrome1_is_turned_round_and_none_is_not(tmp_path):
    values = volume(8, 9)
    path = dicom(tmp_path / "a.dcm", values, kind="MONOCHROME1")
    np.testing.assert_allclose(pixels(path)[0, 0], 1 - min_max(values), atol=1e-6)
    np.testing.assert_array_equal(pixels(path, intensities="none")[0, 0], values)


def test_frames_are_samples_scaled_by_the_whole_file(tmp_path):
    values = volume(4, 8, 9)
    found = prepared(dicom(tmp_path / "a.dcm", values), slices="1:3").splits["val"]
    np.testing.assert_allclose(found.x[:, 0], min_max(values)[1:3], atol=1e-7)
    assert found.record_id.tolist() == ["a.dcm#1", "a.dcm#2"]


def test_colours_of_8_bits_stay_and_of_16_become_0_to_1(tmp_path):
    image = noise(6, 5, 3)
    found = pixels(dicom(tmp_path / "a.dcm", image, kind="RGB"))
    np.testing.assert_array_equal(found[0], image.transpose(2, 0, 1))
    deep = dicom(tmp_path / "b.dcm", image.astype(np.uint16), kind="RGB", BitsStored=12, HighBit=11)
    np.testing.assert_allclose(pixels(deep)[0], image.transpose(2, 0, 1) / 4095, atol=1e-7)


def test_ybr_is_read_as_rgb(tmp_path):
    white = np.array([255, 128, 128], np.uint8) * np.ones((6, 5, 1), np.uint8)
    assert (pixels(dicom(tmp_path / "a.dcm", white, kind="YBR_FULL")) == 255).all()


@pytest.mark.parametrize(
    ("message", "changes"),
    [
        (r"DICOM without pixels \(1\): .*a.dcm: MR", {"drop": ["PixelData"]}),
        (r"DICOM colours PALETTE COLOR; allowed: grey, RGB and YBR", {"kind": "PALETTE COLOR"}),
        (
            r"files that cannot be read \(1\): .*a.dcm: .*bytes of pixel data is less than",
            {"PixelData": bytes(100)},
        ),
        (r"more than max_pixels, 100, in a file \(1\): .*a.dcm: 144", {"NumberOfFrames": 1}),
    ],
)
def test_another_dicom_file_is_refused(tmp_path, message, changes):
    shape = (12, 12) if "NumberOfFrames" in changes else (10, 10)
    with pytest.raises(Refused, match=message):
        pixels(dicom(tmp_path / "a.dcm", volume(*shape), **changes), max_pixels=100)


def test_a_file_that_is_no_dicom_is_refused(tmp_path):
    (tmp_path / "a.dcm").write_bytes(gzip.compress(b"no picture"))
    with pytest.raises(Refused, match=r"files that cannot be read \(1\): .*a.dcm: File is missing DICOM"):
        pixels(tmp_path / "a.dcm")
