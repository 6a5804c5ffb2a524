"""Options of the conformance runners: any directory of the same form can be given."""

from pathlib import Path

HERE = Path(__file__).parent
WITH_INTERNAL = ("daemonset", "deployment_rollout", "drain", "eviction_api", "gc", "node_lifecycle", "pdb",
                 "replicaset_scaledown", "scheduling", "zone_eviction")
"""Areas whose adapters answer upstream's internal cases too, which nobody must."""


def pytest_addoption(parser):
    parser.addoption("--cases", default=str(HERE / "cases"), help="directory of case tables")
    parser.addoption("--golden", default=str(HERE / "golden"), help="directory of golden runs")


def _divergences():
    import yaml

    path = HERE / "divergences.yaml"
    return (yaml.safe_load(path.read_text()) or {}) if path.exists() else {}


def pytest_generate_tests(metafunc):
    import yaml

    if "case" in metafunc.fixturenames:
        rows, ids = [], []
        for path in sorted(Path(metafunc.config.getoption("--cases")).glob("*.yaml")):
            if path.name == "WORDS.yaml":
                continue
            table = yaml.load(path.read_text(), Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
            area = table["header"]["area"]
            for case in table["cases"]:
                if case["kind"] == "behaviour" or area in WITH_INTERNAL:
                    rows.append((area, case))
                    ids.append(f"{area}/{case['id']}")
        metafunc.parametrize("case", rows, ids=ids)
    if "golden_run" in metafunc.fixturenames:
        runs = sorted(Path(metafunc.config.getoption("--golden")).glob("*/run.yaml"))
        found = [(path.parent, name) for path in runs for name in yaml.safe_load(path.read_text())["transcripts"]]
        metafunc.parametrize("golden_run", found, ids=[
            folder.name + name.removesuffix(".txt").removeprefix("transcript") for folder, name in found])
