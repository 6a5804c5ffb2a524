"""The figures that say how fast the simulator is, each with its goal: `kubedrill bench`.

The only part below the skins that looks at the real clock. Imports labs; nothing imports it but the command line.
"""
