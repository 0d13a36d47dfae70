/**
 * Measures how long the web client needs to open a view: from the call until it is on
 * screen, under the name `res.partner.list` or the tag of a client action.
 */
import { registry } from "@web/core/registry";

// The ways to another view that others call. Opening a record from a list is none of
// them: that is seen when the web client is told of the new view.
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
 * Measure how long views take to appear.
 *
 * @param {EventBus} bus of the web client
 * @param {Object} action the service
 * @param {Object} collector where measurements go
 */
export function measureActions(bus, action, collector) {
    let asked = null; // when somebody called the service
    let told = null; // when the web client was told of a view
    for (const method of METHODS) {
        const open = action[method];
        action[method] = async function () {
            const started = (asked ??= performance.now());
            try {
                return await open.apply(this, arguments);
            } finally {
                if (asked === started) {
                    asked = null; // it led to no view
                }
            }
        };
    }
    bus.addEventListener("ACTION_MANAGER:UPDATE", () => {
        told = performance.now();
    });
    bus.addEventListener("ACTION_MANAGER:UI-UPDATED", ({ detail: mode }) => {
        const name = actionName(action.currentController);
        const started = asked ?? told;
        if (mode !== "new" && name && started !== null) {
            collector.record?.("ACTION", performance.now() - started, name);
            asked = told = null;
        }
    });
}

registry.category("services").add("smart_dairy_vitals_actions", {
    dependencies: ["action"],
    start({ bus }, { action }) {
        if (window.smartDairyVitals?.start) {
            measureActions(bus, action, window.smartDairyVitals);
        }
    },
});
