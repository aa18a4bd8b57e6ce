"""What the config of a run says of data, teacher and experts, whatever it calls them."""

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from pathlib import PurePath

from assay.catalog import MAKERS, SOURCES, BatchKind, artifacts, families
from assay.datasets import DataSet
from assay.discover.documents import Plain

_FILE = r"(?:[._-]?(?:ckpt|checkpoint|path|file|run|run_name|name|id|model|weights|from|dir))*"
TEACHER = re.compile(rf"(?:.*[._])?teacher{_FILE}")
EXPERTS = re.compile(
    rf"(?:.*\.)?experts?(?:[._]\w+)*|(?:.*[._])?(?:{'|'.join(families())})[._](?:ckpt|checkpoint|path|weights|run){_FILE}"
)
DATA = re.compile(
    r"(?:.*\.)?(?:data|dataset|datamodule|data_module)(?:_(?:name|id|set|dir|path|root|file|folder))?"
    r"(?:\.(?:name|id|path|dir|root|file|dataset|dataset_name|data_dir|data_path))?"
)

SCALE = frozenset({"image_mean", "image_std"})  # neither means anything without the other


def teacher_texts(config: Mapping[str, Plain]) -> list[str]:
    """What may name the teacher, a path or a run, the plainest key first."""
    return _texts(config, TEACHER)


def expert_texts(config: Mapping[str, Plain]) -> list[str]:
    """What may name experts; a text may name several, between commas."""
    return [
        part.strip()
        for text in _texts(config, EXPERTS)
        for part in text.strip("[]()").split(",")
        if part.strip()
    ]


def data_of(
    config: Mapping[str, Plain], data: Mapping[str, DataSet], *, batches: Sequence[str], usual: str
) -> tuple[str, str]:
    """The data set of a row, empty where none is known, and why it is that one.

    Args:
        config: what the run says.
        data: the data sets of the project's config, of which one that gives `batches` is taken.
        batches: kinds of batches that the checkpoint takes.
        usual: the data set of runs that name none.
    """
    texts = _texts(config, DATA)
    fitting = {
        name: one
        for name, one in data.items()
        if one.source in SOURCES and SOURCES[one.source].batches in batches
    }
    for text in texts:
        if name := next((name for name, one in fitting.items() if _means(text, one)), ""):
            return name, f"its config says {text}"
    said = f"its config says {', '.join(texts[:3])}" if texts else "its config names none"
    if usual:
        return usual, "as --data says"
    if len(fitting) == 1:
        return next(iter(fitting)), f"the only data of the config that gives {' or '.join(batches)}; {said}"
    return "", f"{said}; the config has {', '.join(fitting) or 'none'} that gives {' or '.join(batches)}"


def takes(family: str, *, experts: bool) -> tuple[str, ...]:
    """The kinds of batches that the data of a row may give."""
    kind = families()[family].batches
    if kind in MAKERS and experts:
        return tuple(sorted({one.batches for one in families().values() if one.answers & _asked(kind)}))
    return (kind,)


def _asked(kind: BatchKind) -> frozenset[str]:
    return frozenset().union(*artifacts()[MAKERS[kind]].partners.values())


def _texts(config: Mapping[str, Plain], pattern: re.Pattern[str]) -> list[str]:
    """The texts of the keys that match, those of short keys first."""
    keys = [key for key in config if pattern.fullmatch(re.sub(r"\.\d+$", "", key.lower()))]
    texts = (config[key] for key in sorted(keys, key=lambda key: (key.count("."), len(key), key)))
    return list(dict.fromkeys(text.strip() for text in texts if isinstance(text, str) and text.strip()))


def _means(text: str, data: DataSet) -> bool:
    """Whether a name or a path is that of a data set, or of its raw files, wherever they lay."""
    said = PurePath(text)
    if data.name.casefold() in (text.casefold(), said.name.casefold(), said.stem.casefold()):
        return True
    return any(_same_end(said.parts, PurePath(path).parts) for path in data.paths)


def _same_end(one: Sequence[str], other: Sequence[str]) -> bool:
    n = min(len(one), len(other), 2)
    return n > 0 and tuple(one[-n:]) == tuple(other[-n:])


def hparams_of(config: Mapping[str, Plain], names: Sequence[str]) -> Mapping[str, str]:
    """Of the hyper-parameters `names` those that the config says once, as the sheet writes them, a list with commas.

    Of `image_mean` and `image_std` both that are asked for, or neither.
    """
    said = dict(_said_once(config, names))
    whole = SCALE.intersection(names) <= said.keys()
    return {name: text for name, text in said.items() if whole or name not in SCALE}


def _said_once(config: Mapping[str, Plain], names: Sequence[str]) -> Iterator[tuple[str, str]]:
    for name in names:
        texts = {",".join(values) for values in _said(config, name).values()}
        if len(texts) == 1 and re.fullmatch(r"[^\s;=$\[\]\"']{1,1000}", text := texts.pop()):
            yield name, text


def _said(config: Mapping[str, Plain], name: str) -> Mapping[str, list[str]]:
    """The values of a key by its place; a list has one place."""
    said: dict[str, list[str]] = defaultdict(list)
    for key, value in config.items():
        place, _, last = key.rpartition(".")
        of_list = last.isdecimal() and place.rpartition(".")[2] == name
        if last == name or of_list:
            text = str(value).lower() if isinstance(value, bool) else str(value)
            said[place if of_list else key].append(text)
    return said
