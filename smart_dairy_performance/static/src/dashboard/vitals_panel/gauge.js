import { Component } from "@odoo/owl";
import { _t } from "@web/core/l10n/translation";
import { Chip } from "../chip/chip";
import { formatCount, formatMilliseconds, formatNumber } from "../formats";
import { RATINGS } from "../sentences";

const WORDS = {
    LCP: _t("Main content shown"),
    INP: _t("Reaction to input"),
    CLS: _t("Layout stays still"),
    FCP: _t("First content shown"),
    TTFB: _t("First byte"),
    LOAD: _t("Page loaded"),
    FID: _t("First input"),
};

/** A Web Vital at its 75th percentile, on a scale of good, needs work and poor. */
export class Gauge extends Component {
    static template = "smart_dairy_performance.Gauge";
    static components = { Chip };
    static props = {
        metric: String,
        shown: Object,
        limits: { type: Object, optional: true },
    };

    get word() {
        return WORDS[this.props.metric];
    }

    get value() {
        return this.format(this.props.shown.p75);
    }

    get chip() {
        return RATINGS[this.props.shown.rating];
    }

    get samples() {
        return _t("%s visits", formatCount(this.props.shown.samples));
    }

    format(value) {
        return this.props.metric === "CLS" ? formatNumber(value) : formatMilliseconds(value);
    }

    /** Where the zones end and the needle stands, percent of the scale. */
    get scale() {
        const { shown, limits } = this.props;
        const { good, needsImprovement } = { ...limits, ...shown };
        if (!good || !needsImprovement) {
            return null;
        }
        const whole = needsImprovement * 1.5;
        return {
            good: (good / whole) * 100,
            needsImprovement: ((needsImprovement - good) / whole) * 100,
            needle: Math.min(shown.p75 / whole, 1) * 100,
            words: [this.format(good), this.format(needsImprovement)],
        };
    }
}
