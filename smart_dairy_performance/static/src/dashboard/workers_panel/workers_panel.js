import { Component } from "@odoo/owl";
import { _t } from "@web/core/l10n/translation";
import { Empty } from "../empty/empty";
import {
    formatBytes,
    formatCount,
    formatPercent,
    formatSeconds,
    isNumber,
} from "../formats";
import { Meter } from "../meter/meter";
import { Panel } from "../panel/panel";
import { EXITS } from "../sentences";

/** Who serves the requests, and how busy they are. */
export class WorkersPanel extends Component {
    static template = "smart_dairy_performance.WorkersPanel";
    static components = { Empty, Meter, Panel };
    static props = { workers: Object };

    get title() {
        return _t("Workers");
    }

    get isKnown() {
        return isNumber(this.props.workers.total) && isNumber(this.props.workers.busy);
    }

    get busy() {
        const { busy, total } = this.props.workers;
        const full = total > 0 && busy >= total;
        return {
            label: _t("Busy"),
            percent: total ? (busy / total) * 100 : 0,
            text: _t("%(busy)s of %(total)s", {
                busy: formatCount(busy),
                total: formatCount(total),
            }),
            word: full ? _t("all busy") : "",
            tone: full ? "warn" : "none",
        };
    }

    get facts() {
        const { oldestSeconds, backlog, rssBytes, memoryShare } = this.props.workers;
        const memory = isNumber(memoryShare)
            ? _t("%(size)s, %(share)s of the machine", {
                  size: formatBytes(rssBytes),
                  share: formatPercent(memoryShare),
              })
            : formatBytes(rssBytes);
        return [
            [_t("Oldest request"), formatSeconds(oldestSeconds)],
            [_t("Connections waiting"), formatCount(backlog)],
            [_t("Memory"), memory],
        ];
    }

    get exits() {
        return (this.props.workers.exits || []).map(({ reason, count }) => ({
            reason,
            word: EXITS[reason] || reason,
            count: formatCount(count),
        }));
    }

    get emptyText() {
        return _t(
            "Only known when Odoo runs with workers, and loads smart_dairy_performance server-wide.",
        );
    }
}
