"""Puts the parts of scenarios/_example.yaml into docs/authoring.md. Run it after changing either."""

import re
from pathlib import Path

HERE = Path(__file__).parent
PART = re.compile(r"^ *# \[([a-z-]+)\]\n(.*?)^ *# \[/\1\]\n", re.MULTILINE | re.DOTALL)
SLOT = re.compile(r"<!-- \[([a-z-]+)\] -->\n.*?<!-- /\1 -->\n", re.DOTALL)

if __name__ == "__main__":
    parts = dict(PART.findall((HERE.parent / "scenarios" / "_example.yaml").read_text(encoding="utf-8")))
    guide = HERE / "authoring.md"
    text = guide.read_text(encoding="utf-8")
    guide.write_text(SLOT.sub(lambda m: f"<!-- [{m[1]}] -->\n```yaml\n{parts[m[1]].rstrip()}\n```\n<!-- /{m[1]} -->\n", text), encoding="utf-8")
