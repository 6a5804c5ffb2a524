"""What every verb of kubectl shares: the tree of commands, flags as pflag reads them, kubeconfig, requests and errors.

It may import `printing` and what lies below the shell. What a verb does is not decided here.
"""
