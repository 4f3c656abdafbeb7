"""A pod's volumes as directories of the machine, written and refreshed as the kubelet does (pkg/volume/util/atomic_writer.go)."""

from __future__ import annotations

import asyncio
import datetime
import os
import secrets
import shutil
import time
from dataclasses import dataclass
from pathlib import Path

from runbook_sandbox.kubernetes.node.api import Api, ApiError, Object, insist
from runbook_sandbox.kubernetes.node.environment import ConfigError, data_of, fetch, field, resource

Files = dict[str, tuple[bytes, int]]  # path in the volume: content, mode


def write_atomically(directory: Path, files: Files) -> bool:
    """Makes ``directory`` hold exactly these files, all at once: readers go through the symlink ``..data``. False if nothing changed."""
    current = directory / "..data"
    if current.exists():
        there = {str(path.relative_to(current)): path for path in current.rglob("*") if path.is_file()}
        if there.keys() == files.keys() and all(there[name].read_bytes() == content for name, (content, _) in files.items()):
            return False
    fresh = directory / f"..{datetime.datetime.now():%Y_%m_%d_%H_%M_%S}.{secrets.token_hex(4)}"
    fresh.mkdir(parents=True)
    for name, (content, mode) in files.items():
        path = fresh / name
        path.parent.mkdir(parents=True, exist_ok=True)
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as file:
            file.write(content)
    old = current.resolve() if current.is_symlink() else None
    pending = directory / "..data_tmp"
    pending.unlink(missing_ok=True)
    pending.symlink_to(fresh.name)
    pending.rename(current)
    visible = {name.split("/")[0] for name in files}
    for name in visible:
        if not (directory / name).is_symlink():
            (directory / name).symlink_to(f"..data/{name}")
    for entry in directory.iterdir():
        if entry.is_symlink() and not entry.name.startswith("..") and entry.name not in visible:
            entry.unlink()
    if old is not None:
        shutil.rmtree(old)
    return True


def selected(entries: dict[str, bytes], source: Object, mode: int) -> Files:
    """The entries of a ConfigMap or Secret that ``items`` chooses, by their paths; all of them without ``items``."""
    if not source.get("items"):
        return {key: (value, mode) for key, value in entries.items()}
    files: Files = {}
    for item in source["items"]:
        if item["key"] in entries:
            files[item["path"]] = (entries[item["key"]], item.get("mode", mode))
        elif not source.get("optional", False):
            raise ConfigError(f"references non-existent config key: {item['key']}")
    return files


@dataclass
class _Token:
    content: bytes
    renew_at: float


class Volumes:
    """The volumes of one pod, under ``directory``."""

    def __init__(self, api: Api, pod: Object, directory: Path) -> None:
        self._api, self._directory = api, directory
        self._tokens: dict[tuple[str, int], _Token] = {}
        self.pod = pod

    def path(self, name: str) -> Path:
        """Where the machine has a volume of the pod."""
        volume = next(volume for volume in self.pod["spec"].get("volumes", []) if volume["name"] == name)
        return Path(volume["hostPath"]["path"]) if "hostPath" in volume else self._directory / name

    async def prepare(self) -> None:
        """Writes all volumes; ConfigError says which one cannot be, as FailedMount would."""
        for volume in self.pod["spec"].get("volumes", []):
            try:
                await self._prepare(volume)
            except ConfigError as error:
                raise ConfigError(f'MountVolume.SetUp failed for volume "{volume["name"]}": {error}') from error

    async def _prepare(self, volume: Object) -> None:
        directory = self._directory / volume["name"]
        kind = next((key for key in volume if key != "name"), "emptyDir")
        if kind == "emptyDir":
            directory.mkdir(parents=True, exist_ok=True)
        elif kind == "hostPath":
            if not self.path(volume["name"]).exists():
                raise ConfigError(f"hostPath {volume['hostPath']['path']} does not exist")
        elif kind == "projected":
            mode, files = volume[kind].get("defaultMode", 0o644), {}
            for source in volume[kind].get("sources", []):
                for part, content in source.items():
                    files |= await self._files(part, content, mode)
            await asyncio.to_thread(write_atomically, directory, files)
        else:
            await asyncio.to_thread(
                write_atomically, directory, await self._files(kind, volume[kind], volume[kind].get("defaultMode", 0o644))
            )

    async def _files(self, kind: str, source: Object, mode: int) -> Files:
        namespace = self.pod["metadata"]["namespace"]
        if kind in ("configMap", "secret"):
            name = source["secretName"] if "secretName" in source else source["name"]
            found = await fetch(self._api, namespace, f"{kind.lower()}s", name, source.get("optional", False))
            return selected(data_of(found), source, mode) if found else {}
        if kind == "downwardAPI":
            files = {}
            for item in source.get("items", []):
                text = field(self.pod, item["fieldRef"]["fieldPath"]) if "fieldRef" in item else self._resource(item["resourceFieldRef"])
                files[item["path"]] = (text.encode(), item.get("mode", mode))
            return files
        if kind == "serviceAccountToken":
            content = await self._token(source.get("audience", ""), source.get("expirationSeconds", 3600))
            return {source["path"]: (content, 0o600)}
        raise ConfigError(f"volumes of type {kind} are not supported by the node-runner")

    def _resource(self, reference: Object) -> str:
        spec = self.pod["spec"]
        every = spec["containers"] + spec.get("initContainers", [])
        return resource(next(container for container in every if container["name"] == reference["containerName"]), reference)

    async def _token(self, audience: str, seconds: int) -> bytes:
        """A token bound to this pod; renewed when 80 % of its life or a day has passed, as the kubelet's token manager does."""
        held = self._tokens.get((audience, seconds))
        if held and time.time() < held.renew_at:
            return held.content
        metadata, account = self.pod["metadata"], self.pod["spec"].get("serviceAccountName", "default")
        bound = {"apiVersion": "v1", "kind": "Pod", "name": metadata["name"], "uid": metadata["uid"]}
        spec = {"audiences": [audience] if audience else [], "expirationSeconds": seconds, "boundObjectRef": bound}
        path = f"/api/v1/namespaces/{metadata['namespace']}/serviceaccounts/{account}/token"
        body = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": spec}
        try:
            status = (await insist(f"token of {account}", lambda: self._api.create(path, body)))["status"]
        except ApiError as error:
            raise ConfigError(f"failed to fetch token: {error}") from error
        expires = datetime.datetime.fromisoformat(status["expirationTimestamp"]).timestamp()
        life = expires - time.time()
        token = _Token(status["token"].encode(), time.time() + min(0.8 * life, 24 * 3600))
        self._tokens[(audience, seconds)] = token
        return token.content
