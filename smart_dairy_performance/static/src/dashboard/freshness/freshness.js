import { Component, onMounted, onWillUnmount, useState } from "@odoo/owl";
import { browser } from "@web/core/browser/browser";
import { _t } from "@web/core/l10n/translation";
import { formatAge } from "../formats";

/** How old the figures are, and how often they are asked for. */
export class Freshness extends Component {
    static template = "smart_dairy_performance.Freshness";
    static props = { model: Object, live: Boolean, stale: Boolean };

    setup() {
        this.state = useState({ age: this.age });
        let ticker;
        onMounted(() => {
            ticker = browser.setInterval(() => (this.state.age = this.age), 1000);
        });
        onWillUnmount(() => browser.clearInterval(ticker));
    }

    get age() {
        const { model } = this.props;
        return model.state.moment === null ? null : Math.floor(model.age());
    }

    get text() {
        const { age } = this.state;
        if (age === null) {
            return "";
        }
        if (this.props.stale) {
            return _t("Stale: %s old", formatAge(age));
        }
        return age < 2 ? _t("Up to date") : _t("%s ago", formatAge(age));
    }
}
