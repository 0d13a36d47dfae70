import {
    Component,
    onMounted,
    onPatched,
    onWillUnmount,
    useRef,
    useState,
} from "@odoo/owl";
import { loadBundle } from "@web/core/assets";
import { localization } from "@web/core/l10n/localization";
import { _t } from "@web/core/l10n/translation";
import { Empty } from "../empty/empty";
import { formatMoment, isNumber } from "../formats";
import { Panel } from "../panel/panel";

const DAY = 86_400; // seconds

/** A horizontal line at the target, with its name. */
const targetLine = {
    id: "o_sdp_target",
    afterDatasetsDraw(chart, _args, options) {
        const { ctx, chartArea, scales } = chart;
        if (!isNumber(options.value) || options.value > scales.y.max) {
            return;
        }
        const y = scales.y.getPixelForValue(options.value);
        ctx.save();
        ctx.strokeStyle = options.color;
        ctx.setLineDash([2, 3]);
        ctx.beginPath();
        ctx.moveTo(chartArea.left, y);
        ctx.lineTo(chartArea.right, y);
        ctx.stroke();
        ctx.font = options.font;
        ctx.textAlign = "right";
        ctx.textBaseline = "bottom";
        const width = ctx.measureText(options.label).width;
        const top = Math.max(y - 17, chartArea.top);
        ctx.fillStyle = options.background;
        ctx.fillRect(chartArea.right - width - 4, top, width + 8, 15);
        ctx.fillStyle = options.color;
        ctx.fillText(options.label, chartArea.right, top + 14);
        ctx.restore();
    },
};

/**
 * Figures over time, as lines or as a table.
 *
 * points: the time series; ``time`` is unix time
 * lines: {key, label, format, formatTick, dashed} each, in the order of the theme's colours
 * target: {value, label} or null
 * end, seconds: the time shown
 */
export class LineChart extends Component {
    static template = "smart_dairy_performance.LineChart";
    static components = { Empty, Panel };
    static props = {
        name: String,
        title: String,
        term: String,
        points: Array,
        lines: Array,
        target: { type: [Object, { value: null }], optional: true },
        end: Number,
        seconds: Number,
    };

    setup() {
        this.canvas = useRef("canvas");
        this.state = useState({ table: false });
        this.formatMoment = formatMoment;
        onMounted(async () => {
            try {
                await loadBundle("web.chartjs_lib");
            } catch {
                this.state.table = true; // the figures are there all the same
            }
            this.draw();
        });
        onPatched(() => this.draw());
        onWillUnmount(() => this.chart?.destroy());
    }

    get known() {
        return this.props.points.filter((point) =>
            this.props.lines.some(({ key }) => isNumber(point[key])),
        );
    }

    /** The chart in words. */
    get summary() {
        const parts = this.props.lines.map(({ key, label, format }) => {
            const values = this.props.points
                .map((point) => point[key])
                .filter(isNumber);
            if (!values.length) {
                return _t("%s: no data", label);
            }
            return _t("%(label)s: now %(last)s, lowest %(low)s, highest %(high)s", {
                label,
                last: format(values.at(-1)),
                low: format(Math.min(...values)),
                high: format(Math.max(...values)),
            });
        });
        return [this.props.title, ...parts].join(". ");
    }

    get emptyText() {
        return _t(
            "No data in this time yet: the line begins with the second snapshot, after 20 seconds.",
        );
    }

    get latest() {
        return this.props.lines.map(({ key, label, format, dashed }, index) => {
            const value = this.props.points
                .map((point) => point[key])
                .filter(isNumber)
                .at(-1);
            return { key, label, dashed, index: index + 1, value: format(value) };
        });
    }

    dataOf({ key }) {
        return this.props.points.map((point) => ({
            x: point.time * 1000,
            y: point[key] ?? null,
        }));
    }

    draw() {
        if (!this.canvas.el || !window.Chart) {
            this.chart?.destroy();
            this.chart = null;
            return;
        }
        if (!this.chart || this.chart.canvas !== this.canvas.el) {
            this.chart?.destroy();
            this.chart = new window.Chart(this.canvas.el, this.configuration());
            return;
        }
        const { chart } = this;
        this.props.lines.forEach((line, index) => {
            chart.data.datasets[index].data = this.dataOf(line);
        });
        this.setBounds(chart.options);
        chart.update("none");
    }

    setBounds({ scales, plugins }) {
        const { end, seconds, target } = this.props;
        scales.x.min = (end - seconds) * 1000;
        scales.x.max = end * 1000;
        scales.y.suggestedMax = target ? target.value * 1.5 : undefined;
        plugins.o_sdp_target.value = target?.value;
        plugins.o_sdp_target.label = target?.label || "";
    }

    configuration() {
        const style = getComputedStyle(this.canvas.el);
        const colour = (name) => style.getPropertyValue(`--sdp-${name}`).trim();
        const rtl = localization.direction === "rtl";
        const font = { family: style.fontFamily, size: 11 };
        const { format, formatTick = format } = this.props.lines[0];
        const configuration = {
            type: "line",
            data: {
                datasets: this.props.lines.map((line, index) => ({
                    label: line.label,
                    data: this.dataOf(line),
                    borderColor: colour(`line-${index + 1}`),
                    backgroundColor: colour(`fill-${index + 1}`),
                    fill: index === 0 ? "origin" : false,
                    borderDash: line.dashed ? [5, 3] : [],
                    borderWidth: 1.75,
                    borderJoinStyle: "round",
                    cubicInterpolationMode: "monotone",
                    pointRadius: (context) => (this.isAlone(context) ? 2 : 0),
                    pointHoverRadius: 3,
                    pointBackgroundColor: colour(`line-${index + 1}`),
                })),
            },
            options: {
                animation: false,
                maintainAspectRatio: false,
                normalized: true,
                interaction: { mode: "index", intersect: false },
                scales: {
                    x: {
                        type: "time",
                        grid: { display: false },
                        border: { color: colour("rule") },
                        ticks: {
                            color: colour("muted"),
                            font,
                            maxTicksLimit: 5,
                            maxRotation: 0,
                            callback: (value) =>
                                formatMoment(value / 1000, {
                                    day: this.props.seconds > DAY,
                                }),
                            autoSkipPadding: 16,
                        },
                    },
                    y: {
                        beginAtZero: true,
                        position: rtl ? "right" : "left",
                        grid: { color: colour("rule"), drawTicks: false },
                        border: { display: false },
                        grace: "5%",
                        ticks: {
                            color: colour("muted"),
                            font,
                            maxTicksLimit: 4,
                            padding: 8,
                            callback: (value) => formatTick(value),
                        },
                    },
                },
                plugins: {
                    legend: { display: false },
                    o_sdp_target: {
                        color: colour("bad"),
                        background: colour("veil"),
                        font: `11px ${style.fontFamily}`,
                    },
                    tooltip: {
                        rtl,
                        callbacks: {
                            title: (items) =>
                                formatMoment(items[0].parsed.x / 1000, {
                                    seconds: true,
                                }),
                            label: ({ datasetIndex, parsed }) => {
                                const line = this.props.lines[datasetIndex];
                                return ` ${line.label}: ${line.format(parsed.y)}`;
                            },
                        },
                    },
                },
            },
            plugins: [targetLine],
        };
        this.setBounds(configuration.options);
        return configuration;
    }

    /** A point that no line reaches would not be seen. */
    isAlone({ dataIndex, dataset }) {
        const near = [dataset.data[dataIndex - 1], dataset.data[dataIndex + 1]];
        return !near.some((point) => point && isNumber(point.y));
    }
}
