"""The sandbox's only node: binds pods and runs their containers' programs as processes of this machine.

What is true of it and what is not: docs/sandbox/kubernetes.md.
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import shutil
import signal
import sys
from pathlib import Path

from runbook_sandbox.kubernetes.node import heartbeat, logs
from runbook_sandbox.kubernetes.node.api import Api, Object
from runbook_sandbox.kubernetes.node.container import Container
from runbook_sandbox.kubernetes.node.events import Recorder
from runbook_sandbox.kubernetes.node.images import Images
from runbook_sandbox.kubernetes.node.pod import Pod
from runbook_sandbox.kubernetes.node.process import can_isolate
from runbook_sandbox.kubernetes.node.scheduler import Scheduler
from runbook_sandbox.kubernetes.node.settings import Settings

log = logging.getLogger("node-runner")


class Addresses:
    """A loopback address for each pod, so that several can bind the same port: 127.A.B.n, with the API server's port as A.B.

    That port is held by one sandbox at a time, so two of them never give out the same address.
    """

    def __init__(self, server: str) -> None:
        port = int(server.rpartition(":")[2])
        self._prefix = f"127.{port >> 8}.{port & 255}"
        self._free = list(range(254, 1, -1))

    def take(self) -> str:
        """An unused address; beyond 253 pods they share the last."""
        return f"{self._prefix}.{self._free.pop() if self._free else 1}"

    def give_back(self, address: str) -> None:
        number = int(address.rpartition(".")[2])
        if number > 1:
            self._free.insert(0, number)


class NodeRunner:
    def __init__(self, api: Api, settings: Settings, node: Object) -> None:
        self._api, self._settings = api, settings
        self._pods: dict[str, Pod] = {}
        self._recorder = Recorder(api, settings.node)
        self._scheduler = Scheduler(api, node)
        self._addresses = Addresses(api.server)

    def find(self, namespace: str, name: str, container: str) -> Container | None:
        pods = (pod for pod in self._pods.values() if pod.name == f"{namespace}/{name}")
        return next((each for pod in pods for each in (*pod.init, *pod.containers) if each.name == container), None)

    def seen(self, pod: Object) -> None:
        uid = pod["metadata"]["uid"]
        try:
            if known := self._pods.get(uid):
                known.update(pod)
            elif pod["spec"].get("nodeName") == self._settings.node:
                address = self._addresses.take()
                self._pods[uid] = Pod(pod, self._api, self._settings, self._recorder, address, self._ended)
            else:
                self._scheduler.offer(pod)
        except Exception:  # one bad pod never stops the others
            log.exception("pod %s/%s", pod["metadata"]["namespace"], pod["metadata"]["name"])

    def gone(self, uid: str) -> None:
        if pod := self._pods.get(uid):
            pod.vanish()

    def _ended(self, pod: Pod) -> None:
        self._addresses.give_back(pod.ip)
        self._pods.pop(pod.uid, None)

    async def stop(self) -> None:
        """Ends all processes at once. Their pods stay in the API: a node that goes away does not delete them."""
        for pod in self._pods.values():
            pod.vanish()
        await asyncio.gather(*(pod.task for pod in self._pods.values()), return_exceptions=True)


async def serve(options: argparse.Namespace) -> None:
    """Runs until SIGTERM or SIGINT."""
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    directory: Path = options.directory
    shutil.rmtree(directory / "pods", ignore_errors=True)  # of an earlier node-runner, whose processes ended with it
    directory.mkdir(parents=True, exist_ok=True, mode=0o700)
    refusal = "it was not wanted" if options.no_isolation else await can_isolate(directory)
    if refusal:
        log.warning("programs run without namespaces of their own (%s): they find the API by KUBECONFIG", refusal)
    settings = Settings(
        options.node, directory, Images(Images.parse(options.image)), not refusal, options.crash_back_off, options.volume_refresh
    )
    pki: Path = options.pki
    async with Api(options.server, pki / "ca.crt", pki / "node-runner.crt", pki / "node-runner.key") as api:
        version = (await api.get("/version"))["gitVersion"]
        runner: NodeRunner | None = None
        server, port = await logs.serve(
            lambda *who: runner.find(*who) if runner else None, pki / "kubelet.crt", pki / "kubelet.key", pki / "ca.crt"
        )
        node = heartbeat.node(options.node, version, port, "plain" if refusal else "namespaces")
        await heartbeat.register(api, node)
        runner = NodeRunner(api, settings, node)
        tasks = [asyncio.create_task(heartbeat.keep(api, node)), asyncio.create_task(api.follow("/api/v1/pods", runner.seen, runner.gone))]
        stopped = asyncio.create_task(stop.wait())
        log.info("node %s is ready", options.node)
        finished, _ = await asyncio.wait({*tasks, stopped}, return_when=asyncio.FIRST_COMPLETED)
        for task in (*tasks, stopped):
            task.cancel()
        await runner.stop()
        await server.cleanup()
        for task in finished - {stopped}:
            task.result()  # neither ends by itself: an error in one is the node-runner's


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description="Run the pods of a Kubernetes API as processes of this machine.")
    parser.add_argument("--server", required=True, help="the API server, https://127.0.0.1:PORT")
    parser.add_argument("--pki", type=Path, required=True, help="folder of ca.crt, node-runner.{crt,key} and kubelet.{crt,key}")
    parser.add_argument("--directory", type=Path, required=True, help="where pods keep volumes and logs")
    parser.add_argument("--node", default="sandbox", help="name of the Node (default: %(default)s)")
    parser.add_argument(
        "--image", action="append", default=[], metavar="NAME=PATH", help="the program an image stands for; PATH may be empty"
    )
    parser.add_argument("--crash-back-off", type=float, default=10.0, help="seconds before the second restart; doubles up to 30 times that")
    parser.add_argument("--volume-refresh", type=float, default=10.0, help="seconds between looks at ConfigMaps, Secrets and tokens")
    parser.add_argument(
        "--no-isolation", action="store_true", help="give programs no namespaces of their own even if the machine allows it"
    )
    options = parser.parse_args(argv)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    try:
        asyncio.run(serve(options))
    except ValueError as error:
        parser.error(str(error))
    return 0


if __name__ == "__main__":
    sys.exit(main())
