import { Component } from "@odoo/owl";
import { _t } from "@web/core/l10n/translation";
import { formatPercent, isNumber } from "../formats";
import { Meter } from "../meter/meter";
import { Panel } from "../panel/panel";
import { reasonSentence } from "../sentences";

/** The machine, held against the levels that the thresholds call good and poor. */
export class SystemPanel extends Component {
    static template = "smart_dairy_performance.SystemPanel";
    static components = { Meter, Panel };
    static props = { system: Object, limits: Object, reasons: Object };

    get title() {
        return _t("Machine");
    }

    get meters() {
        const { system, limits, reasons } = this.props;
        return [
            ["cpuUsage", "cpu_usage", _t("Processor")],
            ["memoryUsage", "memory_usage", _t("Memory")],
            ["diskUsage", "disk_usage", _t("Disk")],
        ].map(([key, name, label]) => {
            const percent = system[key] ?? null;
            return {
                key,
                label,
                percent,
                text: isNumber(percent)
                    ? formatPercent(percent)
                    : reasonSentence(reasons[`system.${key}`]),
                ...judge(percent, limits[name]),
            };
        });
    }
}

function judge(percent, limits) {
    if (!isNumber(percent) || !limits) {
        return {};
    }
    if (percent >= limits.poor) {
        return { word: _t("high"), tone: "bad" };
    }
    return percent >= limits.good
        ? { word: _t("raised"), tone: "warn" }
        : { word: _t("normal"), tone: "good" };
}
