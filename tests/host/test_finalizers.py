"""A pod that a finalizer holds costs nothing while it waits."""

from tests.lab_fixtures import lab


def test_a_held_pod_is_not_deleted_again_and_again():
    one = lab("os-upgrades")
    one.run("kubectl run held --image=nginx")
    one.wait(60)
    one.run("""kubectl patch pod held -p '{"metadata":{"finalizers":["a.b/c"]}}'""")
    one.run("kubectl delete pod held --wait=false")
    one.wait(60)
    before = one.engine.events_processed
    one.wait(600)
    assert one.engine.events_processed - before < 50
    assert one.run("kubectl get pod held").status == 0
    one.run("""kubectl patch pod held --type=merge -p '{"metadata":{"finalizers":null}}'""")
    one.wait(5)
    assert one.run("kubectl get pod held").status == 1
