"""An OCI image layout of static programs: one layer, no shell, no library, an account without rights."""

import argparse
import gzip
import hashlib
import io
import json
import pathlib
import tarfile


def add(archive, name, data=None, mode=0o755, owner=0, kind=tarfile.REGTYPE):
    entry = tarfile.TarInfo(name)
    entry.type, entry.mode, entry.uid, entry.gid, entry.mtime = kind, mode, owner, owner, 0
    entry.size = len(data) if data is not None else 0
    archive.addfile(entry, io.BytesIO(data) if data is not None else None)


def layer(programs):
    raw = io.BytesIO()
    with tarfile.open(fileobj=raw, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for name in ("etc", "usr", "usr/bin"):
            add(archive, name, kind=tarfile.DIRTYPE)
        add(archive, "tmp", kind=tarfile.DIRTYPE, mode=0o1777)
        add(archive, "work", kind=tarfile.DIRTYPE, mode=0o700, owner=10001)
        add(archive, "etc/passwd", b"cds:x:10001:10001::/work:/usr/bin/cds2db\n", mode=0o644)
        add(archive, "etc/group", b"cds:x:10001:\n", mode=0o644)
        # Names first from the file, then from the name server, as everywhere.
        add(archive, "etc/nsswitch.conf", b"hosts: files dns\n", mode=0o644)
        for path in sorted(pathlib.Path(programs).iterdir()):
            add(archive, f"usr/bin/{path.name}", path.read_bytes())
    return raw.getvalue()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--version", required=True)
    parser.add_argument("--commit", required=True)
    parser.add_argument("programs")
    parser.add_argument("out", type=pathlib.Path)
    given = parser.parse_args()
    blobs = given.out / "blobs/sha256"
    blobs.mkdir(parents=True, exist_ok=True)

    def store(data, media):
        digest = hashlib.sha256(data).hexdigest()
        (blobs / digest).write_bytes(data)
        return {"mediaType": media, "digest": f"sha256:{digest}", "size": len(data)}

    unpacked = layer(given.programs)
    packed = store(gzip.compress(unpacked, 6, mtime=0), "application/vnd.oci.image.layer.v1.tar+gzip")
    config = {
        "architecture": "amd64",
        "os": "linux",
        "config": {
            "User": "10001:10001",
            "WorkingDir": "/work",
            "Env": ["PATH=/usr/bin"],
            "Entrypoint": ["/usr/bin/cds2db"],
            "Volumes": {"/work": {}},
            "Labels": {
                "org.opencontainers.image.version": given.version,
                "org.opencontainers.image.revision": given.commit,
                "org.opencontainers.image.licenses": "Apache-2.0",
            },
        },
        "rootfs": {"type": "layers", "diff_ids": ["sha256:" + hashlib.sha256(unpacked).hexdigest()]},
    }
    described = store(json.dumps(config).encode(), "application/vnd.oci.image.config.v1+json")
    manifest = {
        "schemaVersion": 2,
        "mediaType": "application/vnd.oci.image.manifest.v1+json",
        "config": described,
        "layers": [packed],
    }
    listed = store(json.dumps(manifest).encode(), "application/vnd.oci.image.manifest.v1+json")
    listed["annotations"] = {"org.opencontainers.image.ref.name": given.version}
    (given.out / "index.json").write_text(json.dumps({"schemaVersion": 2, "manifests": [listed]}))
    (given.out / "oci-layout").write_text('{"imageLayoutVersion":"1.0.0"}')


if __name__ == "__main__":
    main()
