import { _t } from "@web/core/l10n/translation";
import { registry } from "@web/core/registry";

const TYPE = "smart_dairy_performance.incident";
const DASHBOARD = "smart_dairy_performance.performance_dashboard_action";

/**
 * Shows a manager who has Odoo open that a performance target is missed, until they
 * close the message or the target is met again. The server decides whom it tells, and
 * how often.
 */
export const incidentService = {
    dependencies: ["action", "bus_service", "notification"],

    start(env, { action, bus_service: bus, notification }) {
        const shown = new Map();

        function show({ id, state, title, message }) {
            shown.get(id)?.();
            const isOpen = state === "open";
            const close = notification.add(message, {
                title,
                type: isOpen ? "warning" : "success",
                sticky: isOpen,
                onClose: () => shown.delete(id),
                buttons: [
                    {
                        name: _t("Show"), // short: a message is narrow on a telephone
                        onClick: () => {
                            close();
                            action.doAction(DASHBOARD);
                        },
                    },
                ],
            });
            shown.set(id, close);
        }

        bus.subscribe(TYPE, show);
        bus.start();
    },
};

registry.category("services").add(TYPE, incidentService);
