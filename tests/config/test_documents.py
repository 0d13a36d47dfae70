"""No document of the repository refers to what is not there."""

import pytest

from tests.config.documents import ROOT, dead_links

DOCUMENTS = sorted(
    {
        *ROOT.glob("*.md"),
        *(ROOT / "docs").rglob("*.md"),
        *ROOT.glob("smart_dairy_*/readme/*.md"),
        ROOT / "baseline" / "README.md",
        ROOT / "frontend" / "README.md",
        *ROOT.glob("frontend/packages/*/README.md"),
        *ROOT.glob("frontend/apps/*/README.md"),
    }
)


@pytest.mark.parametrize(
    "document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT))
)
def test_no_dead_links(document):
    assert dead_links(document) == []
