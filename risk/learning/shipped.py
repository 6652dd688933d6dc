"""The mappings that come with Luopan: of well-known public books and of the generated demo book."""

from importlib.resources import files
from pathlib import Path

_FOLDER = files("risk.learning") / "mappings"


def names() -> list[str]:
    """The names of the shipped mappings."""
    return sorted(entry.name.removesuffix(".yaml") for entry in _FOLDER.iterdir() if entry.name.endswith(".yaml"))


def mapping_text(name: str) -> bytes:
    """The text of a shipped mapping, or of a file. Raises FileNotFoundError with the shipped names."""
    if name in names():
        return (_FOLDER / f"{name}.yaml").read_bytes()
    path = Path(name)
    if not path.is_file():
        raise FileNotFoundError(f"There is no mapping file {name}; shipped with Luopan are: {', '.join(names())}.")
    return path.read_bytes()
