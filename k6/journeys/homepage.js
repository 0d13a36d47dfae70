/** A visitor looks at the homepage, and perhaps at the farm. */
import {think, visitor} from "../lib/session.js";

export function homepage() {
    const client = visitor("homepage");
    client.get("/", {
        step: "homepage",
        route: "/",
        is: {"home page": (page) => page.includes("<title>Home")},
    });
    think(1, 3);
    client.get("/farm", {
        step: "farm",
        route: "/farm",
        is: {"litres of milk": (page) => /[\d.,]+/.test(page) && page.includes("/farm/animals")},
    });
}
