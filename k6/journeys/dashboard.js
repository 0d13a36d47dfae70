/** A manager looks at the overviews: the warehouse's, and sales by team and by month. */
import {loggedIn, think} from "../lib/session.js";
import {views} from "./sales_browse.js";

export function dashboard() {
    const client = loggedIn("backend", "dashboard");
    client.call(
        "stock.picking.type",
        "get_views",
        [views("kanban", "search"), {}],
        {},
        {
            step: "warehouse views",
            is: {views: (found) => Boolean(found.views.kanban)},
        },
    );
    client.call(
        "stock.picking.type",
        "web_search_read",
        [],
        {
            domain: [],
            specification: {
                display_name: {},
                code: {},
                count_picking_ready: {},
                count_picking_waiting: {},
                count_picking_late: {},
                kanban_dashboard_graph: {},
            },
            limit: 40,
        },
        {step: "warehouse", is: {operations: (found) => found.length > 0}},
    );
    think(1, 3);
    for (const [step, group] of [
        ["sales by team", "team_id"],
        ["sales by month", "date:month"],
    ]) {
        client.call(
            "sale.report",
            "formatted_read_group",
            [[], [group], ["price_total:sum", "__count"]],
            {},
            {step, is: {sums: (groups) => groups.length > 0 && groups[0].__count > 0}},
        );
    }
}
