import { Component } from "@odoo/owl";
import { _t } from "@web/core/l10n/translation";
import { Chip } from "../chip/chip";
import { formatCount, formatVital } from "../formats";
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
        limits: { type: [Object, { value: null }], optional: true },
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
        const { samples } = this.props.shown;
        return samples === 1 ? _t("1 visit") : _t("%s visits", formatCount(samples));
    }

    format(value) {
        return formatVital(this.props.metric, value);
    }

    /** Where the zones end and the needle stands, percent of the scale. */
    get scale() {
        const { shown, limits } = this.props;
        if (!limits || !limits.poor) {
            return null;
        }
        const whole = limits.poor * 1.5;
        return {
            good: (limits.good / whole) * 100,
            warn: ((limits.poor - limits.good) / whole) * 100,
            needle: Math.min(shown.p75 / whole, 1) * 100,
            limit: this.format(limits.good),
        };
    }
}
