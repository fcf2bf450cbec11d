"""Reads paths of project files from standard input and prints what the original says of each: accept, reject or crash.

Each file gets a reader of its own, as each has in a process of its own: one that has met a fault remembers it.
"""

import sys
import warnings

from opensafely._vendor.pipeline import ProjectValidationError, YAMLError, load_pipeline, loading

warnings.simplefilter("ignore")
for line in sys.stdin:
    path = line.rstrip("\n")
    loading.PARSER = loading.YAML(typ=["safe", "rt"], pure=True)
    try:
        with open(path, encoding="utf-8") as file:
            load_pipeline(file.read(), "project.yaml")
    except (ProjectValidationError, YAMLError) as error:
        print("reject", str(error).splitlines()[-1][:200], sep="\t")
    except Exception as error:  # whatever it lets through is a crash
        print("crash", type(error).__name__, sep="\t")
    else:
        print("accept", "", sep="\t")
