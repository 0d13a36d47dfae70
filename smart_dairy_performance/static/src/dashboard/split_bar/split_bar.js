import { Component } from "@odoo/owl";
import { _t } from "@web/core/l10n/translation";
import { Empty } from "../empty/empty";
import { formatPercent, formatSeconds, isNumber } from "../formats";
import { Panel } from "../panel/panel";
import { PARTS } from "../sentences";

/** What requests spent their time on, as one bar with its words beneath. */
export class SplitBar extends Component {
    static template = "smart_dairy_performance.SplitBar";
    static components = { Empty, Panel };
    static props = { split: Array };

    get parts() {
        return this.props.split.map(({ part, seconds, share }) => ({
            part,
            word: PARTS[part] || part,
            share,
            seconds: isNumber(seconds) ? formatSeconds(seconds) : "",
            percent: isNumber(share) ? formatPercent(share) : _t("unknown"),
        }));
    }

    get title() {
        return _t("What requests spend time on");
    }

    get emptyText() {
        return _t("No request in this time. Open a few pages, and look again.");
    }
}
