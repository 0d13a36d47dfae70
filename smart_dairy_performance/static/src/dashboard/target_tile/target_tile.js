import { Component } from "@odoo/owl";
import { _t } from "@web/core/l10n/translation";
import { Chip } from "../chip/chip";
import { Definition } from "../definition/definition";
import { useDestinations } from "../destinations";
import { formatInUnit, isNumber } from "../formats";
import {
    TARGETS,
    adviceForTarget,
    fewSentence,
    limitSentence,
    reasonSentence,
    sinceSentence,
    trendSentence,
} from "../sentences";
import { Sparkline } from "../sparkline/sparkline";

const MET = { word: _t("met"), icon: "fa-check", tone: "good" };
const MISSED = { word: _t("missed"), icon: "fa-times", tone: "bad" };
const TOO_FEW = { word: _t("too few"), icon: "fa-minus", tone: "none" };
const NO_DATA = { word: _t("no data"), icon: "fa-minus", tone: "none" };

/** One of the customer's targets: figure, limit, verdict, and how it went. */
export class TargetTile extends Component {
    static template = "smart_dairy_performance.TargetTile";
    static components = { Chip, Definition, Sparkline };
    static props = { target: Object };

    setup() {
        this.go = useDestinations();
    }

    get words() {
        const { name, description } = this.props.target;
        return TARGETS[name] || { title: description, short: "" };
    }

    get isKnown() {
        return isNumber(this.props.target.value);
    }

    get value() {
        return formatInUnit(this.props.target.value, this.props.target.unit);
    }

    get limit() {
        return limitSentence(this.props.target);
    }

    get state() {
        const { met } = this.props.target;
        if (met === null) {
            return this.isKnown ? TOO_FEW : NO_DATA;
        }
        return met ? MET : MISSED;
    }

    get trend() {
        return trendSentence(this.props.target);
    }

    /** Under the figure: since when it is missed, or why there is no verdict. */
    get note() {
        const { met, since, reason } = this.props.target;
        if (met === null) {
            return this.isKnown
                ? fewSentence(this.props.target)
                : reasonSentence(reason);
        }
        return met ? "" : sinceSentence(since);
    }

    get destination() {
        return adviceForTarget(this.props.target.name).destination;
    }
}
