"""Every data source: the raw files that it reads, and its options. Plain data."""

from collections.abc import Mapping

from assay.catalog.rows import Option, Source

SOURCES: Mapping[str, Source] = {
    "can_bus": Source(
        module="assay.data.can_bus",
        batches="graphs",
        suffixes=(".csv", ".log", ".asc", ".blf"),
        primary="train",
        derived={"val": "val_fraction"},
        sidecar=".attacks.csv",
        options={
            "window": Option(100, "messages in a window", minimum=2),
            "stride": Option(100, "messages from one window to the next", minimum=1),
            "vocab_scope": Option("train", "whose ids are known", choices=("train", "all")),
            "val_fraction": Option(
                0.2, "share of the training windows, the last ones, that is `val`", 0.0, 0.9
            ),
            "scaler": Option(
                "z_benign",
                "how features are scaled, fitted on benign training graphs",
                choices=("z_benign", "robust_benign", "none"),
            ),
            "sequence_length": Option(1, "windows in a graph; above 1 a graph is a sequence of windows", 1),
            "sequence_stride": Option(1, "windows from one window of a sequence to the next", 1),
        },
    ),
    "graphs": Source(
        module="assay.data.graphs",
        batches="graphs",
        suffixes=(".npz", ".safetensors"),
        primary="val",
    ),
    "fusion_states": Source(
        module="assay.data.fusion_states",
        batches="states",
        suffixes=(".npz",),
        primary="val",
    ),
    "network": Source(
        module="assay.data.network",
        batches="tables",
        suffixes=(".npz", ".parquet", ".csv"),
        primary="val",
        sidecar=".held_out.csv",
        may_hold=frozenset({"held_out"}),
    ),
    "table": Source(
        module="assay.data.table",
        batches="tables",
        suffixes=(".h5", ".hdf5", ".he5", ".parquet", ".csv"),
        primary="train",
        derived={"val": "val_fraction", "test": "test_fraction"},
        options={
            "val_fraction": Option(
                0.2, "share of the rows of `path`, drawn at random, that is `val`", 0.0, 0.9
            ),
            "test_fraction": Option(0.0, "the same for `test`", 0.0, 0.9),
            "split_seed": Option(42, "seed of the permutation that is cut, as in training", 0),
            "normalize_x": Option(
                True, "inputs less their mean over `train`, divided by their deviation there"
            ),
            "normalize_y": Option(False, "the same for the targets"),
        },
    ),
    "images": Source(
        module="assay.data.images",
        batches="images",
        holds=frozenset(),
        may_hold=frozenset({"labels"}),
        suffixes=(".png", ".jpg", ".jpeg", ".nii", ".nii.gz", ".dcm", ".npz", ".csv"),
        primary="val",
        options={
            "height": Option(0, "pixels; with `width` 0: as the images are, which must agree", 0),
            "width": Option(0, "pixels; set it with `height`", 0),
            "channels": Option(0, "1 grey, 3 colour; 0: as the images are, which must agree", 0),
            "resize": Option(
                "stretch",
                "to height and width: stretch; crop, the centre; or pad, the whole with zeros around it",
                choices=("stretch", "crop", "pad"),
            ),
            "crop_fraction": Option(
                1.0, "of crop: the share of each side that is kept; 0.875 keeps 224 of 256", 0.1, 1.0
            ),
            "interpolation": Option("bilinear", "of a resize; antialiased", choices=("bilinear", "bicubic")),
            "intensities": Option(
                "window",
                "of NIfTI and grey DICOM: window, of the file, or where it has none minmax; minmax; percentile, 1 to "
                "99; or none, in the units of the file",
                choices=("window", "minmax", "percentile", "none"),
            ),
            "slice_axis": Option(2, "axis of a NIfTI volume that is cut into slices", 0, 2),
            "slices": Option("all", "slices of a volume, or frames: all, middle, or start:stop:step"),
            "class_names": Option((), "classes in the order of the model; empty: sorted, or numbers"),
            "max_pixels": Option(100_000_000, "pixels, or voxels, that a file may have", 1),
            "num_workers": Option(
                0,
                "processes that read files; 0: none beside the job. Changes no byte",
                minimum=0,
                costs_only=True,
            ),
        },
    ),
}
