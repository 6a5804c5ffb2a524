"""apt, apt-get, apt-cache, apt-mark, dpkg and the keys of repositories: the command lines of `sim.host.packages`.

The texts, streams and statuses are those of apt 2.4 to 2.8 and dpkg 1.21 as recorded on three releases. Left out:
source packages, pins, a resolver that weighs solutions.
"""

from sim.shell.pipes import COMMANDS
from sim.shell.system.packages.apt import front
from sim.shell.system.packages.dpkgs.main import dpkg, query
from sim.shell.system.packages.signing import apt_key, gpg

COMMANDS.update({"dpkg": dpkg, "dpkg-query": query, "gpg": gpg, "apt-key": apt_key})
COMMANDS.update(dict.fromkeys(front.VERBS, front.run))
