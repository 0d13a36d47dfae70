import { Component, onWillStart, onWillUnmount, useState } from "@odoo/owl";
import { browser } from "@web/core/browser/browser";
import { _t } from "@web/core/l10n/translation";
import { user } from "@web/core/user";
import { registry } from "@web/core/registry";
import { useService } from "@web/core/utils/hooks";
import { ProfileViewer, VIEWER, percent, seconds } from "./profile_viewer";

const POLL = 2500; // ms
const MANAGER = "smart_dairy_performance.smart_dairy_performance_group_manager";

/** The always-on sampler: where the time goes today, and what asking that costs. */
export class Sampler extends Component {
    static template = "smart_dairy_profiling.Sampler";
    static components = { ProfileViewer };
    static props = { route: { type: String, optional: true } };

    setup() {
        this.orm = useService("orm");
        this.state = useState({
            status: { measured: true, workers: [] },
            manager: false,
            hours: 1,
            labels: [],
            route: this.props.route || "",
            method: "",
        });
        onWillStart(async () => {
            this.state.manager = await user.hasGroup(MANAGER);
            await Promise.all([this.poll(), this.list()]);
        });
        onWillUnmount(() => {
            this.gone = true;
            browser.clearTimeout(this.timer);
        });
    }

    async poll() {
        this.state.status = await this.orm.silent.call(VIEWER, "sampler_status", []);
        if (!this.gone) {
            this.timer = browser.setTimeout(() => this.poll(), POLL);
        }
    }

    async list() {
        const { hours } = this.state;
        this.state.labels = await this.orm.call(VIEWER, "sampled", [hours]);
    }

    get ranges() {
        return [
            { hours: 1, label: _t("The last hour") },
            { hours: 6, label: _t("6 hours") },
            { hours: 24, label: _t("24 hours") },
            { hours: 168, label: _t("7 days") },
        ];
    }

    get routes() {
        return [...new Set(this.state.labels.map((row) => row[1]))]
            .filter(Boolean)
            .sort();
    }

    get methods() {
        const { labels, route } = this.state;
        const chosen = labels.filter((row) => !route || row[1] === route);
        return [...new Set(chosen.map((row) => row[2]))].filter(Boolean).sort();
    }

    get source() {
        const { hours, route, method } = this.state;
        return { hours, route, method };
    }

    get isOn() {
        const { status } = this.state;
        const wanted =
            status.switch === "on" || (status.switch !== "off" && status.allowed);
        return Boolean(status.measured && status.rate && wanted);
    }

    get sentence() {
        const { status } = this.state;
        if (!status.measured) {
            return _t("Nothing is measured here.");
        }
        if (!status.rate) {
            return _t("Off: profiling_rate is 0 in the configuration.");
        }
        if (status.switch === "off") {
            return _t("Off, by the switch.");
        }
        if (status.switch === "on") {
            return _t("On, by the switch, whatever the schedule says.");
        }
        return status.allowed ? _t("On.") : _t("Off now, by the schedule.");
    }

    get cost() {
        const shares = this.state.status.workers.map(({ cpu }) => cpu);
        return shares.length
            ? _t("%s of a CPU at most in a worker", percent(Math.max(...shares)))
            : _t("not said yet");
    }

    percent(share) {
        return percent(share);
    }

    seconds(value) {
        return seconds(value);
    }

    megabytes(bytes) {
        return _t("%s MB", (bytes / 1048576).toFixed(1));
    }

    async turn(state) {
        this.state.status = await this.orm.call(VIEWER, "turn_sampler", [state]);
    }

    async onRange(ev) {
        this.state.hours = Number(ev.target.value);
        await this.list();
    }

    onRoute(ev) {
        this.state.route = ev.target.value;
        this.state.method = "";
    }

    onMethod(ev) {
        this.state.method = ev.target.value;
    }
}

registry.category("lazy_components").add("smart_dairy_profiling.Sampler", Sampler);
