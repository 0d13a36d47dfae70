import { Component } from "@odoo/owl";

/** A word with an icon in a colour: the colour never says it alone. */
export class Chip extends Component {
    static template = "smart_dairy_performance.Chip";
    static props = {
        word: String,
        icon: String,
        tone: { validate: (tone) => ["good", "warn", "bad", "none"].includes(tone) },
    };
}
