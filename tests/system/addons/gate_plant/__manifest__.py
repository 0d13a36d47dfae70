{
    "name": "Gate Plant",
    "summary": "Makes a route slower for callers who ask for it.",
    "version": "19.0.1.0.0",
    "author": "Smart Dairy",
    "website": "https://github.com/smart-dairy/smart-dairy-performance",
    "license": "AGPL-3",
    "category": "Hidden",
    "depends": ["web"],
}
