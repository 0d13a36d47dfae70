{
    "name": "Smart Dairy Faults",
    "summary": "Code that is slow on purpose, for the tests of the profiler",
    "version": "19.0.1.0.0",
    "category": "Hidden",
    "author": "Smart Dairy",
    "website": "https://github.com/smart-dairy/smart-dairy-performance",
    "license": "AGPL-3",
    "depends": ["web"],
    "data": ["security/ir.model.access.csv", "views/faults_templates.xml"],
}
