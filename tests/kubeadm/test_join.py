"""Tokens, joining and leaving: kubeadm on hosts that are nodes, were, or want to be."""

import pytest

from sim.lab.catalogue import find
from sim.lab.lab import Lab
from sim.lab.scenario import load


@pytest.fixture
def lab():
    return Lab(load(find("os-upgrades")))


def said(lab, line):
    result = lab.run(line)
    return result.stdout + result.stderr


def test_tokens_are_made_listed_and_deleted(lab):
    token = said(lab, "kubeadm token create --ttl 2h --description ci").strip()
    row = said(lab, "kubeadm token list").splitlines()[1]
    assert row.split() == [token, "1h", row.split()[2], "authentication,signing", "ci",
                           "system:bootstrappers:kubeadm:default-node-token"]
    assert said(lab, f"kubeadm token delete {token}") == f'bootstrap token "{token[:6]}" deleted\n'
    assert said(lab, "kubeadm token list") == ""
    assert "was not of the form" in said(lab, "kubeadm token create ABC.def")
    assert lab.run("kubeadm token generate").stdout[6] == "."


def test_the_hash_of_the_join_command_is_that_of_the_authoritys_key(lab):
    line = said(lab, "kubeadm token create --print-join-command")
    digest = said(lab, "openssl x509 -pubkey -in /etc/kubernetes/pki/ca.crt | openssl rsa -pubin -outform der 2>/dev/null"
                       " | openssl dgst -sha256 -hex | sed 's/^.* //'")
    assert f"sha256:{digest.strip()} " in line


def test_a_node_that_is_one_already_may_not_join(lab):
    text = said(lab, "ssh node01 \"$(kubeadm token create --print-join-command)\"")
    assert ("\t[ERROR FileAvailable--etc-kubernetes-kubelet.conf]: /etc/kubernetes/kubelet.conf already exists\n"
            "\t[ERROR Port-10250]: Port 10250 is in use\n") in text
    assert lab.run("ssh node01 kubeadm join 172.30.1.2:6443 --token a --discovery-token-ca-cert-hash b").status == 1


def test_a_node_leaves_and_joins_again_with_a_certificate_of_its_own(lab):
    lab.run("kubectl drain node01 --ignore-daemonsets && kubectl delete node node01 && ssh node01 kubeadm reset -f")
    assert "node01" not in said(lab, "kubectl get nodes")
    text = said(lab, "ssh node01 \"$(kubeadm token create --print-join-command)\"")
    assert "This node has joined the cluster:" in text
    lab.wait(30)
    assert "node01 Ready" in " ".join(said(lab, "kubectl get nodes").split())
    assert "system:bootstrap:" in said(lab, "kubectl get csr") and "Approved,Issued" in said(lab, "kubectl get csr")
    shown = said(lab, "ssh node01 openssl x509 -in /var/lib/kubelet/pki/kubelet-client-current.pem -noout -subject")
    assert shown == "subject=O = system:nodes, CN = system:node:node01\n"
    assert not lab.run("ssh node01 ls /etc/kubernetes/bootstrap-kubelet.conf").status == 0


def test_a_wrong_hash_and_an_unknown_token_are_told_apart(lab):
    lab.run("kubectl delete node node01; ssh node01 kubeadm reset -f")
    join = "ssh node01 kubeadm join 172.30.1.2:6443 --token abcdef.0123456789abcdef"
    assert "none of the public keys" in said(lab, f"{join} --discovery-token-ca-cert-hash sha256:1")
    assert 'could not find a JWS signature in the cluster-info ConfigMap for token ID "abcdef"' in said(
        lab, f"{join} --discovery-token-unsafe-skip-ca-verification")


def test_a_user_gets_a_certificate_by_a_request(lab):
    lab.run("openssl genrsa -out jane.key 2048 && openssl req -new -key jane.key -subj /CN=jane/O=dev -out jane.csr")
    lab.run("""cat > csr.yaml <<EOF
apiVersion: certificates.k8s.io/v1
kind: CertificateSigningRequest
metadata: {name: jane}
spec:
  request: $(base64 -w0 jane.csr)
  signerName: kubernetes.io/kube-apiserver-client
  usages: [client auth]
EOF
kubectl apply -f csr.yaml""")
    lab.run("kubectl get csr jane -o json | jq '.status.conditions=[{type: \"Approved\", status: \"True\", reason: \"r\"}]' > a.json; "
            "kubectl replace --raw /apis/certificates.k8s.io/v1/certificatesigningrequests/jane/approval -f a.json")
    lab.wait(5)
    lab.run("kubectl get csr jane -o jsonpath='{.status.certificate}' | base64 -d > jane.crt")
    assert said(lab, "openssl x509 -in jane.crt -noout -subject -issuer") == "subject=CN = jane, O = dev\nissuer=CN = kubernetes\n"
    lab.run("kubectl config set-credentials jane --client-certificate=jane.crt --client-key=jane.key; "
            "kubectl config set-context jane --cluster=kubernetes --user=jane")
    assert 'User "jane" cannot list resource "pods"' in said(lab, "kubectl --context jane get pods")
