{
    "name": "Smart Dairy Profiling",
    "summary": "From a slow page to the line of code and the missing index",
    "version": "19.0.1.0.0",
    "category": "Administration",
    "author": "Smart Dairy",
    "website": "https://github.com/smart-dairy/smart-dairy-performance",
    "license": "AGPL-3",
    "depends": ["smart_dairy_performance"],
}
