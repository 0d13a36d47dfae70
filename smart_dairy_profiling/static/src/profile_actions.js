import { Component, xml } from "@odoo/owl";
import { LazyComponent } from "@web/core/assets";
import { registry } from "@web/core/registry";
import { standardWidgetProps } from "@web/views/widgets/standard_widget_props";
import { standardActionServiceProps } from "@web/webclient/actions/action_service";

/** Fetches the code that draws profiles when one is opened: other pages do not pay. */
function lazy(name) {
    return xml`
        <LazyComponent
            bundle="'smart_dairy_profiling.assets_viewer'"
            Component="'smart_dairy_profiling.${name}'"
            props="viewerProps"
        />`;
}

export class SamplerAction extends Component {
    static template = lazy("Sampler");
    static components = { LazyComponent };
    static props = { ...standardActionServiceProps };

    get viewerProps() {
        return { route: this.props.action.params?.route || "" };
    }
}

export class ComparisonAction extends Component {
    static template = lazy("Comparison");
    static components = { LazyComponent };
    static props = { ...standardActionServiceProps };

    get viewerProps() {
        const { before, after } = this.props.action.params || {};
        return { source: before && after ? { before, after } : null };
    }
}

/** The content of a profile or capture, in its form. */
export class ProfileViewerWidget extends Component {
    static template = lazy("Viewer");
    static components = { LazyComponent };
    static props = { ...standardWidgetProps };

    get viewerProps() {
        const { resModel, resId, data } = this.props.record;
        return {
            source: { model: resModel, id: resId },
            running: Boolean(data.running),
        };
    }
}

registry.category("actions").add("smart_dairy_profiling.sampler", SamplerAction);
registry.category("actions").add("smart_dairy_profiling.comparison", ComparisonAction);
registry
    .category("view_widgets")
    .add("smart_dairy_profile_viewer", { component: ProfileViewerWidget });
