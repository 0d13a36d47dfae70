import { Component } from "@odoo/owl";
import { usePopover } from "@web/core/popover/popover_hook";
import { DEFINITIONS, manual } from "../definitions";

class DefinitionText extends Component {
    static template = "smart_dairy_performance.DefinitionText";
    static props = { title: String, text: String, address: String, close: Function };
}

/** A button that tells what a figure means, with a link to the manual. */
export class Definition extends Component {
    static template = "smart_dairy_performance.Definition";
    static props = { term: String, title: String };

    setup() {
        this.popover = usePopover(DefinitionText, {
            position: "bottom-start",
            popoverClass: "o_sdp_definition",
        });
    }

    toggle(ev) {
        if (this.popover.isOpen) {
            this.popover.close();
            return;
        }
        this.popover.open(ev.currentTarget, {
            title: this.props.title,
            text: DEFINITIONS[this.props.term],
            address: manual(this.props.term),
        });
    }
}
