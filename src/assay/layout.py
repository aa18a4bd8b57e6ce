"""Where every file of the results lies. The only place where these paths are written."""

from dataclasses import dataclass
from pathlib import Path

from assay.catalog import artifacts

PAGES = ".pages.json"  # beside the folder of pages, whose name goes before


@dataclass(frozen=True, slots=True)
class Layout:
    """Paths below one results folder."""

    results: str

    def intake(self, checkpoint: str) -> str:
        """What the border found; written last of its three files."""
        return f"{self.results}/{checkpoint}/intake.json"

    def weights(self, checkpoint: str) -> str:
        """The tensors of a checkpoint."""
        return f"{self.results}/{checkpoint}/weights.safetensors"

    def hparams(self, checkpoint: str) -> str:
        """The hyper-parameters of a checkpoint."""
        return f"{self.results}/{checkpoint}/hparams.json"

    def training(self, checkpoint: str) -> str:
        """Which files training left around a checkpoint; written last of its two files."""
        return f"{self.results}/{checkpoint}/training.json"

    def run(self, checkpoint: str) -> str:
        """What these files say."""
        return f"{self.results}/{checkpoint}/run.json"

    def target(self, checkpoint: str, artifact: str) -> str:
        """The file of an artifact."""
        return f"{self.results}/{checkpoint}/{artifacts()[artifact].file}"

    def also(self, checkpoint: str, artifact: str) -> tuple[str, ...]:
        """The files that lie beside the file of an artifact and are published before it."""
        return tuple(f"{self.results}/{checkpoint}/{name}" for name in artifacts()[artifact].also)

    def record(self, checkpoint: str, artifact: str) -> str:
        """What an artifact was made of; its presence means that the artifact is complete."""
        return f"{self.results}/{checkpoint}/records/{artifact}.json"

    def failed(self, checkpoint: str, job: str) -> str:
        """Why a job (an artifact, or `intake`) failed last; gone after a success."""
        return f"{self.results}/{checkpoint}/records/{job}.failed.json"

    def figures(self, checkpoint: str, artifact: str) -> tuple[str, ...]:
        """The pictures of an artifact: PNG and SVG; where it has pages, the list of these, too."""
        stem = f"{self.results}/{checkpoint}/figures/{artifact}"
        listing = [f"{stem}{PAGES}"] if artifacts()[artifact].pages else []
        return (f"{stem}.png", f"{stem}.svg", *listing)

    def checkpoint_manifest(self, checkpoint: str) -> str:
        """The manifest of one checkpoint, with the published keys."""
        return f"{self.results}/{checkpoint}/analysis_manifest.json"

    def data(self, name: str) -> str:
        """What a prepared data set holds; written last of its files."""
        return f"{self.results}/data/{name}/data.json"

    def split(self, name: str, split: str) -> str:
        """One prepared split."""
        return f"{self.results}/data/{name}/{split}.safetensors"

    def data_failed(self, name: str) -> str:
        """Why the preparation of a data set failed last."""
        return f"{self.results}/data/{name}/data.failed.json"

    @property
    def manifest(self) -> str:
        """The manifest of everything."""
        return f"{self.results}/manifest.json"

    @property
    def sections(self) -> str:
        """Where each checkpoint stands in the manifest; undeclared."""
        return f"{self.results}/.manifest.json.sections"

    @property
    def sights(self) -> str:
        """How every checkpoint stood when it was last looked at; undeclared."""
        return f"{self.results}/.sights.json"


def seen(target: str) -> Path:
    """The undeclared file beside a target that remembers what was seen of its sources."""
    return Path(seen_path(target))


def seen_path(target: str) -> str:
    """The same as text, which costs less where ten thousand are asked for."""
    folder, _, name = target.rpartition("/")
    return f"{folder}/.{name}.seen" if folder else f".{name}.seen"
