"""kubectl config, which reads and writes kubeconfig files on the host, and kubectl completion. They ask no server."""

from sim.shell.kubectl.words.verbs import PRINTING, Verb


def verbs() -> dict[str, Verb]:
    """Give the verbs of this folder, by path."""
    from sim.shell.kubectl.settings import change, scripts, show

    certificates = ("embed-certs", "client-certificate", "client-key", "token", "username", "password")
    return {
        "config view": Verb(show.view, (*PRINTING, "raw", "minify", "flatten", "merge")),
        "config get-contexts": Verb(show.get_contexts, ("output", "no-headers")),
        "config get-clusters": Verb(show.names), "config get-users": Verb(show.names),
        "config current-context": Verb(show.current_context),
        "config use-context": Verb(change.use_context),
        "config set-context": Verb(change.set_context, ("current", "cluster", "user", "namespace")),
        "config set-cluster": Verb(change.set_cluster, ("server", "embed-certs", "proxy-url")),
        "config set-credentials": Verb(change.set_credentials, certificates),
        "config set": Verb(change.set_property, ("set-raw-bytes",)), "config unset": Verb(change.unset_property),
        "config rename-context": Verb(change.rename_context),
        "config delete-context": Verb(change.delete_context),
        "config delete-cluster": Verb(change.delete_entry), "config delete-user": Verb(change.delete_entry),
        **scripts.VERBS,
    }
