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
        "security/ir.model.access.csv",
        "views/performance_metric_views.xml",
        "views/res_config_settings_views.xml",
        "views/performance_cron_run_views.xml",
        "views/performance_endpoint_views.xml",
        "views/performance_model_method_views.xml",
        "views/performance_slow_request_views.xml",
        "views/performance_web_vital_views.xml",
        "views/performance_web_vital_hour_views.xml",
        "views/performance_react_render_views.xml",
        "views/performance_dashboard.xml",
        "views/menus.xml",
        "data/ir_cron_data.xml",
        "data/performance_metric_data.xml",
    ],
    "assets": {
        "web.assets_backend": [
            # The built collector (static/dist, absent without a build) and our module.
            "smart_dairy_performance/static/**/vitals.js",
            "smart_dairy_performance/static/src/vitals/vitals_actions.js",
            "smart_dairy_performance/static/src/dashboard_action.js",
        ],
        # Fetched when the dashboard is opened.
        "smart_dairy_performance.assets_dashboard": [
            "smart_dairy_performance/static/src/dashboard/**/*",
        ],
        "web.assets_frontend": [
            "smart_dairy_performance/static/**/vitals.js",
        ],
    },
    "post_load": "post_load",
    "uninstall_hook": "uninstall_hook",
    "application": True,
}
