"""What a run's folder says: from raw samples to one document of figures.

``document.build(folder)`` is the entry; each module below answers one question and can
be used alone. A figure without data is None with a reason, never 0 and never NaN.
"""
