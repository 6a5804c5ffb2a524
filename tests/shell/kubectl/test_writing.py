"""Verbs that change objects: lines and complaints recorded from the real clients 1.33.1 and 1.36.2."""
import pytest

from tests.shell.kubectl.desk import Desk, failing

CONFIG = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: q1}\ndata: {a: '1'}\n"


@pytest.fixture
def desk():
    made = Desk("1.33.1")
    made.files.write("/root/q1.yaml", CONFIG.encode())
    return made


def play(desk, text):
    """Type `$ line` lines; what stands under each is its stdout, `E ` lines its stderr, `=N` its status where not 0."""
    found = []
    for line in text.strip().splitlines():
        if not line.startswith("$ "):
            continue
        status, out, err = desk.run(line[2:])
        found += [line, *(each.rstrip() for each in out.splitlines()), *(f"E {each}".rstrip() for each in err.splitlines()),
                  *([f"={status}"] if status else [])]
    assert found == [each.rstrip() for each in text.strip().splitlines()]


def test_apply_tells_created_configured_unchanged(desk):
    play(desk, """
$ kubectl apply -f q1.yaml --dry-run=client
configmap/q1 created (dry run)
$ kubectl apply -f q1.yaml
configmap/q1 created
$ kubectl apply -f q1.yaml
configmap/q1 unchanged
$ kubectl apply -f q1.yaml --dry-run=client
configmap/q1 configured (dry run)
$ kubectl apply -f q1.yaml --dry-run=server
configmap/q1 unchanged (server dry run)
$ sed -i s/1\\'/2\\'/ q1.yaml; kubectl apply -f q1.yaml -o name
configmap/q1
$ kubectl apply view-last-applied cm q1
apiVersion: v1
data:
  a: "2"
kind: ConfigMap
metadata:
  annotations: {}
  name: q1
  namespace: default
$ kubectl apply -f q1.yaml --prune
E error: all resources selected for prune without explicitly passing --all. To prune all resources, pass the --all flag. If you did not mean to prune all resources, specify a label selector
=1
$ kubectl apply -f q1.yaml --force-conflicts
E error: --force-conflicts only works with --server-side
=1
$ kubectl apply -f q1.yaml extra
E error: Unexpected args: [extra]
E See 'kubectl apply -h' for help and examples
=1
""")


def test_apply_warns_of_what_was_not_applied_before(desk):
    desk.run("kubectl create -f q1.yaml")
    status, out, err = desk.run("kubectl apply -f q1.yaml")
    assert (status, out) == (0, "configmap/q1 configured\n")
    assert err.startswith("Warning: resource configmaps/q1 is missing the kubectl.kubernetes.io/last-applied-configuration")


def test_replace_patch_and_label_speak_as_the_real_one(desk):
    play(desk, """
$ kubectl replace -f q1.yaml
E Error from server (NotFound): error when replacing "q1.yaml": configmaps "q1" not found
=1
$ kubectl create -f q1.yaml
configmap/q1 created
$ kubectl create -f q1.yaml
E Error from server (AlreadyExists): error when creating "q1.yaml": configmaps "q1" already exists
=1
$ kubectl replace -f q1.yaml --grace-period=5
E error: --grace-period must have --force specified
=1
$ kubectl patch cm q1 -p '{"data":{"a":"3"}}'
configmap/q1 patched
$ kubectl patch cm q1 -p '{"data":{"a":"3"}}'
configmap/q1 patched (no change)
$ kubectl patch cm q1 -p 'data: {a: "4"}'
configmap/q1 patched
$ kubectl patch cm q1 nosuch -p '{}'
configmap/q1 patched (no change)
E Error from server (NotFound): configmaps "nosuch" not found
=1
$ kubectl patch cm q1 --patch-file nosuch
E error: unable to read patch file: open nosuch: no such file or directory
=1
$ kubectl label cm q1 x=y
configmap/q1 labeled
$ kubectl label cm q1 x=y
configmap/q1 not labeled
$ kubectl label cm q1 x=z
E error: 'x' already has a value (y), and --overwrite is false
=1
$ kubectl label cm q1 x-
configmap/q1 unlabeled
$ kubectl label cm q1 x-
label "x" not found.
configmap/q1 not labeled
$ kubectl label cm q1 a=b c=d --list
a=b
c=d
$ kubectl label cm q1 zz a=b c
E error: all resources must be specified before label changes: c
=1
$ kubectl label cm --all z=2 --resource-version=1
E error: --resource-version may only be used with a single resource
=1
$ kubectl annotate cm q1 n=1
configmap/q1 annotated
$ kubectl annotate cm q1 n=2
E error: --overwrite is false but found the following declared annotation(s): 'n' already has a value (1)
=1
$ kubectl annotate cm q1 n=1 n-
E error: can not both modify and remove the following annotation(s) in the same command: n
=1
$ kubectl replace --force -f q1.yaml
configmap "q1" deleted
configmap/q1 replaced
""")


def test_delete_says_what_the_version_says(desk):
    play(desk, """
$ kubectl delete cm
E error: resource(s) were provided, but no name was specified
=1
$ kubectl delete cm -l zz=1
No resources found
$ kubectl delete cm --all -l a=b
E error: setting 'all' parameter but found a non empty selector.
=1
$ kubectl delete cm a1 -l x=y
E error: name cannot be provided when a selector is specified
=1
$ kubectl delete -f q1.yaml
E Error from server (NotFound): error when deleting "q1.yaml": configmaps "q1" not found
=1
$ kubectl delete -f q1.yaml --ignore-not-found
$ kubectl create -f q1.yaml; kubectl delete cm nosuch q1
configmap/q1 created
configmap "q1" deleted
E Error from server (NotFound): configmaps "nosuch" not found
=1
""")
    newer = Desk("1.36.2")
    newer.files.write("/root/q1.yaml", CONFIG.encode())
    play(newer, """
$ kubectl create -f q1.yaml; kubectl delete -f q1.yaml
configmap/q1 created
configmap "q1" deleted from default namespace
""")


def test_delete_waits_for_finalizers_and_may_lose_patience(desk):
    desk.run("kubectl create -f q1.yaml")
    desk.run("""kubectl patch cm q1 --type=merge -p '{"metadata":{"finalizers":["example.com/hold"]}}'""")
    play(desk, """
$ kubectl delete cm q1 --timeout=2s
configmap "q1" deleted
E error: timed out waiting for the condition on configmaps/q1
=1
$ kubectl patch cm q1 --type=merge -p '{"metadata":{"finalizers":null}}' >/dev/null; kubectl delete cm q1 --ignore-not-found
""")


FAULTY = {
    "two.yaml": CONFIG + "---\napiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: x\n bad: 1\n",
    "tab.yaml": "apiVersion: v1\nkind: Pod\nmetadata:\n\tname: x\n", "list.yaml": "- a\n", "text.yaml": "hello\n", "empty.yaml": "",
    "kind.yaml": "apiVersion: v1\nkind: Podd\nmetadata: {name: x}\n", "nokind.yaml": "apiVersion: v1\nmetadata: {name: x}\n",
    "twice.yaml": "kind: ConfigMap\nkind: Pod\napiVersion: v1\n", "x.json": '{"kind":"Pod" "x":1}', "cut.json": '{"kind":"Pod"',
    "version.yaml": "apiVersion: extensions/v1beta1\nkind: Deployment\nmetadata: {name: x}\n",
}


@pytest.mark.parametrize("name, text", [
    ("two.yaml", "error: error parsing two.yaml: error converting YAML to JSON: yaml: line 4: did not find expected key\n"),
    ("tab.yaml", "error: error parsing tab.yaml: error converting YAML to JSON: yaml: line 4: found character that cannot start "
                 "any token\n"),
    ("list.yaml", 'error: unable to decode "list.yaml": json: cannot unmarshal array into Go value of type '
                  "unstructured.detector\n"),
    ("text.yaml", 'error: unable to decode "text.yaml": json: cannot unmarshal string into Go value of type '
                  "unstructured.detector\n"),
    ("empty.yaml", "error: no objects passed to apply\n"),
    ("kind.yaml", 'error: resource mapping not found for name: "x" namespace: "" from "kind.yaml": no matches for kind "Podd" in '
                  'version "v1"\nensure CRDs are installed first\n'),
    ("version.yaml", 'error: resource mapping not found for name: "x" namespace: "" from "version.yaml": no matches for kind '
                     '"Deployment" in version "extensions/v1beta1"\nensure CRDs are installed first\n'),
    ("nokind.yaml", 'error: error validating "nokind.yaml": error validating data: kind not set; if you choose to ignore these '
                    "errors, turn validation off with --validate=false\n"),
    ("twice.yaml", "error: error parsing twice.yaml: error converting YAML to JSON: yaml: unmarshal errors:\n  line 2: key "
                   '"kind" already set in map\n'),
    ("x.json", "error: error parsing x.json: json: offset 15: invalid character '\"' after object key:value pair\n"),
    ("cut.json", "error: error parsing cut.json: unexpected EOF\n"),
    ("nosuch.yaml", 'error: the path "nosuch.yaml" does not exist\n'),
])
def test_faulty_files_are_named_as_the_real_one_does(desk, name, text):
    if name in FAULTY:
        desk.files.write(f"/root/{name}", FAULTY[name].encode())
    status, _, err = desk.run(f"kubectl apply -f {name}")
    assert (status, err) == (1, text)


def test_folders_are_read_by_extension_and_depth(desk):
    for path, name in (("d/b.yaml", "b"), ("d/a.yml", "a"), ("d/notes.txt", "n"), ("d/sub/c.json", "c")):
        desk.files.make_dir(f"/root/{path.rpartition('/')[0]}", parents=True)
        desk.files.write(f"/root/{path}", CONFIG.replace("q1", name).encode() if not path.endswith("json") else
                         b'{"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "c"}}')
    desk.files.make_dir("/root/none")
    play(desk, """
$ kubectl apply -f d
configmap/a created
configmap/b created
$ kubectl apply -R -f d
configmap/a unchanged
configmap/b unchanged
configmap/c created
$ kubectl apply -f none
E error: error reading [none]: recognized file extensions are [.json .yaml .yml]
=1
$ kubectl apply -f https://example.com/x.yaml
E not simulated: reading https://example.com/x.yaml: no file server is simulated
=120
""")


def test_a_clash_is_tried_again_and_then_told_in_full(desk):
    desk.run("kubectl apply -f q1.yaml; sed -i s/1\\'/2\\'/ q1.yaml")
    desk.answers.append(failing((409, "Conflict", "somebody was faster"), ("patch", "configmaps", "")))
    before_us = desk.engine.now_us
    status, _, err = desk.run("kubectl apply -f q1.yaml")
    assert status == 1
    assert err.startswith('Error from server (Conflict): error when applying patch:\n{"data":{"a":"2"},"metadata":')
    assert err.endswith('\nto:\nResource: "/v1, Resource=configmaps", GroupVersionKind: "/v1, Kind=ConfigMap"\nName: "q1", '
                        'Namespace: "default"\nfor: "q1.yaml": error when patching "q1.yaml": somebody was faster\n')
    assert 4_000_000 < desk.engine.now_us - before_us < 7_000_000


def test_edit_takes_an_editor_that_needs_no_keys(desk):
    desk.run("kubectl create -f q1.yaml")
    play(desk, """
$ KUBE_EDITOR="sed -i '/^  a:/s/a/b/'" kubectl edit cm q1
configmap/q1 edited
$ EDITOR=true kubectl edit cm q1
E Edit cancelled, no changes made.
$ EDITOR=false kubectl edit cm q1
E error: there was a problem with the editor "false"
=1
$ kubectl get cm q1 -o jsonpath='{.data}'; echo
{"b":"1"}
""")



def test_diff_shows_what_apply_would_do(desk):
    play(desk, """
$ kubectl apply -f q1.yaml; kubectl diff -f q1.yaml
configmap/q1 created
$ sed -i s/1\\'/2\\'/ q1.yaml; kubectl diff -f q1.yaml | grep '^[-+] '
-  a: "1"
+  a: "2"
$ kubectl diff -f nosuch.yaml
E error: the path "nosuch.yaml" does not exist
=2
$ kubectl get cm q1 -o jsonpath='{.data.a}'; echo
1
""")
    assert desk.run("kubectl diff -f q1.yaml")[0] == 1


def test_server_side_apply_tells_whose_fields_clash(desk):
    desk.files.write("/root/other.yaml", CONFIG.replace("'1'", "'2'").encode())
    play(desk, """
$ kubectl apply --server-side -f q1.yaml
configmap/q1 serverside-applied
$ kubectl apply --server-side -f other.yaml --field-manager=other 2>&1 | head -2
error: Apply failed with 1 conflict: conflict with "kubectl": .data.a
Please review the fields above--they currently have other managers. Here
$ kubectl apply --server-side -f other.yaml --field-manager=other --force-conflicts
configmap/q1 serverside-applied
$ kubectl apply --server-side -f q1.yaml --force
E error: --force cannot be used with --server-side
=1
$ kubectl apply --server-side -f q1.yaml --dry-run=client
E error: --dry-run=client doesn't work with --server-side (did you mean --dry-run=server instead?)
=1
""")


def test_all_means_every_kind_of_that_category(desk):
    desk.run("kubectl create deployment web --image=nginx; kubectl create service clusterip web --tcp=80; kubectl create -f q1.yaml")
    play(desk, """
$ kubectl delete all --all
service "web" deleted
deployment.apps "web" deleted
$ kubectl delete all -l app=web
No resources found
$ kubectl get cm q1 -o name
configmap/q1
""")
