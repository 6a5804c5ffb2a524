"""A real etcd on loopback, spoken to through its JSON gateway; and the same requests to the simulated key space."""

import base64
import http.client
import json
import shutil
import socket
import subprocess
import time

from sim.etcd.requests import Compare, Delete, EtcdError, Put, Range, RangeResult, Record, Txn

ENOUGH_SECONDS = 10


def b64(data):
    return base64.b64encode(data).decode()


def free_port():
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return found.getsockname()[1]


class RealEtcd:
    """A server of its own for a test run."""

    def __init__(self, folder):
        self.port = free_port()
        url, peer = f"http://127.0.0.1:{self.port}", f"http://127.0.0.1:{free_port()}"
        self.process = subprocess.Popen(
            [shutil.which("etcd"), "--data-dir", str(folder), "--listen-client-urls", url, "--advertise-client-urls", url,
             "--listen-peer-urls", peer, "--initial-advertise-peer-urls", peer, "--initial-cluster", f"default={peer}",
             "--log-level", "error"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env={"ETCD_UNSUPPORTED_ARCH": "arm64"})
        self.connection = None
        until = time.monotonic() + ENOUGH_SECONDS
        while time.monotonic() < until:
            try:
                if "header" in self.ask("kv/range", {"key": b64(b"up")}):
                    return
            except OSError:
                time.sleep(0.05)
        raise RuntimeError("etcd did not come up")

    def close(self):
        if self.connection is not None:
            self.connection.close()
        self.process.terminate()
        self.process.wait()

    def ask(self, path, body):
        if self.connection is None:
            self.connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=ENOUGH_SECONDS)
        try:
            self.connection.request("POST", f"/v3/{path}", json.dumps(body))
            return json.loads(self.connection.getresponse().read())
        except (OSError, http.client.HTTPException):
            self.connection = None
            raise OSError("no answer") from None

    def watch(self, key, end, revision, sentinel):
        """Give the events from a revision up to the one of the sentinel key, or why there are none."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=ENOUGH_SECONDS)
        connection.request("POST", "/v3/watch", json.dumps({"create_request": {
            "key": b64(key), "range_end": b64(end), "start_revision": revision, "prev_kv": True}}))
        answer, found = connection.getresponse(), []
        try:
            while True:
                result = json.loads(answer.readline())["result"]
                if result.get("canceled"):
                    return "compacted" if result.get("compact_revision") else "canceled"
                for event in result.get("events", ()):
                    if event["kv"]["key"] == b64(sentinel):
                        return found
                    found.append(event)
        finally:
            answer.close()
            connection.close()


class Pair:
    """Both, for one example: the same words, and results in one form. Revisions count from the example's first."""

    def __init__(self, real, keys, prefix):
        self.real, self.keys, self.prefix = real, keys, prefix
        self.base = int(real.ask("kv/range", {"key": b64(b"none")})["header"]["revision"]) - keys.store.revision

    def key(self, key):
        return self.prefix + key if key else key

    def end(self, end):
        return self.prefix + end if end else end

    def revision(self, revision):
        return revision + self.base if revision else 0

    # ---- requests in etcd's JSON ------------------------------------------------------------------------------
    def body(self, asked):
        if isinstance(asked, Range):
            return {"key": b64(self.key(asked.key)), "range_end": b64(self.end(asked.end)),
                    "revision": self.revision(asked.revision), "limit": asked.limit, "count_only": asked.count_only,
                    **({"sort_target": {"modify": "MOD"}.get(asked.target, asked.target.upper()),
                        "sort_order": "DESCEND" if asked.descend else "ASCEND"} if asked.target else {}),
                    **{f"{name}_revision": self.revision(value) for name, value in (
                        ("min_mod", asked.min_mod), ("max_mod", asked.max_mod), ("min_create", asked.min_create),
                        ("max_create", asked.max_create)) if value}}
        if isinstance(asked, Put):
            return {"key": b64(self.key(asked.key)), "value": b64(asked.value), "lease": asked.lease, "prev_kv": True,
                    "ignore_value": asked.ignore_value, "ignore_lease": asked.ignore_lease}
        if isinstance(asked, Delete):
            return {"key": b64(self.key(asked.key)), "range_end": b64(self.end(asked.end)), "prev_kv": True}
        return {"compare": [self.compare(each) for each in asked.compares],
                "success": [self.operation(each) for each in asked.success],
                "failure": [self.operation(each) for each in asked.failure]}

    def compare(self, asked):
        name = {"version": "version", "create": "create_revision", "mod": "mod_revision", "value": "value", "lease": "lease"}
        value = asked.value
        if asked.target in ("create", "mod"):
            value = self.revision(value)
        return {"target": asked.target.upper(), "key": b64(self.key(asked.key)), "range_end": b64(self.end(asked.end)),
                "result": {"=": "EQUAL", "!=": "NOT_EQUAL", "<": "LESS", ">": "GREATER"}[asked.operator],
                name[asked.target]: b64(value) if asked.target == "value" else value}

    def operation(self, asked):
        name = {Range: "request_range", Put: "request_put", Delete: "request_delete_range", Txn: "request_txn"}[type(asked)]
        return {name: self.body(asked)}

    # ---- results in one form ----------------------------------------------------------------------------------
    def kv(self, found):
        return (found.get("key"), found.get("value", ""), int(found.get("create_revision", 0)) - self.base,
                int(found.get("mod_revision", 0)) - self.base, int(found.get("version", 0)), int(found.get("lease", 0)))

    def record(self, found):
        return (b64(self.key(found.key)), b64(found.bytes()), found.created, found.main, found.version, found.lease)

    def real_result(self, found, asked):
        if isinstance(asked, Range):
            return [self.kv(each) for each in found.get("kvs", ())], int(found.get("count", 0)), bool(found.get("more"))
        if isinstance(asked, Put):
            return self.kv(found["prev_kv"]) if "prev_kv" in found else None
        if isinstance(asked, Delete):
            return [self.kv(each) for each in found.get("prev_kvs", ())]
        succeeded = bool(found.get("succeeded"))
        part = asked.success if succeeded else asked.failure
        answers = [next(iter(each.values())) for each in found.get("responses", ())]
        return succeeded, [self.real_result(answer, each) for answer, each in zip(answers, part, strict=True)]

    def our_result(self, found, asked):
        if isinstance(found, RangeResult):
            return [self.record(each) for each in found.kvs], found.count, found.more
        if isinstance(asked, Put):
            return self.record(found) if isinstance(found, Record) else None
        if isinstance(asked, Delete):
            return [self.record(each) for each in found]
        part = asked.success if found.succeeded else asked.failure
        return found.succeeded, [self.our_result(answer, each) for answer, each in zip(found.responses, part, strict=True)]

    # ---- both -------------------------------------------------------------------------------------------------
    PATHS = {Range: "kv/range", Put: "kv/put", Delete: "kv/deleterange", Txn: "kv/txn"}

    def both(self, asked):
        """Ask both; gives (result or error, revision) of each."""
        answer = self.real.ask(self.PATHS[type(asked)], self.body(asked))
        if "error" in answer:
            theirs = answer["error"]
        else:
            theirs = self.real_result(answer, asked), int(answer["header"]["revision"]) - self.base
        act = {Range: self.keys.range, Put: self.keys.put, Delete: self.keys.delete, Txn: self.keys.txn}[type(asked)]
        try:
            ours = self.our_result(act(asked), asked), self.keys.store.revision
        except EtcdError as error:
            ours = str(error)
        return theirs, ours


__all__ = ["Compare", "Delete", "EtcdError", "Pair", "Put", "Range", "RealEtcd", "Txn"]
