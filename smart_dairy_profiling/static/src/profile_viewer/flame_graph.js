import { Component, onMounted, onWillUnmount, useEffect, useRef } from "@odoo/owl";

const CELL = 20; // px
export const NARROWEST = 2.5; // px of a frame that is drawn

/** A hue that belongs to an addon; its name is in the label, too. */
function hue(text) {
    let sum = 7;
    for (const character of text) {
        sum = (sum * 31 + character.charCodeAt(0)) % 360;
    }
    return sum;
}

export function colorOf({ data }) {
    if (data.after !== undefined) {
        const change = (data.after - data.before) / Math.max(data.after, data.before);
        const light = 92 - 30 * Math.min(1, Math.abs(change));
        return change >= 0 ? `hsl(8 80% ${light}%)` : `hsl(210 80% ${light}%)`;
    }
    return data.frame ? `hsl(${hue(data.frame[3] || "")} 55% 78%)` : "hsl(220 10% 82%)";
}

/**
 * A tree (trees.js) as a flame graph or icicle, by d3-flame-graph.
 *
 * Click or Enter makes a frame as wide as the graph, Escape or reset() shows all; arrows
 * go from frame to frame. onHint(text) tells what a frame is, onFound(count, share) what
 * a search found, onZoom(node) what was chosen.
 */
export class FlameGraph extends Component {
    static template = "smart_dairy_profiling.FlameGraph";
    static props = {
        tree: Object,
        label: Function,
        inverted: Boolean,
        search: String,
        name: String,
        onHint: Function,
        onFound: Function,
        onZoom: { type: Function, optional: true },
        resets: Number,
    };

    setup() {
        this.root = useRef("root");
        onMounted(() => {
            this.observer = new ResizeObserver(() => {
                if (Math.abs(this.width() - this.drawn) > 4) {
                    this.draw();
                }
            });
            this.observer.observe(this.root.el);
        });
        onWillUnmount(() => {
            this.observer.disconnect();
            this.chart?.destroy();
        });
        useEffect(
            () => this.draw(),
            () => [this.props.tree, this.props.inverted],
        );
        useEffect(
            () => this.search(),
            () => [this.props.search, this.props.tree, this.props.inverted],
        );
        useEffect(
            (resets) => resets && this.reset(),
            () => [this.props.resets],
        );
    }

    width() {
        return this.root.el.clientWidth;
    }

    draw() {
        const { flamegraph, select } = globalThis.smartDairyFlamegraph;
        this.chart?.destroy();
        this.drawn = this.width();
        const { tree, label, inverted, onZoom } = this.props;
        this.chart = flamegraph()
            .width(this.drawn)
            .cellHeight(CELL)
            .minFrameSize(NARROWEST)
            .transitionDuration(0)
            .inverted(inverted)
            .setLabelHandler((node) => label(node.data, tree))
            .setColorMapper(colorOf)
            .setDetailsHandler((text) => this.props.onHint(text || ""))
            .setSearchMatch((node, term) => node.data.name.toLowerCase().includes(term))
            .setSearchHandler((results, sum, total) =>
                this.props.onFound(results.length, total ? sum / total : 0),
            )
            .onClick((node) => {
                this.decorate();
                onZoom?.(node.data);
            });
        select(this.root.el).datum(tree).call(this.chart);
        this.decorate();
        this.root.el.scrollTop = inverted ? 0 : this.root.el.scrollHeight;
    }

    /** What the component leaves to us: frames for keyboards and screen readers. */
    decorate() {
        const svg = this.root.el.querySelector("svg");
        svg.setAttribute("role", "group");
        svg.setAttribute("aria-label", this.props.name);
        let first = true;
        for (const group of svg.querySelectorAll("g")) {
            const node = group.__data__;
            const own = node.depth > 0 && !node.data.frame;
            group.classList.toggle("o_sdp_gap", own);
            group.classList.toggle("o_sdp_found", Boolean(node.highlight));
            if (own) {
                group.setAttribute("aria-hidden", "true");
                continue;
            }
            group.setAttribute("role", "button");
            group.setAttribute("aria-label", group.querySelector("title").textContent);
            group.setAttribute("tabindex", first ? "0" : "-1");
            first = false;
        }
    }

    search() {
        const term = this.props.search.trim().toLowerCase();
        if (term) {
            this.chart.search(term);
        } else if (this.searched) {
            this.chart.clear();
            this.props.onFound(null, 0);
        }
        if (term || this.searched) {
            this.decorate();
        }
        this.searched = term;
    }

    reset() {
        this.chart.resetZoom();
        this.decorate();
    }

    onFocusin(ev) {
        const node = ev.target.__data__;
        if (node?.data) {
            this.props.onHint(this.props.label(node.data, this.props.tree));
        }
    }

    onKeydown(ev) {
        const group = ev.target.closest("g");
        const node = group?.__data__;
        if (!node) {
            return;
        }
        if (ev.key === "Enter" || ev.key === " ") {
            ev.preventDefault();
            this.chart.zoomTo(node);
            this.focus(node);
        } else if (ev.key === "Escape") {
            ev.preventDefault();
            this.reset();
            this.focus(node);
        } else {
            const shown = (list) => (list || []).filter((one) => this.groupOf(one));
            const level = shown(node.parent?.children);
            const at = level.indexOf(node);
            const inner = this.props.inverted ? "ArrowDown" : "ArrowUp";
            const outer = this.props.inverted ? "ArrowUp" : "ArrowDown";
            const to = {
                [inner]: shown(node.children)[0],
                [outer]: node.parent,
                ArrowRight: level[at + 1],
                ArrowLeft: level[at - 1],
            }[ev.key];
            if (to) {
                ev.preventDefault();
                this.focus(to);
            }
        }
    }

    groupOf(node) {
        const groups = [...this.root.el.querySelectorAll("g[role=button]")];
        return groups.find((group) => group.__data__ === node);
    }

    focus(node) {
        const group = this.groupOf(node);
        if (group) {
            this.root.el
                .querySelector("g[tabindex='0']")
                ?.setAttribute("tabindex", "-1");
            group.setAttribute("tabindex", "0");
            group.focus();
        }
    }
}
