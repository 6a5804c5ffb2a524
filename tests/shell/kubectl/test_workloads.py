"""scale, set, rollout and taint: lines and complaints recorded from the real clients 1.33.1 and 1.36.2."""
import pytest

from tests.shell.kubectl.desk import Desk
from tests.shell.kubectl.test_writing import play


@pytest.fixture
def desk():
    made = Desk("1.33.1")
    made.run("kubectl create deployment web --image=nginx")
    made.run("kubectl create service clusterip sv --tcp=80")
    for name in ("node", "node2"):
        made.put("nodes", {"apiVersion": "v1", "kind": "Node", "metadata": {"name": name}, "spec": {}, "status": {}})
    return made


def test_set_changes_templates(desk):
    play(desk, """
$ kubectl set image deploy/web
E error: at least one image update is required
=1
$ kubectl set image deploy/web nginx=nginx:2 x=y
deployment.apps/web image updated
E error: unable to find container named "x"
=1
$ kubectl set image deploy/web nginx=nginx:2
$ kubectl set image deploy/web '*=nginx:3' -o name
deployment.apps/web
$ kubectl set image svc/sv a=b
E error: services/sv the object is not a pod or does not have a pod template: *v1.Service
=1
$ kubectl set env deploy/web A=1 B='x y'
deployment.apps/web env updated
$ kubectl set env deploy/web --list
# Deployment web, container nginx
A=1
B=x y
$ kubectl set env deploy/web A=2 --overwrite=false
E error: deployments/web 'A' already has a value (1), and --overwrite is false
=1
$ kubectl set env deploy/web A- B-
deployment.apps/web env updated
$ kubectl set env deploy/web -c nosuch Z=1
E Warning: Deployment/web does not have any containers matching "nosuch"
$ kubectl set resources deploy/web --limits=cpu=1,memory=1Gi
deployment.apps/web resource requirements updated
$ kubectl set resources deploy/web --limits=cpu
E error: Invalid argument syntax cpu, expected <resource>=<value>
=1
$ kubectl set resources deploy/web -c x --limits=cpu=1
E error: unable to find container named x
=1
$ kubectl set selector svc sv a=b,c=d
service/sv selector updated
$ kubectl set serviceaccount deploy web foo
deployment.apps/web serviceaccount updated
$ kubectl get svc sv -o jsonpath='{.spec.selector}'; echo
{"a":"b","c":"d"}
""")


def test_scale_looks_before_it_changes(desk):
    play(desk, """
$ kubectl scale deploy web --replicas=2 --current-replicas=5
E error: Expected replicas to be 5, was 1
=1
$ kubectl scale deploy web --replicas=2 --current-replicas=1
deployment.apps/web scaled
$ kubectl scale deploy web --replicas=-1
E error: The --replicas=COUNT flag is required, and COUNT must be greater than or equal to 0
=1
$ kubectl scale deploy web nosuch --replicas=3
deployment.apps/web scaled
E Error from server (NotFound): deployments.apps "nosuch" not found
=1
$ kubectl scale deploy nosuch --replicas=3
E error: no objects passed to scale deployments.apps "nosuch" not found
=1
$ kubectl scale deploy web --replicas=9 --dry-run=client
deployment.apps/web scaled (dry run)
$ kubectl get deploy web -o jsonpath='{.spec.replicas}'; echo
3
""")


def test_rollouts_are_paused_resumed_and_watched(desk):
    play(desk, """
$ kubectl rollout pause deploy/web
deployment.apps/web paused
$ kubectl rollout pause deploy/web
E error: deployments.apps "web" is already paused
=1
$ kubectl rollout restart deploy/web
E error: deployments.apps "web" can't restart paused deployment (run rollout resume first)
=1
$ kubectl rollout resume deploy/web
deployment.apps/web resumed
$ kubectl rollout resume deploy/web
E error: deployments.apps "web" is not paused
=1
$ kubectl rollout restart svc/sv
E error: services "sv" restarting is not supported
=1
$ kubectl rollout status deploy/web --watch=false
Waiting for deployment spec update to be observed...
$ kubectl rollout status deploy/web --timeout=1s
Waiting for deployment spec update to be observed...
E error: timed out waiting for the condition
=1
$ kubectl rollout status svc/sv
E error: no status viewer has been implemented for Service
=1
$ kubectl rollout status
E error: required resource not specified
=1
$ kubectl rollout history deploy/web
deployment.apps/web
No rollout history found.
$ kubectl rollout undo deploy/web
E error: no rollout history found for deployment "web"
=1
""")


def test_every_word_of_taint(desk):
    play(desk, """
$ kubectl taint
E error: one or more resources must be specified as <resource> <name>
=1
$ kubectl taint node node
E error: at least one taint update is required
=1
$ kubectl taint node node a=b:NoSchedule
node/node tainted
$ kubectl taint node node a=b:NoSchedule
E error: node node already has a taint(s) with same effect(s) and --overwrite is false
=1
$ kubectl taint node node a=c:NoSchedule --overwrite
node/node modified
$ kubectl taint node node a=c:NoExecute
node/node tainted
$ kubectl taint node node a:NoSchedule- b=c:PreferNoSchedule
node/node modified
$ kubectl taint node node a-
node/node untainted
$ kubectl taint node node zz-
E error: taint "zz" not found
=1
$ kubectl taint node node zz:NoSchedule- yy-
E taint "zz:NoSchedule" not found
E taint "yy" not found
=1
$ kubectl taint node node a:NoSchedule a=b:NoSchedule
E error: duplicated taints with the same key and effect: {a b NoSchedule <nil>}
E See 'kubectl taint -h' for help and examples
=1
$ kubectl taint node node q=1:NoSchedule q:NoSchedule-
E error: can not both modify and remove the following taint(s) in the same command: q=NoSchedule
=1
$ kubectl taint nodes --all z=1:NoSchedule
node/node tainted
node/node2 tainted
$ kubectl taint node node x=x:noschedule
E error: invalid taint effect: noschedule, unsupported taint effect
E See 'kubectl taint -h' for help and examples
=1
$ kubectl taint node node a=b:NoSchedule:x
E error: invalid taint spec: a=b:NoSchedule:x
E See 'kubectl taint -h' for help and examples
=1
$ kubectl taint deploy web a=b:NoSchedule
E error: invalid resource type deploy, only node types are supported
=1
""")
