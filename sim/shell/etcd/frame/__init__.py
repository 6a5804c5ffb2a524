"""What etcd's tools share: the trees of commands and flags, help, the way to a member, the shapes of answers."""
