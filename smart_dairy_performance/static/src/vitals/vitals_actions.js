/**
 * Measures how long the web client needs to open an action: from the call until its view
 * is on screen, under the name `res.partner.list` or the tag of a client action.
 */
import { registry } from "@web/core/registry";

// The ways to another view; inside the service they do not call each other's public form.
const METHODS = ["doAction", "doActionButton", "switchView", "restore", "loadState"];

/**
 * A name without any record, person or text.
 *
 * @param {Object|undefined} controller of the action service
 * @returns {string|null} null for what has no such name
 */
export function actionName(controller) {
    const action = controller?.action;
    if (action?.type === "ir.actions.act_window") {
        return `${action.res_model}.${controller.view?.type}`;
    }
    return action?.type === "ir.actions.client" ? action.tag : null;
}

/**
 * Measure the calls of an action service.
 *
 * @param {Object} action the service
 * @param {Object} collector where measurements go
 */
export function measureActions(action, collector) {
    for (const method of METHODS) {
        const open = action[method];
        action[method] = async function () {
            const before = action.currentController;
            const started = performance.now();
            const result = await open.apply(this, arguments);
            const after = action.currentController;
            const name = after !== before && actionName(after); // a dialog is no view
            if (name) {
                collector.record?.("ACTION", performance.now() - started, name);
            }
            return result;
        };
    }
}

registry.category("services").add("smart_dairy_vitals_actions", {
    dependencies: ["action"],
    start(env, { action }) {
        if (window.smartDairyVitals?.start) {
            measureActions(action, window.smartDairyVitals);
        }
    },
});
