"""etcd, kube-apiserver and kube-controller-manager on 127.0.0.1: a Kubernetes API with nothing left out but the nodes."""

from __future__ import annotations

import base64
import contextlib
import json
import socket
from pathlib import Path

import requests

from runbook_sandbox.kubernetes.binaries import Binaries
from runbook_sandbox.kubernetes.certificates import Authority, KeyPair, service_account_key, write_private
from runbook_sandbox.processes import Child

SERVICE_CIDR = "10.96.0.0/16"
ISSUER = "https://kubernetes.default.svc.cluster.local"
# Left out: what needs a network of pods or a cloud. A Service has no endpoints here, because the API server takes no
# loopback address in an EndpointSlice (ValidateEndpointIP) and a pod of the node-runner has no other.
CONTROLLERS = "*,-endpoints-controller,-endpointslice-controller,-endpointslice-mirroring-controller"

# Garbage is collected later than by default: a sandbox is small, and its time is worth more than its memory.
GOGC = "400"

# Who asked for what, not what was in it; of ServiceAccounts alone, not of the node, the controllers and the user.
AUDIT_POLICY = {
    "apiVersion": "audit.k8s.io/v1",
    "kind": "Policy",
    "omitStages": ["RequestReceived"],
    "rules": [
        {"level": "None", "userGroups": ["system:serviceaccounts:kube-system"]},
        {"level": "Metadata", "userGroups": ["system:serviceaccounts"]},
        {"level": "None"},
    ],
}


def hold_port() -> socket.socket:
    """Binds a free port without listening: the program that shares it (SO_REUSEPORT) gets all connections, and no other can take it."""
    held = socket.socket()
    held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    held.bind(("127.0.0.1", 0))
    return held


class ControlPlane:
    """One Kubernetes API. Its folder holds ``kubeconfig`` (cluster-admin), ``pki/``, ``logs/`` and etcd's data.

    With ``audit`` every request of a ServiceAccount is a line of JSON in ``audit_log`` (Kubernetes documentation, "Auditing").
    """

    def __init__(self, directory: Path, binaries: Binaries, audit: bool = False) -> None:
        self.directory, self.binaries, self.audit = directory, binaries, audit
        self.audit_log = directory / "logs" / "audit.log"
        self.kubeconfig = directory / "kubeconfig"
        self.children: dict[str, Child] = {}
        self._ports = contextlib.ExitStack()

    def start(self) -> None:
        """Returns when the API answers, the default namespace has its ServiceAccount and pods can be admitted."""
        for folder in (self.directory, self.directory / "logs"):
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._etcd_port, port = (self._ports.enter_context(hold_port()).getsockname()[1] for _ in range(2))
        self.server = f"https://127.0.0.1:{port}"
        self._make_credentials()
        try:
            self.start_etcd()
            self.start_apiserver()
            self.start_controller_manager()
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """Ends the programs, each before the one it talks to: an API server waits long for its clients to leave."""
        for name in ("kube-controller-manager", "kube-apiserver", "etcd"):
            if child := self.children.pop(name, None):
                child.stop(grace=5)
        self._ports.close()

    def _make_credentials(self) -> None:
        authority = Authority(self.directory / "pki")
        names = ["localhost", "kubernetes", "kubernetes.default", "kubernetes.default.svc", "kubernetes.default.svc.cluster.local"]
        self._serving = authority.server("kube-apiserver", names, ["127.0.0.1", "10.96.0.1"])
        self._kubelet_client = authority.client("kubelet-client", "kube-apiserver-kubelet-client", "system:masters")
        authority.server("kubelet", ["sandbox"], ["127.0.0.1"])
        # Aggregated API servers know the API server by an authority of its own: nobody else's certificate speaks for users.
        front_proxy = Authority(self.directory / "pki" / "front-proxy")
        self._front_proxy_client = front_proxy.client("front-proxy-client", "front-proxy-client")
        self.front_proxy_ca = front_proxy.certificate
        self.ca = authority.certificate
        self._sa_key = self.directory / "pki" / "service-account.key"
        service_account_key(self._sa_key)
        self._manager_config = self.directory / "kube-controller-manager.kubeconfig"
        self._write_kubeconfig(self._manager_config, authority.client("kube-controller-manager", "system:kube-controller-manager"))
        self._write_kubeconfig(self.kubeconfig, authority.client("admin", "kubernetes-admin", "system:masters"))
        # The node-runner is scheduler and kubelet in one, so no role of Kubernetes fits it.
        self.node_client = authority.client("node-runner", "system:node-runner", "system:masters")

    def _write_kubeconfig(self, path: Path, client: KeyPair) -> None:
        def data(file: Path) -> str:
            return base64.b64encode(file.read_bytes()).decode()

        user = {"client-certificate-data": data(client.certificate), "client-key-data": data(client.key)}
        config = {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": "sandbox", "cluster": {"server": self.server, "certificate-authority-data": data(self.ca)}}],
            "users": [{"name": "sandbox", "user": user}],
            "contexts": [{"name": "sandbox", "context": {"cluster": "sandbox", "user": "sandbox"}}],
            "current-context": "sandbox",
        }
        write_private(path, json.dumps(config, indent=2).encode())  # JSON is YAML

    def _run(self, name: str, **flags: object) -> Child:
        arguments = [f"--{flag.replace('_', '-')}={value}" for flag, value in flags.items()]
        child = Child(name, [self.binaries[name], *arguments], self.directory / "logs" / f"{name}.log", {"GOGC": GOGC})
        self.children[name] = child
        return child

    def start_etcd(self) -> None:
        url = f"http://127.0.0.1:{self._etcd_port}"
        etcd = self._run(
            "etcd",
            data_dir=self.directory / "etcd",
            unsafe_no_fsync="true",  # a sandbox that loses power is started again
            listen_client_urls=url,
            advertise_client_urls=url,
            socket_reuse_port="true",
            listen_peer_urls="http://127.0.0.1:0",
            log_level="warn",
        )
        etcd.wait_ready(lambda: _answers(f"{url}/readyz"), 60)

    def start_apiserver(self) -> None:
        audit: dict[str, object] = {}
        if self.audit:
            policy = self.directory / "audit-policy.json"
            policy.write_text(json.dumps(AUDIT_POLICY))
            # blocking: an answer is not sent before its line is written.
            audit = {"audit_policy_file": policy, "audit_log_path": self.audit_log, "audit_log_mode": "blocking"}
        apiserver = self._run(
            "kube-apiserver",
            etcd_servers=f"http://127.0.0.1:{self._etcd_port}",
            bind_address="127.0.0.1",
            advertise_address="127.0.0.1",
            secure_port=self.server.rpartition(":")[2],
            permit_port_sharing="true",
            endpoint_reconciler_type="none",  # the Service `kubernetes` would need an address that is not loopback
            tls_cert_file=self._serving.certificate,
            tls_private_key_file=self._serving.key,
            client_ca_file=self.ca,
            kubelet_client_certificate=self._kubelet_client.certificate,
            kubelet_client_key=self._kubelet_client.key,
            kubelet_certificate_authority=self.ca,
            kubelet_preferred_address_types="InternalIP",
            proxy_client_cert_file=self._front_proxy_client.certificate,
            proxy_client_key_file=self._front_proxy_client.key,
            requestheader_client_ca_file=self.front_proxy_ca,
            requestheader_allowed_names="front-proxy-client",
            requestheader_username_headers="X-Remote-User",
            requestheader_group_headers="X-Remote-Group",
            requestheader_extra_headers_prefix="X-Remote-Extra-",
            service_account_key_file=self._sa_key,
            service_account_signing_key_file=self._sa_key,
            service_account_issuer=ISSUER,
            service_cluster_ip_range=SERVICE_CIDR,
            authorization_mode="RBAC",
            allow_privileged="true",
            profiling="false",
            **audit,
        )
        apiserver.wait_ready(lambda: _answers(f"{self.server}/readyz", str(self.ca)), 120)

    def start_controller_manager(self) -> None:
        manager = self._run(
            "kube-controller-manager",
            kubeconfig=self._manager_config,
            controllers=CONTROLLERS,
            use_service_account_credentials="true",
            service_account_private_key_file=self._sa_key,
            root_ca_file=self.ca,
            kube_api_qps="500",  # the default of 20 makes its start four seconds longer
            kube_api_burst="1000",
            horizontal_pod_autoscaler_sync_period="2s",  # the default of 15 s is long for a test
            leader_elect="false",
            secure_port="0",
            profiling="false",
        )
        # Without them the ServiceAccount admission refuses every pod, or its volume stays without a certificate.
        default = "/api/v1/namespaces/default"
        manager.wait_ready(
            lambda: self.exists(f"{default}/serviceaccounts/default") and self.exists(f"{default}/configmaps/kube-root-ca.crt"), 60
        )

    def exists(self, path: str) -> bool:
        """Whether the administrator can GET a path of the API."""
        return _answers(self.server + path, str(self.ca), self.node_client)

    def restart_apiserver(self) -> None:
        """Stops the API server and starts it again on the same port, as an upgrade of a control plane does."""
        self.children.pop("kube-apiserver").stop(grace=1)  # it would wait a minute for its watchers to leave
        self.start_apiserver()

    def check(self) -> None:
        """Raises ProcessError, with the tail of its log, if one of the programs has ended."""
        for child in self.children.values():
            child.check()


def _answers(url: str, ca: str | bool = True, client: KeyPair | None = None) -> bool:
    cert = (str(client.certificate), str(client.key)) if client else None
    try:
        with requests.Session() as session:
            session.trust_env = False  # no proxy stands between two programs of one machine
            return session.get(url, verify=ca, cert=cert, timeout=2).ok
    except requests.RequestException:
        return False
