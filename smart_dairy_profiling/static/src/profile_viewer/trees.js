/**
 * Trees that the graph draws, made of what the server sends (core/graph.py).
 *
 * A node is {name, value, own, frame: [function, file, line, addon, model] or null,
 * children}; value is with all that it called, in seconds, or in shares of a comparison,
 * where before and after are there, too. In a timeline nodes are in order of time and
 * have start; what is too small to be seen is left out; one without a frame is time in which its parent itself ran.
 */

const LEAST = 1 / 20_000; // share of the whole of a node that is drawn

/** What the nodes take with all that they called; parents come before children. */
function totals(parents, own) {
    const found = own.slice();
    for (let node = found.length - 1; node >= 0; node--) {
        if (parents[node] >= 0) {
            found[parents[node]] += found[node];
        }
    }
    return found;
}

function grow(graph, name, describe) {
    const { frames, parents, places } = graph;
    const root = { name, value: 0, own: 0, frame: null, children: [] };
    const nodes = [];
    const whole = parents.reduce(
        (sum, parent, index) => (parent < 0 ? sum + describe(index).value : sum),
        0,
    );
    for (let index = 0; index < parents.length; index++) {
        const frame = frames[places[index]];
        const node = { name: frame[0], frame, children: [], ...describe(index) };
        nodes.push(node);
        if (node.value > LEAST * whole) {
            const parent = parents[index] < 0 ? root : nodes[parents[index]];
            parent.children.push(node);
        }
    }
    for (const { children } of [root, ...nodes]) {
        if (children.length > 1) {
            children.sort((a, b) => b.value - a.value);
        }
    }
    root.value = root.children.reduce((sum, child) => sum + child.value, 0);
    return root;
}

/** weight: "wall" or "cpu" */
export function tree(graph, weight, name) {
    const own = graph.weights[weight];
    const all = totals(graph.parents, own);
    return grow(graph, name, (index) => ({ value: all[index], own: own[index] }));
}

/** Widths are the mean of both, so that what vanished is seen, too. */
export function differenceTree(graph, weight, name) {
    const before = totals(graph.parents, graph.weights[`${weight}_before`]);
    const after = totals(graph.parents, graph.weights[`${weight}_after`]);
    return grow(graph, name, (index) => ({
        value: (before[index] + after[index]) / 2,
        own: 0,
        before: before[index],
        after: after[index],
    }));
}

/** Which stack had most of each of so many equal parts of the time. */
function columns(timeline, from, to, end, count) {
    const width = (to - from) / count;
    const found = [];
    let moment = 0;
    for (let column = 0; column < count; column++) {
        const begin = from + column * width;
        const over = begin + width;
        while (moment + 1 < timeline.length && timeline[moment + 1][0] <= begin) {
            moment++;
        }
        const spent = new Map();
        let best = null;
        for (let at = moment; at < timeline.length && timeline[at][0] < over; at++) {
            const until = at + 1 < timeline.length ? timeline[at + 1][0] : end;
            const [start, node, state] = timeline[at];
            const seconds = Math.min(until, over) - Math.max(start, begin);
            const key = 2 * node + state;
            const sum = (spent.get(key) || 0) + seconds;
            spent.set(key, sum);
            if (best === null || sum > spent.get(best)) {
                best = key;
            }
        }
        found.push(best === null ? null : [best >> 1, best & 1]);
    }
    return { found, width };
}

/** The stacks in order of time, from one second to another. */
export function timelineTree(graph, from, to, end, name, count) {
    const { frames, parents, places, timeline } = graph;
    const { found, width } = columns(timeline, from, to, end, count);
    const root = {
        name,
        value: to - from,
        own: 0,
        frame: null,
        children: [],
        start: from,
    };
    const paths = new Map();
    function pathOf(node) {
        if (!paths.has(node)) {
            const path = [];
            for (let at = node; at >= 0; at = parents[at]) {
                path.unshift(at);
            }
            paths.set(node, path);
        }
        return paths.get(node);
    }
    let open = [];
    found.forEach((stack, column) => {
        const start = from + column * width;
        const path = stack ? pathOf(stack[0]) : [];
        let same = 0;
        while (
            same < open.length &&
            same < path.length &&
            open[same].index === path[same]
        ) {
            same++;
        }
        open = open.slice(0, same);
        for (const index of path.slice(same)) {
            const frame = frames[places[index]];
            const node = {
                ...{
                    index,
                    name: frame[0],
                    frame,
                    value: 0,
                    own: 0,
                    children: [],
                    start,
                },
                ...{ computing: 0 },
            };
            (open.at(-1) || root).children.push(node);
            open.push(node);
        }
        for (const node of open) {
            node.value += width;
            node.computing += stack[1] ? width : 0;
        }
        // So that what comes after a node's own time is drawn after it.
        const leaf = open.at(-1) || root;
        const last = leaf.children.at(-1);
        if (last && !last.frame) {
            last.value += width;
        } else {
            leaf.children.push({
                name: "",
                value: width,
                own: 0,
                frame: null,
                children: [],
            });
        }
    });
    return root;
}
