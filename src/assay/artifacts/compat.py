"""The numbers as they were published, for those who must compare old ones."""

from typing import TypeVar

from assay.protocols import AsPublished, Subject

AnySubject = TypeVar("AnySubject", bound=Subject)


def compatible(subject: AnySubject, compat: str) -> AnySubject:
    """The subject; where `compat` is published, and its numbers were others, the one that gives those."""
    if compat == "published" and isinstance(subject, AsPublished):
        return subject.as_published()
    return subject
