"""The document of a run as Markdown, HTML, PDF, slides and charts."""
