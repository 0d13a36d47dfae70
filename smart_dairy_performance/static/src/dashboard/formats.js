import { _t } from "@web/core/l10n/translation";
import { user } from "@web/core/user";
import { formatFloat } from "@web/core/utils/numbers";

const { DateTime } = luxon;

export const NOTHING = "–";

export const isNumber = (value) => typeof value === "number" && Number.isFinite(value);

/** With about three digits that mean something, in the user's notation. */
export function formatNumber(value) {
    if (!isNumber(value)) {
        return NOTHING;
    }
    const size = Math.abs(value);
    let digits = 0;
    if (size && size < 0.1) {
        digits = 3;
    } else if (size && size < 10 && !Number.isInteger(value)) {
        digits = 2;
    } else if (size < 100 && !Number.isInteger(value)) {
        digits = 1;
    }
    return formatFloat(value, { digits: [0, digits], trailingZeros: false });
}

export function formatCount(value) {
    return isNumber(value) ? formatFloat(value, { digits: [0, 0] }) : NOTHING;
}

// A figure and its unit stay on one line.
const solid = (text) => String(text).replaceAll(" ", "\u00a0");

const withUnit = (value, unit) =>
    isNumber(value) ? solid(unit(formatNumber(value))) : NOTHING;

/** @param {number} value milliseconds */
export function formatMilliseconds(value) {
    if (isNumber(value) && Math.abs(value) >= 1000) {
        return formatSeconds(value / 1000);
    }
    return withUnit(value, (number) => _t("%s ms", number));
}

/** Of a Web Vital: milliseconds, CLS has no unit. */
export const formatVital = (metric, value) =>
    metric === "CLS" ? formatNumber(value) : formatMilliseconds(value);

/** Of something that took its time. */
export function formatSeconds(value) {
    if (!isNumber(value)) {
        return NOTHING;
    }
    if (value && Math.abs(value) < 1) {
        return formatMilliseconds(value * 1000);
    }
    if (value < 120) {
        return solid(_t("%s s", formatNumber(value)));
    }
    return formatAge(value);
}

/** Of something that waits: one unit is enough. */
export function formatAge(seconds) {
    if (!isNumber(seconds)) {
        return NOTHING;
    }
    if (seconds < 120) {
        return solid(_t("%s s", formatCount(Math.floor(seconds))));
    }
    if (seconds < 7200) {
        return solid(_t("%s min", formatCount(Math.floor(seconds / 60))));
    }
    if (seconds < 172_800) {
        return solid(_t("%s h", formatCount(Math.floor(seconds / 3600))));
    }
    return solid(_t("%s days", formatCount(Math.floor(seconds / 86_400))));
}

export const formatPercent = (value) =>
    withUnit(value, (number) => _t("%s %%", number));

/** A percentage in a column of them. */
export const formatShare = (value) =>
    isNumber(value)
        ? solid(_t("%s %%", formatFloat(value, { digits: [0, 1] })))
        : NOTHING;

export const formatPerSecond = (value) =>
    withUnit(value, (number) => _t("%s req/s", number));

export function formatBytes(value) {
    if (!isNumber(value)) {
        return NOTHING;
    }
    if (value < 1e9) {
        return solid(_t("%s MB", formatCount(value / 1e6)));
    }
    return solid(_t("%s GB", formatNumber(value / 1e9)));
}

/** A value in the unit that a target names. */
export function formatInUnit(value, unit) {
    switch (unit) {
        case "s":
            return formatSeconds(value);
        case "ms":
            return formatMilliseconds(value);
        case "percent":
            return formatPercent(value);
        default:
            return formatNumber(value);
    }
}

const local = (unix) => DateTime.fromSeconds(unix).setLocale(user.lang || "en");

/** A time of today as a time, another with its day; or only the day. */
export function formatMoment(unix, { seconds = false, day = false } = {}) {
    if (!isNumber(unix)) {
        return NOTHING;
    }
    const moment = local(unix);
    if (day) {
        return moment.toLocaleString({ day: "numeric", month: "short" });
    }
    const time = moment.toLocaleString(
        seconds ? DateTime.TIME_WITH_SECONDS : DateTime.TIME_SIMPLE,
    );
    if (moment.hasSame(DateTime.now(), "day")) {
        return time;
    }
    return `${moment.toLocaleString({ day: "numeric", month: "short" })} ${time}`;
}
