"""kubectl config: what is printed and written, recorded from the real clients 1.33.1 and 1.36.2."""
import pytest

from tests.shell.kubectl.desk import Desk
from tests.shell.kubectl.test_writing import play


@pytest.fixture
def desk():
    made = Desk("1.36.2")
    made.files.write("/root/kc", made.files.read("/root/.kube/config"))
    made.run("export KUBECONFIG=/root/kc")
    return made


def test_the_tour_of_config(desk):
    play(desk, """
$ kubectl config set-context --current --namespace=shop
Context "kubernetes-admin@kubernetes" modified.
$ kubectl config view --minify -o jsonpath='{..namespace}'
shop
$ kubectl config get-contexts
CURRENT   NAME                          CLUSTER      AUTHINFO           NAMESPACE
*         kubernetes-admin@kubernetes   kubernetes   kubernetes-admin   shop
$ kubectl config set-context dev --cluster=kubernetes --user=kubernetes-admin --namespace=dev
Context "dev" created.
$ kubectl config set-context dev --namespace=dev2
Context "dev" modified.
$ kubectl config use-context dev
Switched to context "dev".
$ kubectl config use-context nosuch
E error: no context exists with the name: "nosuch"
=1
$ kubectl config rename-context dev development
Context "dev" renamed to "development".
$ kubectl config current-context
development
$ kubectl config rename-context development kubernetes-admin@kubernetes
E error: cannot rename the context "development", the context "kubernetes-admin@kubernetes" already exists in /root/kc
=1
$ kubectl config set-cluster second --server=https://127.0.0.1:9 --insecure-skip-tls-verify=true
Cluster "second" set.
$ kubectl config set-credentials bob --token=abc
User "bob" set.
$ kubectl config set-credentials bob --username=bob --password=x
User "bob" set.
$ kubectl config set-context second --cluster=second --user=bob
Context "second" created.
$ kubectl config get-clusters
NAME
kubernetes
second
$ kubectl config get-users
NAME
bob
kubernetes-admin
$ kubectl config view
apiVersion: v1
clusters:
- cluster:
    server: https://127.0.0.1:6443
  name: kubernetes
- cluster:
    insecure-skip-tls-verify: true
    server: https://127.0.0.1:9
  name: second
contexts:
- context:
    cluster: kubernetes
    namespace: dev2
    user: kubernetes-admin
  name: development
- context:
    cluster: kubernetes
    namespace: shop
    user: kubernetes-admin
  name: kubernetes-admin@kubernetes
- context:
    cluster: second
    user: bob
  name: second
current-context: development
kind: Config
users:
- name: bob
  user:
    password: REDACTED
    username: bob
- name: kubernetes-admin
  user: {}
$ kubectl config set contexts.second.namespace ns2
Property "contexts.second.namespace" set.
$ kubectl config set clusters.second.server https://127.0.0.1:8
Property "clusters.second.server" set.
$ kubectl config set current-context second
Property "current-context" set.
$ kubectl config unset contexts.second.namespace
Property "contexts.second.namespace" unset.
$ kubectl config get-contexts nosuch
CURRENT   NAME   CLUSTER   AUTHINFO   NAMESPACE
E error: context nosuch not found
=1
$ kubectl config get-contexts -o name
development
kubernetes-admin@kubernetes
second
$ kubectl config delete-context second
deleted context second from /root/kc
E warning: this removed your active context, use "kubectl config use-context" to select a different one
$ kubectl config delete-cluster second
deleted cluster second from /root/kc
$ kubectl config delete-user bob
deleted user bob from /root/kc
$ kubectl config delete-user bob
E error: cannot delete user bob, not in /root/kc
=1
$ kubectl config unset current-context
Property "current-context" unset.
$ kubectl config current-context
E error: current-context is not set
=1
$ kubectl config set-context --current --namespace=x
E error: no current context is set
=1
$ kubectl config set-context
E error: you must specify a non-empty context name or --current
=1
$ kubectl config set foo.bar x
E error: unable to parse foo.bar after [] at api.Config
=1
$ kubectl config foo
E error: unknown command "foo"
E See 'kubectl config -h' for help and examples
=1
""")


def test_a_new_file_is_written_as_the_real_one_writes_it():
    made = Desk("1.33.1")
    made.run("export KUBECONFIG=/root/new")
    play(made, """
$ kubectl config set-cluster a --server=https://1.2.3.4:6443 --tls-server-name=x
Cluster "a" set.
$ cat new
apiVersion: v1
clusters:
- cluster:
    server: https://1.2.3.4:6443
    tls-server-name: x
  name: a
contexts: null
current-context: ""
kind: Config
preferences: {}
users: null
""")


def test_what_is_secret_is_hidden_and_embedded(desk):
    desk.files.write("/root/ca.crt", b"ca")
    play(desk, """
$ kubectl config set-cluster kubernetes --certificate-authority=ca.crt --embed-certs
Cluster "kubernetes" set.
$ kubectl config view -o jsonpath='{.clusters[0].cluster.certificate-authority-data}{"\\n"}'
DATA+OMITTED
$ kubectl config view --raw -o jsonpath='{.clusters[0].cluster.certificate-authority-data}{"\\n"}'
Y2E=
$ kubectl config set-credentials kubernetes-admin --client-certificate=nosuch; kubectl config view --flatten
User "kubernetes-admin" set.
E error: open /root/nosuch: no such file or directory
=1
""")
    assert desk.run("kubectl config view -o json")[1].startswith('{\n    "kind": "Config",\n    "apiVersion": "v1",\n    "clusters"')


def test_several_files_are_one_and_each_entry_is_changed_where_it_is(desk):
    desk.run("KUBECONFIG=/root/other kubectl config set-context two --cluster=x")
    desk.run("KUBECONFIG=/root/kc:/root/other kubectl config set-context two --namespace=n")
    assert "namespace: \"n\"" in desk.run("cat other")[1] or "namespace: n" in desk.run("cat other")[1]
    assert "two" not in desk.run("cat kc")[1]


def test_completion_prints_the_real_scripts_and_bash_can_read_them():
    from tests.lab_fixtures import lab

    one = lab("first-steps")
    assert one.run("source <(kubectl completion bash) && complete -o default -F __start_kubectl k && type -t __start_kubectl").stdout == "function\n"
    assert one.run("kubectl completion zsh | head -2").stdout == "#compdef kubectl\ncompdef _kubectl kubectl\n"
    assert one.run("kubectl completion bash > /etc/bash_completion.d/kubectl").status == 0
    assert one.run("kubectl completion tcsh").stderr.startswith('error: Unsupported shell type "tcsh".\nSee ')
    one.close()
