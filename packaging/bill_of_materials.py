"""Bill of materials (CycloneDX 1.5) and licence list of the programs, from cargo's own metadata."""

import json
import pathlib
import subprocess
import sys
import uuid

PROGRAMS = {"cds2db", "cds-hub", "dataprocessor", "db2frontend", "project-pipeline", "file-journal"}
TEXTS = ("LICENSE", "LICENCE", "COPYING", "COPYRIGHT", "NOTICE", "UNLICENSE")


def metadata():
    words = ["cargo", "metadata", "--format-version", "1", "--locked", "--filter-platform", "x86_64-unknown-linux-gnu"]
    return json.loads(subprocess.check_output(words))


def linked(meta):
    """Ids of the packages that are compiled into the programs: no tests, no build scripts."""
    packages = {p["id"]: p for p in meta["packages"]}
    nodes = {n["id"]: n for n in meta["resolve"]["nodes"]}
    waiting = [i for i, p in packages.items() if p["name"] in PROGRAMS and p["source"] is None]
    seen = set()
    while waiting:
        one = waiting.pop()
        if one in seen:
            continue
        seen.add(one)
        for dep in nodes[one]["deps"]:
            if any(kind["kind"] is None for kind in dep["dep_kinds"]):
                waiting.append(dep["pkg"])
    return [packages[i] for i in seen], nodes, seen


def reference(package):
    return f"pkg:cargo/{package['name']}@{package['version']}"


def component(package):
    entry = {
        "type": "library",
        "bom-ref": reference(package),
        "name": package["name"],
        "version": package["version"],
        "purl": reference(package),
    }
    if package["license"]:
        entry["licenses"] = [{"expression": package["license"].replace("/", " OR ")}]
    if package["description"]:
        entry["description"] = " ".join(package["description"].split())
    return entry


def main():
    out = pathlib.Path(sys.argv[1])
    meta = metadata()
    packages, nodes, seen = linked(meta)
    packages.sort(key=lambda p: (p["name"], p["version"]))
    by_id = {p["id"]: p for p in packages}
    version = next(p["version"] for p in packages if p["name"] == "cds2db")
    bill = {
        "bomFormat": "CycloneDX",
        "specVersion": "1.5",
        "serialNumber": "urn:uuid:" + str(uuid.uuid5(uuid.NAMESPACE_URL, "cds-tools " + version + json.dumps(sorted(seen)))),
        "version": 1,
        "metadata": {"component": {"type": "application", "bom-ref": "cds-tools", "name": "cds-tools", "version": version}},
        "components": [component(p) for p in packages],
        "dependencies": [
            {
                "ref": reference(p),
                "dependsOn": sorted({reference(by_id[d["pkg"]]) for d in nodes[p["id"]]["deps"] if d["pkg"] in by_id}),
            }
            for p in packages
        ],
    }
    (out / "sbom.cdx.json").write_text(json.dumps(bill, indent=1) + "\n")
    with (out / "licences.txt").open("w") as file:
        file.write("What the programs are made of, with licences. Texts follow, each once.\n\n")
        texts = {}
        for p in packages:
            file.write(f"{p['name']} {p['version']}: {p['license'] or 'see its text'}\n")
            if p["source"] is None:
                continue
            for path in sorted(pathlib.Path(p["manifest_path"]).parent.iterdir()):
                if path.is_file() and path.name.upper().startswith(TEXTS):
                    texts.setdefault(path.read_text(errors="replace").strip(), []).append(f"{p['name']} {p['version']}")
        for text, names in sorted(texts.items(), key=lambda pair: pair[1]):
            file.write("\n" + "=" * 80 + "\n" + ", ".join(names) + "\n\n" + text + "\n")


if __name__ == "__main__":
    main()
