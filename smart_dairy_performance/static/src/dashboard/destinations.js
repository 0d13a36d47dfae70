import { _t } from "@web/core/l10n/translation";
import { useService } from "@web/core/utils/hooks";
import { manual } from "./definitions";

const list = (action, domain = []) => ({ action, domain });
const ours = (name) => `smart_dairy_performance.${name}_action`;

/** Where the dashboard leads. */
export const destinations = {
    slowRequests: (domain) => list(ours("performance_slow_request"), domain),
    slowRequest: (id) => ({ model: "performance.slow.request", id }),
    endpoints: (route, verb) =>
        list(
            ours("performance_endpoint"),
            route
                ? [
                      ["route", "=", route],
                      ["verb", "=", verb],
                  ]
                : [],
        ),
    failingEndpoints: () => list(ours("performance_endpoint"), [["errors", ">", 0]]),
    methods: (model, method) =>
        list(
            ours("performance_model_method"),
            model
                ? [
                      ["model_name", "=", model],
                      ["method", "=", method],
                  ]
                : [],
        ),
    cronRuns: (job) =>
        list(ours("performance_cron_run"), job ? [["job", "=", job]] : []),
    vitals: (page) =>
        list(ours("performance_web_vital_hour"), page ? [["page", "=", page]] : []),
    businessMetrics: () => list(ours("performance_metric")),
    mails: () => list("mail.action_view_mail_mail"),
    health: () => ({ url: "/api/v1/performance/health" }),
    manual: (term) => ({ url: manual(term) }),
};

/** Go to a destination; a list that is not installed, or not allowed, is told calmly. */
export function useDestinations() {
    const actionService = useService("action");
    const notification = useService("notification");
    return async (destination) => {
        if (destination.url) {
            return actionService.doAction({
                type: "ir.actions.act_url",
                url: destination.url,
                target: "new",
            });
        }
        if (destination.model) {
            return actionService.doAction({
                type: "ir.actions.act_window",
                res_model: destination.model,
                res_id: destination.id,
                views: [[false, "form"]],
            });
        }
        const { domain } = destination;
        let action;
        try {
            action = await actionService.loadAction(destination.action);
        } catch {
            notification.add(_t("This list is not available here."), { type: "info" });
            return;
        }
        const { type, name, res_model, views, search_view_id, help, context } = action;
        const window = { type, name, res_model, views, search_view_id, help };
        // The list's usual filters could hide what was asked for.
        return actionService.doAction(
            domain.length ? { ...window, domain } : { ...window, context },
        );
    };
}
