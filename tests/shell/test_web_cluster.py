"""curl and wget against what a cluster serves: pods, Services, node ports."""

from tests.lab_fixtures import lab as fresh


def test_services_and_pods_answer_as_their_images_do():
    lab = fresh("first-steps")
    lab.run("kubectl expose deploy web --port=80 --type=NodePort")
    lab.run("IP=$(kubectl get svc web -o jsonpath='{.spec.clusterIP}'); PORT=$(kubectl get svc web -o jsonpath='{.spec.ports[0].nodePort}')")
    lab.run("POD=$(kubectl get pods -l app=web -o jsonpath='{.items[0].status.podIP}')")
    for where in ("$IP", "localhost:$PORT", "node01:$PORT", "$POD"):
        assert "<title>Welcome to nginx!</title>" in lab.run(f"curl -s {where}").stdout, where
    assert lab.run("curl -s $IP | wc -c").stdout == "615\n" and lab.run("wget -qO- $IP | head -1").stdout == "<!DOCTYPE html>\n"
    assert "404 Not Found" in lab.run("curl -s $IP/nope").stdout and "Connection refused" in lab.run("curl -sS $POD:81").stderr
    assert '"gitVersion": "v1.33.1"' in lab.run("curl -sk https://localhost:6443/version").stdout
    lab.run("kubectl scale deploy web --replicas=0; sleep 5")
    assert lab.run("curl -s $IP").status == 7
    lab.run("kubectl create deploy r --image=redis; kubectl expose deploy r --port=6379; sleep 10")
    assert lab.run("curl -s $(kubectl get svc r -o jsonpath='{.spec.clusterIP}'):6379").status == 120
    lab.close()
