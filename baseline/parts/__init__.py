"""The parts of a run, one a module: ``collect(context)`` writes its files into the
run's folder. A part that cannot do its work raises
:class:`~baseline.parts.context.Skip` when it is not its fault, and any other exception
when it is; the rest of the run goes on.
"""
