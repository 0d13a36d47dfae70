import { Component } from "@odoo/owl";
import { _t } from "@web/core/l10n/translation";
import { useDestinations } from "../destinations";
import { LEVELS, causeSentence, sinceSentence } from "../sentences";

const SHOWN = 3; // causes, before the rest is folded

/** Is there a problem now, where, since when, and what should I do. */
export class Verdict extends Component {
    static template = "smart_dairy_performance.Verdict";
    static props = { data: Object, stale: Boolean };

    setup() {
        this.go = useDestinations();
        this.shown = SHOWN;
    }

    get level() {
        return LEVELS[this.props.data.verdict?.level] || LEVELS.unknown;
    }

    get causes() {
        return (this.props.data.verdict?.causes || []).map((cause, index) => ({
            ...causeSentence(cause),
            since: sinceSentence(cause.since),
            key: `${cause.code}/${cause.params?.name || cause.params?.reason || index}`,
        }));
    }

    get summary() {
        const { verdict, targets = [] } = this.props.data;
        const known = targets.filter((target) => target.met !== null);
        if (verdict?.level === "healthy") {
            return known.length === targets.length
                ? _t("All targets are met, and every check passes.")
                : _t("Every check passes, and all targets that have data are met.");
        }
        if (this.causes.length) {
            return "";
        }
        return known.length
            ? _t("There is no verdict on these figures yet.")
            : _t("There is nothing to judge by yet: open a few pages, and look again.");
    }

    /** What is read aloud: only when the verdict or its causes change. */
    get announcement() {
        const causes = (this.props.data.verdict?.causes || []).map(
            ({ code, params }) =>
                code + (params?.name || params?.check || params?.reason || ""),
        );
        const key = [this.props.data.verdict?.level, ...causes].join();
        if (key !== this.announced) {
            this.announced = key;
            this.aloud = [
                this.level.word,
                this.summary,
                ...this.causes.map(({ text }) => text),
            ]
                .filter(Boolean)
                .join(". ");
        }
        return this.aloud;
    }
}
