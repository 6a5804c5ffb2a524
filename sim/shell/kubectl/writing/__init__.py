"""Verbs that change objects. They may import frame, printing and each other; the groups beside it build on this one."""

from sim.shell.kubectl.words.verbs import FILES, PRINTING, Verb


def verbs() -> dict[str, Verb]:
    """Give the verbs of this folder and of those that build on it, by path."""
    from sim.shell.kubectl import generate, nodes, session, settings, workloads
    from sim.shell.kubectl.writing import apply, certificates, create, delete, diff, edit, lastapplied, marks, patch

    common = (*FILES, *PRINTING, "kustomize", "dry-run", "field-manager", "validate", "save-config")
    choice = (*FILES, *PRINTING, "kustomize", "dry-run", "field-manager", "selector", "field-selector", "all", "all-namespaces")
    mark = Verb(marks.mark, (*choice, "overwrite", "list", "local", "resource-version"))
    return {
        "create": Verb(create.create, (*common, "selector", "raw", "edit")),
        "apply": Verb(apply.apply, (
            *common, "selector", "all", "server-side", "force-conflicts", "force", "prune", "prune-allowlist",
            "prune-whitelist", "applyset", "overwrite", "openapi-patch")),
        "apply view-last-applied": Verb(lastapplied.view_last_applied, choice),
        "apply set-last-applied": Verb(lastapplied.set_last_applied, (*choice, "create-annotation")),
        "delete": Verb(delete.delete, (*choice, "cascade", "force", "grace-period", "ignore-not-found", "interactive", "now",
                                       "raw", "timeout", "wait")),
        "replace": Verb(patch.replace, (*common, "cascade", "force", "grace-period", "raw", "selector", "timeout", "wait")),
        "patch": Verb(patch.patch, (*choice, "patch", "patch-file", "type", "local", "subresource")),
        "edit": Verb(edit.edit, (*choice, "validate", "save-config", "output-patch", "subresource", "windows-line-endings")),
        "diff": Verb(diff.diff, (*choice, "server-side", "force-conflicts", "concurrency", "show-managed-fields")),
        "label": mark, "annotate": mark,
        **dict.fromkeys(("certificate approve", "certificate deny"), Verb(certificates.decide, (*FILES, *PRINTING, "force"))),
        **generate.verbs(), **nodes.verbs(), **workloads.verbs(), **settings.verbs(), **session.verbs(),
    }
