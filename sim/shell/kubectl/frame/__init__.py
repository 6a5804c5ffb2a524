"""What every verb of kubectl shares: the tree of commands, flags as pflag reads them, kubeconfig, requests and errors.

It may import `printing` and what lies below the shell; which objects a command is about is `resource`'s question. What a verb does is not decided here.
"""
