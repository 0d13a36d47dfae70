{
    "name": "Smart Dairy Performance",
    "summary": "Measure every request, ORM call, query, cron job and worker of Odoo",
    "version": "19.0.1.0.0",
    "category": "Administration",
    "author": "Smart Dairy",
    "website": "https://github.com/smart-dairy/smart-dairy-performance",
    "license": "AGPL-3",
    "depends": ["base", "web"],
    "external_dependencies": {"python": ["prometheus_client", "psutil"]},
    "data": [
        "security/smart_dairy_performance_groups.xml",
    ],
    "post_load": "post_load",
    "uninstall_hook": "uninstall_hook",
    "application": True,
}
