"""Stages: inputs and configuration make a key; a dataset whose manifest carries that key is not made again."""

import hashlib
import json
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import gristmill
from gristmill.pipelines.engine.storage import Storage
from gristmill.pipelines.run.dataset import read_manifest
from gristmill.pipelines.run.digest import format_digest
from gristmill.pipelines.run.units import Marker, read_units
from gristmill.schemas import layout
from gristmill.schemas.layout import DatasetSpec
from gristmill.schemas.manifest import FORMAT_VERSION, DatasetManifest, Part


def fingerprint(value: Any) -> str:
    """32 hex digits of a JSON value; a value without a stable JSON form raises TypeError."""
    content = json.dumps(value, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return hashlib.blake2b(content.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()


def layout_fingerprint(manifest: DatasetManifest) -> str:
    """Changes with the rows of a dataset and with how they lie in parts."""
    return fingerprint([[part.key, part.rows, part.digest] for part in manifest.parts])


def stage_key(folder: str, config: Mapping[str, Any], inputs: Mapping[str, str], versions: Mapping[str, str]) -> str:
    """Of a dataset by what it is made from and how."""
    return fingerprint([folder, config, inputs, versions])


def remade(manifest: DatasetManifest, parts: Sequence[Part], changes: Mapping[str, Any]) -> DatasetManifest:
    """A finished dataset with other parts, and the key, counts and digest that go with them and with `changes`."""
    changed = manifest.model_copy(update=dict(changes))
    counts = {
        "parts": list(parts),
        "rows": sum(part.rows for part in parts),
        "text_bytes": sum(part.text_bytes for part in parts),
        "digest": format_digest(sum(int(part.digest, 16) for part in parts)),
        "stage_key": stage_key(changed.name, changed.config, changed.inputs, changed.versions),
    }
    return changed.model_copy(update=counts)


class Stage:
    """One dataset to bring up to date.

    `manifest` is set when the dataset is there with the same key; else `start()`, let tasks leave unit markers under the
    dataset's folder, and `finish(facts)`. Units finished by an interrupted attempt with the same key survive `start()`.
    `units()` reads the markers, once.
    """

    def __init__(
        self,
        storage: Storage,
        spec: DatasetSpec,
        config: Mapping[str, Any],
        inputs: Mapping[str, str],
        versions: Mapping[str, str] | None = None,
    ) -> None:
        self.storage, self.spec, self.config, self.inputs = storage, spec, dict(config), dict(inputs)
        self.versions = {"gristmill": gristmill.__version__, "format": str(FORMAT_VERSION), **(versions or {})}
        self.key = stage_key(spec.folder, self.config, self.inputs, self.versions)
        done = read_manifest(storage, spec.folder)
        self.manifest = done if done is not None and done.stage_key == self.key else None
        self._units: dict[str, Marker] | None = None
        self._started = 0.0

    @property
    def started_path(self) -> str:
        """The file that says what an unfinished dataset is made from."""
        return f"{self.spec.folder}/{layout.STARTED}"

    @property
    def goes_on(self) -> bool:
        """Whether an attempt with the same key was interrupted, so that its units survive `start()`."""
        started = self.storage.read_json_if_there(self.started_path)
        return started is not None and started["stage_key"] == self.key

    def start(self) -> None:
        if not self.goes_on:
            # first what vouches for the data: removing the folder may be interrupted
            self.storage.remove_file(f"{self.spec.folder}/{layout.MANIFEST}")
            self.storage.remove_file(self.started_path)
            self.storage.remove(self.spec.folder)
            self.storage.write_json(self.started_path, {"stage_key": self.key})
        else:
            self._remove_unlisted()
        self._units = None
        self._started = time.monotonic()

    def units(self) -> dict[str, Marker]:
        """The marker of every unit by its key; read when first asked for, which is after the tasks."""
        if self._units is None:
            self._units = read_units(self.storage, self.spec)
        return self._units

    def _remove_unlisted(self) -> None:
        """Files that an interrupted attempt wrote and no unit names."""
        units = read_units(self.storage, self.spec).values()
        listed = {part["path"] for marker in units for part in marker["parts"]}
        found = [f"{self.spec.folder}/data/{name}" for name in self.storage.list(f"{self.spec.folder}/data")]
        self.storage.remove_files([path for path in found if path not in listed])

    def finish(self, facts: dict[str, Any]) -> DatasetManifest:
        """Write the manifest: from here on the dataset counts."""
        parts = [Part.model_validate(part) for marker in self.units().values() for part in marker["parts"]]
        parts.sort(key=lambda part: part.key)
        self.manifest = DatasetManifest(
            name=self.spec.folder,
            stage_key=self.key,
            config=self.config,
            inputs=self.inputs,
            versions=self.versions,
            created=datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
            seconds=round(time.monotonic() - self._started, 3),
            rows=sum(part.rows for part in parts),
            text_bytes=sum(part.text_bytes for part in parts),
            digest=format_digest(sum(int(part.digest, 16) for part in parts)),
            parts=parts,
            facts=facts,
        )
        self.storage.write_json(f"{self.spec.folder}/{layout.MANIFEST}", self.manifest.model_dump())
        return self.manifest

    def run(self, work: Callable[[], dict[str, Any]], log: Callable[[str], None]) -> DatasetManifest:
        """The manifest, after `work() -> facts` where the dataset is not up to date."""
        if self.manifest is None:
            self.start()
            manifest = self.finish(work())
            log(f"{self.spec.folder}: {manifest.rows:,} rows in {manifest.seconds:.1f} s{rate(manifest)}")
            return manifest
        log(f"{self.spec.folder}: up to date ({self.manifest.rows:,} rows)")
        return self.manifest


def rate(manifest: DatasetManifest) -> str:
    if not manifest.text_bytes or manifest.seconds < 0.05:
        return ""
    return f", {manifest.text_bytes / 1e6 / manifest.seconds:.1f} MB/s of text"
