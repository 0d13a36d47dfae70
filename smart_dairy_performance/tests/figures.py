"""What the tests of this addon share: figures before and after."""

from ..hooks import runtime


def figures(name):
    """The series of a metric, summed over processes: {label values: first double}."""
    family = runtime.current().scraper().merge().families.get(name)
    if family is None:
        return {}
    return dict(zip(family.labels, family.columns[0], strict=True))


def grown(name, before):
    """What grew since ``before``: {label values: difference}."""
    return {
        labels: value - before.get(labels, 0.0)
        for labels, value in figures(name).items()
        if value != before.get(labels, 0.0)
    }
