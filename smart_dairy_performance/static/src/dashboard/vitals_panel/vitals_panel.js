import { Component, useState } from "@odoo/owl";
import { Dropdown } from "@web/core/dropdown/dropdown";
import { DropdownItem } from "@web/core/dropdown/dropdown_item";
import { _t } from "@web/core/l10n/translation";
import { destinations } from "../destinations";
import { Empty } from "../empty/empty";
import { Panel } from "../panel/panel";
import { Gauge } from "./gauge";

const ORDER = ["LCP", "INP", "CLS", "FCP", "TTFB", "LOAD", "FID"];

/** What real visitors experience: a gauge for each metric, of all pages or of one. */
export class VitalsPanel extends Component {
    static template = "smart_dairy_performance.VitalsPanel";
    static components = { Dropdown, DropdownItem, Empty, Gauge, Panel };
    static props = { totals: Object, rows: Array, limits: Object, built: Boolean };

    setup() {
        this.state = useState({ page: "" });
        this.destination = destinations.vitals();
    }

    get title() {
        return _t("What visitors feel");
    }

    get pages() {
        return [...new Set(this.props.rows.map((row) => row.page))].sort();
    }

    get page() {
        return this.pages.includes(this.state.page) ? this.state.page : "";
    }

    /** A gauge each; of one page the worst device stands for it. */
    get gauges() {
        const { totals, rows } = this.props;
        const found = ORDER.map((metric) => ({
            metric,
            limits: this.limitsOf(metric),
            shown: this.page
                ? rows.find((row) => row.metric === metric && row.page === this.page)
                : totals[metric],
        }));
        return found.filter(({ shown }) => shown && shown.p75 !== null);
    }

    /** LOAD is held against the target for pages, twice of it is poor. */
    limitsOf(metric) {
        const { limits } = this.props;
        if (metric !== "LOAD") {
            return limits[metric] || null;
        }
        const seconds = limits.page_load_p95?.good;
        return seconds ? { good: seconds * 1000, poor: seconds * 2000 } : null;
    }

    get empty() {
        return this.props.built
            ? {
                  text: _t(
                      "No browser has reported in this time. Open a page of the website or of Odoo, and leave it again.",
                  ),
                  advice: _t("How pages are measured"),
                  destination: destinations.manual("what-visitors-feel"),
              }
            : {
                  text: _t(
                      "The collector is not built: browsers cannot report. Run “make setup”, or install the addon from a release.",
                  ),
                  advice: _t("How to build the collector"),
                  destination: destinations.manual("the-collector-is-not-built"),
              };
    }
}
