/**
 * Tells the collector of its settings and of remote calls, on website and in the backend.
 *
 * The collector is built from `frontend/` into `static/dist/vitals.js`. Without it, or
 * without settings in the session, nothing is measured here. (Both files are matched by
 * one glob of the manifest: Odoo warns of a glob that matches nothing.)
 */
import { ConnectionAbortedError, ConnectionLostError, rpcBus } from "@web/core/network/rpc";
import { session } from "@web/session";

const collector = window.smartDairyVitals;

if (collector?.start) {
    collector.start(session.smart_dairy_vitals);
    rpcBus.addEventListener("RPC:REQUEST", ({ detail: { data, url } }) => {
        collector.callStarted?.(data.id, url, data.params);
    });
    rpcBus.addEventListener("RPC:RESPONSE", ({ detail: { data, error } }) => {
        // The time until a call was given up is nobody's response time.
        const isAnswered = !(
            error instanceof ConnectionLostError || error instanceof ConnectionAbortedError
        );
        collector.callEnded?.(data.id, isAnswered);
    });
}
