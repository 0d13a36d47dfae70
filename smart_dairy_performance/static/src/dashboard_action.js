import { Component, xml } from "@odoo/owl";
import { LazyComponent } from "@web/core/assets";
import { registry } from "@web/core/registry";
import { standardActionServiceProps } from "@web/webclient/actions/action_service";

/** Fetches the dashboard's code when it is opened: other pages do not pay for it. */
export class PerformanceDashboardAction extends Component {
    static template = xml`
        <LazyComponent
            bundle="'smart_dairy_performance.assets_dashboard'"
            Component="'smart_dairy_performance.Dashboard'"
            props="props"
        />`;
    static components = { LazyComponent };
    static props = { ...standardActionServiceProps };
}

registry
    .category("actions")
    .add("smart_dairy_performance.dashboard", PerformanceDashboardAction);
