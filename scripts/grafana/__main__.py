"""``python -m scripts.grafana``: write config/grafana/dashboards/*.json."""

from __future__ import annotations

from .boards import BOARDS
from .model import ROOT
from .render import render

FOLDER = ROOT / "config" / "grafana" / "dashboards"


def main() -> None:
    FOLDER.mkdir(parents=True, exist_ok=True)
    for board in BOARDS:
        path = FOLDER / f"{board.uid}.json"
        path.write_text(render(board))
        print(f"{path.relative_to(ROOT)}: {len(board.panels())} panels")


if __name__ == "__main__":
    main()
