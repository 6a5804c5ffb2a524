"""Tools for files whose owners, modes, times, links and notices bashkit cannot know: they ask the host's tree.

Models: GNU coreutils, findutils, tar. An option that is not here is refused or complained of, never ignored.
"""

from sim.shell.system.files import archive, attributes, content, listing, moving, search

__all__ = ["archive", "attributes", "content", "listing", "moving", "search"]
