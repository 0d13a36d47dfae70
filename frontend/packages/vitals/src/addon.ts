/**
 * The script that the addon's assets load: `window.smartDairyVitals`.
 *
 * Starts by the settings that the page holds: a `<script type="application/json"
 * id="smart-dairy-vitals">`, or `smart_dairy_vitals` of Odoo's session, which the addon's
 * own module passes to `start`. Without settings it does nothing.
 */

import type { Collector, CollectorSettings, ConsentHook } from './collector.js';
import { startCollector } from './collector.js';
import { guarded } from './guard.js';

interface Api extends Partial<Collector> {
  /** May be set before the script runs: measure only when true. */
  consent?: ConsentHook;
  /** Begin with these settings; only the first call of a page counts. */
  start?: (settings: CollectorSettings | null | undefined) => void;
}

declare global {
  interface Window {
    smartDairyVitals?: Api;
  }
}

const api: Api = (window.smartDairyVitals ??= {});
let isStarted = false;

function pageSettings(): CollectorSettings | null {
  const text = document.getElementById('smart-dairy-vitals')?.textContent;
  return text ? (JSON.parse(text) as CollectorSettings) : null;
}

// A page may load the script twice, with two bundles.
if (!api.start) {
  api.start = guarded((settings) => {
    if (settings?.endpoint && !isStarted) {
      isStarted = true;
      Object.assign(
        api,
        startCollector(settings, () => api.consent),
      );
    }
  });
  guarded(() => api.start?.(pageSettings()))();
}
