"""System tools that touch time, users, hosts or chance: bashkit's own would use the real machine's."""
