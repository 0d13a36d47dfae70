import { Component, onWillUnmount, reactive, useEffect, useState } from "@odoo/owl";
import { browser } from "@web/core/browser/browser";
import { _t } from "@web/core/l10n/translation";
import { registry } from "@web/core/registry";
import { useService } from "@web/core/utils/hooks";
import { session } from "@web/session";

const TYPE = "smart_dairy_profiling.running";
const MODEL = "performance.profile";
const POLL = 5; // seconds between two questions whether it ended, by managers

/** Which profiles run, as far as this user is concerned. */
export const runningProfilesService = {
    dependencies: ["bus_service"],

    start(env, { bus_service: bus }) {
        const state = reactive({ profiles: [] });

        function note(told) {
            const known = state.profiles.find(({ id }) => id === told.id);
            const others = state.profiles.filter(({ id }) => id !== told.id);
            if (!told.seconds) {
                state.profiles = others;
                return;
            }
            const { name = "", manager = false, mine = false } = known || {};
            const until = Date.now() + 1000 * told.seconds;
            state.profiles = [...others, { name, manager, mine, ...told, until }];
        }

        function replace(found) {
            state.profiles = [];
            found.forEach(note);
        }

        replace(session.smart_dairy_profiles || []);
        bus.subscribe(TYPE, note);
        bus.start();
        return { state, replace };
    },
};

/** Says that a profile runs, for how long still, and lets a manager stop it. */
export class ProfileBanner extends Component {
    static template = "smart_dairy_profiling.ProfileBanner";
    static props = {};

    setup() {
        const service = useService(TYPE);
        this.running = useState(service.state);
        this.replace = service.replace;
        this.action = useService("action");
        this.orm = useService("orm");
        this.clock = useState({ now: Date.now() });
        this.ticks = 0;
        useEffect(
            (any) => {
                if (any) {
                    this.clock.now = Date.now();
                    this.timer = browser.setInterval(() => this.tick(), 1000);
                }
                return () => browser.clearInterval(this.timer);
            },
            () => [this.running.profiles.length > 0],
        );
        onWillUnmount(() => browser.clearInterval(this.timer));
    }

    get shown() {
        return this.running.profiles.filter(({ until }) => until > this.clock.now);
    }

    get manages() {
        return this.shown.some(({ manager }) => manager);
    }

    async tick() {
        this.clock.now = Date.now();
        this.ticks += 1;
        if (this.manages && this.ticks % POLL === 0) {
            this.replace(await this.orm.silent.call(MODEL, "poll", []));
        }
    }

    left({ until }) {
        const seconds = Math.max(0, Math.round((until - this.clock.now) / 1000));
        return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`;
    }

    text(profile) {
        if (profile.name) {
            return _t("Profiling: %s", profile.name);
        }
        return profile.mine
            ? _t("Your requests are being profiled")
            : _t("Requests are being profiled");
    }

    open({ id }) {
        this.action.doAction({
            type: "ir.actions.act_window",
            res_model: MODEL,
            res_id: id,
            views: [[false, "form"]],
        });
    }

    async stop({ id }) {
        await this.orm.call(MODEL, "action_stop", [[id]]);
        this.replace(await this.orm.silent.call(MODEL, "poll", []));
    }
}

registry.category("services").add(TYPE, runningProfilesService);
registry
    .category("systray")
    .add(
        "smart_dairy_profiling.banner",
        { Component: ProfileBanner },
        { sequence: 100 },
    );
