/** The summary as one HTML page that needs nothing else. */

const STYLE = `
body { font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 60rem; padding: 0 1rem;
    color: #1d2733; background: #fff; }
table { border-collapse: collapse; width: 100%; margin: 0 0 2rem; }
th, td { text-align: right; padding: .3rem .6rem; border-bottom: 1px solid #dde3ea;
    font-variant-numeric: tabular-nums; }
th:first-child, td:first-child { text-align: left; }
.met { color: #14703c; } .missed { color: #b3261e; font-weight: 600; }
@media (prefers-color-scheme: dark) {
    body { color: #e4e9ef; background: #14191f; } th, td { border-color: #333d48; }
    .met { color: #6fce93; } .missed { color: #ff8a80; }
}`;

/**
 * @param {string} profile
 * @param {[string, string][]} rows
 * @param {string[][]} trends
 * @param {{metric: string, expression: string, met: boolean}[]} targets
 */
export function page(profile, rows, trends, targets) {
    const title = `Load: ${escaped(profile)}`;
    const judged = targets.map(({metric, expression, met}) => [
        escaped(metric),
        escaped(expression),
        `<span class="${met ? "met" : "missed"}">${met ? "met" : "not met"}</span>`,
    ]);
    return `<!DOCTYPE html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${title}</title>
<style>${STYLE}</style>
<h1>${title}</h1>
${table(
    ["", ""],
    rows.map((row) => row.map(escaped)),
)}
<h2>Targets</h2>
${table(["Metric", "Limit", ""], judged)}
<h2>Durations</h2>
${table(
    ["Metric", "Count", "Median", "p90", "p95", "p99", "Maximum"],
    trends.map((row) => row.map(escaped)),
)}
</html>
`;
}

/**
 * @param {string[]} head
 * @param {string[][]} rows of HTML
 */
function table(head, rows) {
    const cells = (/** @type {string[]} */ row, /** @type {string} */ tag) =>
        `<tr>${row.map((cell) => `<${tag}>${cell}</${tag}>`).join("")}</tr>`;
    return `<table>${cells(head, "th")}${rows.map((row) => cells(row, "td")).join("")}</table>`;
}

/** @param {string} text */
function escaped(text) {
    return text.replace(/&/g, "&amp;").replace(/</g, "&lt;").replace(/>/g, "&gt;");
}
