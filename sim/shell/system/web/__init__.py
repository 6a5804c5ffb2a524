"""curl and wget: the world outside by `sim.host.web`, the lab's own hosts by who listens there.

Left out: uploads, cookies, other protocols; the API's own paths (a kubectl reads them).
"""

from sim.shell.pipes import COMMANDS
from sim.shell.system.web.curl import curl
from sim.shell.system.web.wget import wget

COMMANDS.update({"curl": curl, "wget": wget})
