"""Where a released adapter is: a folder of a store, or the whole of one."""

from dataclasses import dataclass
from pathlib import Path

from thinksafe.artifacts.folder import FolderStore
from thinksafe.artifacts.store import Store


@dataclass(frozen=True)
class Place:
    """The objects under `folder` of a store, by their names there; an empty folder is the whole store."""

    store: Store
    folder: str = ""

    @property
    def uri(self) -> str:
        return "/".join(part for part in (self.store.uri.rstrip("/"), self.folder) if part)

    def get(self, name: str) -> bytes:
        """An object's bytes. Raises Missing."""
        return self.store.get(self._key(name))

    def download(self, name: str, path: Path) -> None:
        """Write an object to a file. Raises Missing."""
        self.store.download(self._key(name), path)

    def names(self) -> set[str]:
        """Everything there; in a folder also what a listing of files would pass over (folders, links), as `name/`."""
        if isinstance(self.store, FolderStore):
            root = self.store.root / self.folder
            return {e.name if e.is_file() and not e.is_symlink() else f"{e.name}/" for e in root.iterdir()}
        start = self._key("")
        return {key.removeprefix(start) for key in self.store.list(start)}

    def _key(self, name: str) -> str:
        return f"{self.folder}/{name}" if self.folder else name
