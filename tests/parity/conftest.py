"""At the end, how near the two sides came."""

import sys


def pytest_terminal_summary(terminalreporter):
    peer = sys.modules.get("tests.parity.torch_peer")
    worst = getattr(peer, "WORST", {})
    if not any(error for error, _ in worst.values()):
        return
    terminalreporter.section("parity: the worst error in each dtype")
    for dtype, (error, where) in worst.items():
        bound = {"float64": peer.FLOAT64, "float32": peer.FLOAT32}[dtype.__name__]
        terminalreporter.line(f"{dtype.__name__}: {error:.2g} of {bound}, {where}")
