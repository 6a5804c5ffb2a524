"""One pod on its node: what is there is compared with what should be, one step at a time, timers only for what happens.

Models: pkg/kubelet/pod_workers.go, kuberuntime_manager.go (computePodActions, SyncPod, doBackOff). Left out: volumes
other than whether their sources exist, ephemeral containers, resize.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from sim.api import objects
from sim.api.client import Object
from sim.api.errors import StatusError, TransportError
from sim.engine import SECOND_US, Timer, microseconds
from sim.host.pods import hooks, texts
from sim.host.pods.ending import Ending
from sim.host.pods.probes import probes_of
from sim.host.pods.slots import INIT, REGULAR, SIDECAR, Backoff, Slot
from sim.host.pods.sources import missing_key, missing_volume
from sim.host.pods.status import pod_status
from sim.host.runtime import Container, Sandbox

if TYPE_CHECKING:
    from sim.host.kubelet.kubelet import Kubelet

PULL_LEAST_SECONDS = 0.4
"""A registry is asked for the manifest at least, whatever a scenario says of its image."""
SANDBOX_SECONDS, CREATE_SECONDS = 0.5, 0.15
"""Latency table: pod network, container create."""
RELIST_LOW_US, RELIST_HIGH_US = 200_000, 1_000_000
"""The kubelet sees an ended container at its next look at the runtime (PLEG, 1 s)."""
RESYNC_US = 12 * SECOND_US
"""A pod whose last step failed is looked at again after backOffPeriod 10 s, varied by half."""


class PodWorker(Ending):
    """The kubelet's worker for a pod. static: it comes from a file; its API object is only a mirror."""

    __slots__ = ()

    def __init__(self, kubelet: Kubelet, pod: Object, *, static: bool = False) -> None:
        self.kubelet = kubelet
        self.engine = kubelet.engine
        self.pod = pod
        self.key = objects.key("pods", pod)
        self.uid = objects.uid(pod)
        self.static = static
        self.final = ""
        self.reason = self.message = ""
        self.over = self.terminating = self.gone = self.said_waiting = False
        self.initialized = False
        self.sandbox: Sandbox | None = None
        self._timer: Timer | None = None
        self._repeat: Timer | None = None
        self._deadline: Timer | None = None
        self._wanted_end_us = 0
        self.first_mount_us = 0
        spec = pod["spec"]
        self.policy = "Never" if kubelet.stand_in else str(spec.get("restartPolicy") or "Always")
        behaviour = kubelet.images.behaviour
        self.mains = [Slot(c, REGULAR, behaviour(c.get("image") or "", pod)) for c in spec["containers"]]
        self.inits = [Slot(c, SIDECAR if c.get("restartPolicy") == "Always" else INIT, behaviour(c.get("image") or "", pod))
                      for c in spec.get("initContainers") or ()]
        if objects.pod_finished(pod):
            self.final = str(pod["status"]["phase"])
        self._adopt(kubelet.runtime.sandboxes.get(self.uid))

    def _watch_deadline(self) -> None:
        """End the pod when it has been active for longer than its spec allows."""
        limit = self.pod["spec"].get("activeDeadlineSeconds")
        if limit is None or self._deadline is not None:
            return
        self._deadline = self.engine.after(
            int(limit) * SECOND_US, self.fail, "DeadlineExceeded", "Pod was active on the node longer than the specified deadline",
            label=f"activeDeadlineSeconds {limit} of pod {self.key.name} runs out", about=self.key)

    def _adopt(self, sandbox: Sandbox | None) -> None:
        """Take up what runs already: the kubelet was started anew, the containers went on."""
        if sandbox is None:
            return
        self.sandbox = sandbox
        for slot in (*self.inits, *self.mains):
            kept = sandbox.containers.get(slot.name)
            if kept:
                slot.current = kept[-1]
                slot.last = kept[-2] if len(kept) > 1 else None
                if slot.running:
                    self._watch_over(slot, adopted=True)
        self.initialized = any(slot.current is not None for slot in self.mains)

    # ---- news -------------------------------------------------------------------------------------------------
    def update(self, pod: Object) -> None:
        """Act on a newer pod object."""
        self.pod = pod
        if objects.deleting(pod):
            self.terminate(int(pod["metadata"].get("deletionGracePeriodSeconds", 30)))
        elif not self.final and self._timer is None:
            self._watch_deadline()
            self.sync()

    def told(self, container: Container) -> None:
        """Hear from the runtime: a container has ended, or answers probes differently."""
        slot = next((s for s in (*self.inits, *self.mains) if s.current is container), None)
        if slot is None:
            return
        if container.running:
            for probe in list(slot.probes):
                probe.look_again()
            return
        slot.stop_probes()
        if not self.kubelet.acts:
            return
        if self.terminating:
            self._later(0, self.sync)
        elif self._timer is None or not self._timer.pending:
            spread = slot.image.spread and not self.kubelet.stand_in
            self._later(self.kubelet.stream.uniform(RELIST_LOW_US, RELIST_HIGH_US) if spread else 0, self._ended_seen)

    def _ended_seen(self) -> None:
        self._timer = None
        self.post("a container has ended")
        self.sync()

    def _later(self, delay_us: int, call: Callable[[], None], label: str = "") -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self.engine.after(delay_us, call, label=label, about=self.key if label else None)

    def look(self) -> None:
        """Look at everything again: the kubelet acts again."""
        if self._timer is None or not self._timer.pending:
            self._timer = None
            self.sync()

    def returned(self, because: str = "") -> None:
        """The kubelet speaks with the API server again: say what others have written wrongly meanwhile, and go on."""
        if self.gone:
            return
        if self.sandbox is not None and not self.terminating:
            self.post(because or f"the kubelet of {self.kubelet.name} {self.kubelet.greeting}")
        self.look()

    # ---- one step ---------------------------------------------------------------------------------------------
    def sync(self) -> None:
        """Do the next thing that there is to do, if nothing is under way."""
        self._timer = None
        if self.gone or not self.kubelet.acts:
            return
        if self.terminating or self.final:
            self.finish()
            return
        if not self._may_start():
            return
        if self.sandbox is None or not self.sandbox.ready:
            if self.sandbox is not None and all(self._is_over(slot) for slot in self.mains):
                self._rest()
                return
            self._make_sandbox()
            return
        slot = self._next()
        if slot is not None:
            self._prepare(slot)
            return
        self._rest()

    def _next(self) -> Slot | None:
        """Give the slot to start now; None when all run, wait or are done."""
        earliest_us: int | None = None
        for slot in (*self.inits, *self.mains):
            if slot.kind == REGULAR and not self.initialized:
                self.initialized = True
            if slot.running:
                if slot.kind == INIT or (slot.kind == SIDECAR and not slot.started and not self.initialized):
                    break
                continue
            if self._is_over(slot):
                if slot.kind == INIT and not slot.done:
                    break
                continue
            left_us = self._wait_us(slot)
            if not left_us:
                return slot
            earliest_us = left_us if earliest_us is None else min(earliest_us, left_us)
            if slot.kind != REGULAR and not self.initialized:
                break
        if earliest_us is not None:
            jitter = self.kubelet.stream.uniform(0, SECOND_US) if not self.kubelet.stand_in else 0
            self._later(earliest_us + jitter, self.sync, f"back-off of a container in pod {self.key.name} ends")
        return None

    def _is_over(self, slot: Slot) -> bool:
        """Tell whether the slot's container has ended and stays so."""
        if not slot.exited or slot.current is None:
            return slot.kind == INIT and self.initialized
        if slot.kind == SIDECAR:
            return False
        if slot.kind == INIT and (slot.done or self.initialized):
            return True
        failed = slot.current.exit_code != 0
        return self.policy == "Never" or (not failed and (self.policy == "OnFailure" or slot.kind == INIT))

    def _wait_us(self, slot: Slot) -> int:
        """Give how long the slot must wait still: crash back-off or image back-off."""
        now = self.engine.now_us
        if slot.pull is not None:
            left = slot.pull.left_us(slot.failed_us, now)
            if left:
                if slot.waiting != "ImagePullBackOff":
                    self._pull_backs_off(slot)
                return left
        if not slot.exited or slot.current is None or not slot.current.started_us:
            return 0
        ended_us = slot.current.finished_us - self.engine.epoch_s * SECOND_US
        if slot.backoff is None:
            slot.backoff = Backoff()
        left = slot.backoff.left_us(ended_us, now)
        if left:
            seconds = texts.go_seconds(slot.backoff.delay_us)
            full = f"{self.key.name}_{self.key.namespace}({self.uid})"
            if slot.wait("CrashLoopBackOff", f"back-off {seconds} restarting failed container={slot.name} pod={full}"):
                self.post(f"its container {slot.name} waits {seconds} before it is started again")
                self.event("Warning", "BackOff", texts.backing_off(self.kubelet.minor, slot.name, full), slot)
                self._remind()
        return left

    def _remind(self) -> None:
        """Record BackOff again at each look at the pod, as the kubelet does until client-go's limit."""
        if self._repeat is None or not self._repeat.pending:
            self._repeat = self.engine.after(RESYNC_US, self._reminded)

    def _reminded(self) -> None:
        backing = [s for s in (*self.inits, *self.mains) if s.waiting in ("CrashLoopBackOff", "ImagePullBackOff")]
        if self.gone or self.terminating or not backing or not self.kubelet.acts:
            return
        for slot in backing:
            if slot.waiting == "CrashLoopBackOff":
                full = f"{self.key.name}_{self.key.namespace}({self.uid})"
                self.event("Warning", "BackOff", texts.backing_off(self.kubelet.minor, slot.name, full), slot)
            else:
                self._pull_backs_off(slot)
        if self.kubelet.recorder is not None and self.kubelet.recorder.will_write(self.pod):
            self._repeat = self.engine.after(RESYNC_US, self._reminded)

    # ---- the sandbox ------------------------------------------------------------------------------------------
    def _may_start(self) -> bool:
        """Wait for volumes whose sources are missing, and for a runtime that is up."""
        if self.static or (self.sandbox is not None and self.sandbox.ready):
            return True
        if not self.said_waiting and not self.kubelet.stand_in:
            self.said_waiting = True
            self.post("its containers are being made")
        problem = missing_volume(self.pod, self.kubelet.reader) if self.pod["spec"].get("volumes") else ""
        if problem:
            now = self.engine.now_us
            self.first_mount_us = self.first_mount_us or now
            self.event("Warning", "FailedMount", problem)
            wait_us = min(max(now - self.first_mount_us, SECOND_US // 2), 122 * SECOND_US)
            self._later(wait_us, self.sync)
            return False
        if not self.kubelet.runtime.up or not self.kubelet.network_ready(self.pod):
            self._later(RESYNC_US, self.sync)
            return False
        return True

    def _make_sandbox(self) -> None:
        again = self.sandbox is not None
        if again:
            self.event("Normal", "SandboxChanged", "Pod sandbox changed, it will be killed and re-created.")
            for slot in (*self.inits, *self.mains):
                slot.stop_probes()
            self.initialized = False
        first = self._first(rebuilt=again)
        runtime = self.kubelet.runtime
        if self.kubelet.stand_in or first is None or self._present(first):
            self._sandbox_made()
            return
        self._later(runtime.vary(SANDBOX_SECONDS, first.image), self._sandbox_made)

    def _first(self, *, rebuilt: bool) -> Slot | None:
        if rebuilt:
            for slot in (*self.inits, *self.mains):
                if slot.kind == INIT and slot.done:
                    slot.last, slot.current = slot.current, None
        return next(iter((*self.inits, *self.mains)), None)

    def _sandbox_made(self) -> None:
        self._timer = None
        runtime = self.kubelet.runtime
        old = runtime.sandboxes.get(self.uid)
        address = runtime.address_for(self.pod, self.kubelet.pod_cidr)
        self.sandbox = Sandbox(runtime, self.pod, self.uid, address, old.attempt + 1 if old else 0)
        if old is not None:
            self.sandbox.containers = old.containers
        runtime.sandboxes[self.uid] = self.sandbox
        self.sync()

    # ---- starting a container ---------------------------------------------------------------------------------
    def _present(self, slot: Slot) -> bool:
        return slot.image_name in self.kubelet.runtime.images and slot.spec.get("imagePullPolicy") != "Always"

    def _prepare(self, slot: Slot) -> None:
        """Start a slot's container: pull the image first where that is needed."""
        if slot.exited and slot.current is not None and slot.backoff is not None:
            slot.backoff.next(slot.current.finished_us - self.engine.epoch_s * SECOND_US, self.engine.now_us)
        runtime, image = self.kubelet.runtime, slot.image
        policy = slot.spec.get("imagePullPolicy")
        known = slot.image_name in runtime.images
        if policy == "Never" and not known and not self.kubelet.stand_in:
            self._pull_refused(slot, "ErrImageNeverPull",
                               f'Container image "{slot.image_name}" is not present with pull policy of Never')
            return
        if known and policy != "Always":
            self._pulled(slot, 0)
            return
        self.event("Normal", "Pulling", f'Pulling image "{slot.image_name}"', slot)
        seconds = image.pull_seconds if not known else min(image.pull_seconds, 0.6)
        if not self.kubelet.stand_in and seconds < PULL_LEAST_SECONDS:
            seconds = PULL_LEAST_SECONDS + self.engine.stream(f"pull.{self.kubelet.name}").uniform(0, 400) / 1000
        takes_us = runtime.vary(seconds if not image.pull_error else 1.5, image)
        takes_us = round(takes_us * self.kubelet.pull_factor(slot.image_name))
        if takes_us == 0:
            self._pulled(slot, 0)
        else:
            self._later(takes_us, lambda: self._pulled(slot, takes_us))

    def _pulled(self, slot: Slot, takes_us: int) -> None:
        self._timer = None
        if not self.kubelet.acts:
            return
        runtime, image = self.kubelet.runtime, slot.image
        if image.pull_error and not (slot.image_name in runtime.images and not takes_us):
            self._pull_refused(slot, "ErrImagePull", texts.pull_problem(slot.image_name, image.pull_error))
            return
        pulled = takes_us or slot.image_name not in runtime.images
        runtime.images[slot.image_name] = image.mib
        slot.pull = None
        slow = not self.kubelet.stand_in and not image.own
        delay_us = runtime.vary(image.start_seconds, image)
        if slow:
            delay_us += runtime.vary(CREATE_SECONDS, image)
            if not pulled and all(s.current is None for s in (*self.inits, *self.mains)):
                delay_us += runtime.vary(SANDBOX_SECONDS, image)
        said = (texts.pulled(self.kubelet.minor, slot.image_name, takes_us, image.mib) if pulled
                else texts.present(self.kubelet.minor, slot.image_name))
        if pulled and delay_us:
            self.event("Normal", "Pulled", said, slot)
            said = ""
        self._later(delay_us, lambda: self._start(slot, said))

    def _start(self, slot: Slot, said: str) -> None:
        self._timer = None
        if not self.kubelet.acts or self.terminating or self.sandbox is None or not self.sandbox.ready:
            self.sync()
            return
        if said:
            self.event("Normal", "Pulled", said, slot)
        problem = missing_key(slot.spec, self.pod, self.kubelet.reader) if not self.static else ""
        if problem:
            self.event("Warning", "Failed", f"Error: {problem}", slot)
            if slot.wait("CreateContainerConfigError", problem):
                self.post(f"its container {slot.name} cannot be made")
            self._later(RESYNC_US, self.sync)
            return
        container = Container(self.sandbox, slot.spec, slot.image, slot.restarts + 1 if slot.current else (
            slot.last.attempt + 1 if slot.last else 0))
        slot.last = slot.current or slot.last
        slot.current = container
        self.sandbox.add(container)
        slot.wait("")
        self.event("Normal", "Created", texts.created(self.kubelet.minor, slot.name), slot)
        container.start()
        self.event("Normal", "Started", texts.started(self.kubelet.minor, slot.name), slot)
        if container.running and (hook := hooks.hook_of(slot, "postStart")):
            self._later(hooks.takes_us(hook), lambda: hooks.after_start(self, slot))
        else:
            self.runs(slot)

    def runs(self, slot: Slot) -> None:
        """Probe a container that has started and report it, unless the next one follows at once."""
        if slot.running:
            self._watch_over(slot)
            self.kubelet.container_started(slot)
        following = self._next() if self.sandbox is not None else None
        if following is None or slot.kind != REGULAR or following.image.start_seconds > 1:
            self.post(f"its container {slot.name} has started")
        if following is not None and (self._timer is None or not self._timer.pending):
            self._prepare(following)
        elif following is None:
            self._rest()

    def _watch_over(self, slot: Slot, *, adopted: bool = False) -> None:
        """Begin to probe a container that runs."""
        slot.stop_probes()
        slot.started = not slot.spec.get("startupProbe") or adopted
        slot.ready = slot.started and not slot.spec.get("readinessProbe") and slot.image.ready
        if adopted and self._was_ready(slot):
            slot.ready = True
        slot.probes = probes_of(self, slot)
        for probe in slot.probes:
            if probe.kind == "readiness" and adopted:
                probe.good = slot.ready
            probe.start()

    def _was_ready(self, slot: Slot) -> bool:
        statuses = objects.dig(self.pod, "status.containerStatuses", [])
        return any(each["name"] == slot.name and each.get("ready") for each in statuses)

    # ---- images that do not come ------------------------------------------------------------------------------
    def _pull_refused(self, slot: Slot, reason: str, text: str) -> None:
        if reason == "ErrImageNeverPull":
            self.event("Warning", reason, text, slot)
        else:
            self.event("Warning", "Failed", f'Failed to pull image "{slot.image_name}": {text}', slot)
        self.event("Warning", "Failed", f"Error: {reason}", slot)
        slot.failed_us = self.engine.now_us
        slot.pull = slot.pull or Backoff()
        slot.pull.next(slot.failed_us, self.engine.now_us)
        slot.wait(reason, text)
        self.post(f"the image of its container {slot.name} cannot be pulled")
        self._later(self.kubelet.stream.uniform(2, 9) * SECOND_US, self.sync)

    def _pull_backs_off(self, slot: Slot) -> None:
        text = f'Back-off pulling image "{slot.image_name}"'
        more = f": ErrImagePull: {texts.pull_problem(slot.image_name, slot.image.pull_error)}" if (
            self.kubelet.minor >= (1, 32)) else ""
        self.event("Normal", "BackOff", text, slot)
        self.event("Warning", "Failed", "Error: ImagePullBackOff", slot)
        if slot.wait("ImagePullBackOff", text + more):
            self.post(f"the next try to pull the image of {slot.name} waits")
        self._remind()

    # ---- probes say -------------------------------------------------------------------------------------------
    def probed(self, slot: Slot, *, ready: bool) -> None:
        """Hear from a readiness probe."""
        if slot.ready != ready:
            slot.ready = ready
            self.post(f"the readiness probe of {slot.name} {'succeeds' if ready else 'fails'}")

    def has_started(self, slot: Slot) -> None:
        """Hear from a startup probe: the others begin."""
        slot.started = True
        slot.ready = not slot.spec.get("readinessProbe") and slot.image.ready
        for probe in slot.probes:
            probe.stop()
        slot.probes = probes_of(self, slot)
        for probe in slot.probes:
            probe.start()
        self.post(f"the startup probe of {slot.name} succeeds")
        if self._timer is None or not self._timer.pending:
            self.sync()

    def unhealthy(self, slot: Slot, kind: str) -> None:
        """Kill a container whose liveness or startup probe has failed often enough."""
        container = slot.current
        if container is None or not container.running or self.terminating:
            return
        slot.stop_probes()
        self.event("Normal", "Killing", f"Container {slot.name} failed {kind} probe, will be restarted", slot)
        probe = slot.spec.get(f"{kind}Probe") or {}
        grace = probe.get("terminationGracePeriodSeconds", self.pod["spec"].get("terminationGracePeriodSeconds", 30))
        container.stop(microseconds(float(grace)))

    # ---- speaking ---------------------------------------------------------------------------------------------
    def event(self, kind: str, reason: str, message: str, slot: Slot | None = None) -> None:
        """Record an Event about the pod, or one of its containers."""
        recorder = self.kubelet.recorder
        if recorder is not None and self.kubelet.online:
            recorder.event(self.kubelet.reference(self), kind, reason, message, field_path=slot.path if slot else "")

    def post(self, because: str) -> None:
        """Write the status, if it is new and the kubelet can speak."""
        if self.static:
            self.kubelet.statics.post(self, because)
            return
        client = self.kubelet.client
        if not self.kubelet.online or client is None:
            return
        found = client.reader.get(self.key)
        if found is None or objects.uid(found) != self.uid:
            return
        self.pod = found
        status = pod_status(self)
        if status == found.get("status"):
            return
        try:
            self.pod = client.update(
                self.key, {**found, "status": status}, subresource="status", because=because,
                canonical=self.kubelet.minor[1])
        except (StatusError, TransportError):
            self._repeat_post(because)

    def _repeat_post(self, because: str) -> None:
        self.engine.after(5 * SECOND_US, self.post, because)
