"""`fogbank trust`: the certificate authority of the cloud's TLS addresses, printed or installed."""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--install", action="store_true", help="add it to this machine's trust store (needs root)")


def run(options: argparse.Namespace) -> int:
    from fogbank.gateway.tls import Authority

    certificate = Authority(options.data_dir / "tls").ca_bundle()
    if not options.install:
        print(certificate)
        print(
            f"# For one program: AWS_CA_BUNDLE={certificate} (or SSL_CERT_FILE, NODE_EXTRA_CA_CERTS).\n"
            "# For this machine: sudo fogbank trust --install",
            file=sys.stderr,
        )
        return 0
    if os.geteuid() != 0 or not shutil.which("update-ca-certificates"):
        print("fogbank trust --install needs root and Debian's or Ubuntu's ca-certificates package.", file=sys.stderr)
        return 1
    shutil.copyfile(certificate, "/usr/local/share/ca-certificates/fogbank.crt")
    return subprocess.run(["update-ca-certificates"], check=False).returncode
