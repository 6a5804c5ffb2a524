"""Users and accounts as people make them: a signing request and its approval, a service account's token."""

import pytest

from tests.lab_fixtures import lab as fresh

REQUEST = """cat <<E | kubectl apply -f -
apiVersion: certificates.k8s.io/v1
kind: CertificateSigningRequest
metadata: {name: ann}
spec:
  request: $(base64 -w0 ann.csr)
  signerName: kubernetes.io/kube-apiserver-client
  usages: [client auth]
E"""


@pytest.fixture
def lab():
    found = fresh("first-steps")
    yield found
    found.close()


def test_a_signing_request_is_approved_or_denied(lab):
    lab.run("openssl genrsa -out ann.key 2048; openssl req -new -key ann.key -out ann.csr -subj '/CN=ann/O=dev'")
    assert lab.run(REQUEST).stdout == "certificatesigningrequest.certificates.k8s.io/ann created\n"
    done = lab.run("kubectl certificate approve ann nope")
    assert (done.stdout, done.status) == ("certificatesigningrequest.certificates.k8s.io/ann approved\n", 1)
    assert done.stderr == 'Error from server (NotFound): certificatesigningrequests.certificates.k8s.io "nope" not found\n'
    assert lab.run("kubectl get csr ann -o jsonpath='{.status.conditions[*].reason}'").stdout == "KubectlApprove"
    assert lab.run("kubectl get csr --no-headers").stdout.split()[-1].startswith("Approved")
    assert lab.run("kubectl certificate deny").stderr == "error: one or more CSRs must be specified as <name> or -f <filename>\n"


def test_a_token_is_good_for_its_account_while_its_time_lasts(lab):
    lab.run("kubectl create sa bob; T=$(kubectl create token bob --duration=1h); kubectl config set-credentials bob --token=$T")
    lab.run("kubectl config set-context bob --cluster=kubernetes --user=bob")
    assert "system:serviceaccount:default:bob" in lab.run("kubectl --context=bob auth whoami").stdout
    assert lab.run("kubectl --context=bob get pods").status == 1
    lab.run("kubectl create rolebinding view --clusterrole=view --serviceaccount=default:bob")
    assert lab.run("kubectl --context=bob get pods").status == 0
    assert lab.run("kubectl create token bob | awk -F. '{print NF}'").stdout == "3\n"
    lab.wait(3700)
    assert lab.run("kubectl --context=bob get pods").stderr == "error: You must be logged in to the server (Unauthorized)\n"
    assert lab.run("kubectl create token nope").stderr == 'error: failed to create token: serviceaccounts "nope" not found\n'
    assert "less than 10 minutes" in lab.run("kubectl create token bob --duration=5m").stderr
