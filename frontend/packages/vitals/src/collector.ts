/** Puts the parts together for one page. */

import type { Metric } from 'web-vitals';

import { guarded } from './guard.js';
import { callName, pathTemplate, route } from './names.js';
import type { Counts } from './sender.js';
import { createSender } from './sender.js';
import type { Settings } from './settings.js';
import { complete } from './settings.js';
import {
  loadRating,
  longTaskRating,
  navigationEntry,
  observe,
  serverTimes,
  whenLoaded,
} from './timings.js';
import { culprit, observeVitals } from './vitals.js';
import type {
  Device,
  MetricName,
  Navigation,
  ServerTimes,
  WireMetric,
} from './wire.js';
import { rounded } from './wire.js';

export type ConsentHook = boolean | (() => boolean) | null | undefined;
export type CollectorSettings = Partial<Settings> & Pick<Settings, 'endpoint'>;

export interface Collector {
  /** Add a measurement of your own, in milliseconds, under a bounded name. */
  record(name: MetricName, value: number, target?: string | null): void;
  /** A remote call begins: any id, its address and JSON-RPC parameters. */
  callStarted(id: unknown, url: string, parameters?: unknown): void;
  /** It ended; `counts` false when it never reached its end, as when it was aborted. */
  callEnded(id: unknown, counts?: boolean): void;
  flush(): void;
  /** Forget what waits and measure nothing more on this page. */
  stop(): void;
  counts(): Counts;
}

const CONSENT_EVENT = 'smart-dairy-vitals-consent';
const LONGEST = 3_600_000; // ms; a longer one was a computer asleep
const MOST_CALLS = 50; // under way at the same time
const CALL_START = 100; // ms between a call's start here and in the browser's timeline
const CALL_END = 200; // ms until the timeline has the call, with the server's own time
const NAVIGATIONS: Record<string, Navigation> = {
  // Back from the cache is no load at all; a discarded tab that is opened is one.
  'back-forward-cache': 'restore',
  restore: 'reload',
};

interface Call {
  url: string;
  target: string | null;
  started: number;
  /** Milliseconds; negative while the call is under way. */
  value: number;
  times: Partial<ServerTimes>;
}

export function deviceOf(agent: string, touchPoints: number): Device {
  if (/iPad|Tablet|Android(?!.*Mobi)/.test(agent)) {
    return 'tablet';
  }
  if (agent.includes('Mobi')) {
    return 'mobile';
  }
  // An iPad says that it is a Mac; no Mac has a touch screen.
  return agent.includes('Macintosh') && touchPoints > 1 ? 'tablet' : 'desktop';
}

/** Whether the visitor's browser or the page's owner forbids measuring. */
export function isForbidden(settings: Settings): boolean {
  const { doNotTrack, globalPrivacyControl } = navigator as Navigator & {
    globalPrivacyControl?: boolean;
  };
  return settings.respectDoNotTrack && (doNotTrack === '1' || !!globalPrivacyControl);
}

/**
 * Start measuring this page view; null when it is not in the sample or forbidden.
 *
 * Without a consent hook nothing waits: no cookie, no identity and no content is read.
 * With one that says false nothing is observed until the event
 * `smart-dairy-vitals-consent` with detail true comes to the document. With detail false
 * everything that waits is forgotten, and measuring ends for this page.
 *
 * @param seen is told of each measurement when it is taken
 */
export function startCollector(
  given: CollectorSettings,
  consent?: () => ConsentHook,
  seen?: (metric: WireMetric) => void,
): Collector | null {
  const settings = complete(given);
  if (isForbidden(settings) || Math.random() >= settings.sampleRate) {
    return null;
  }
  return createCollector(settings, consent, seen);
}

function createCollector(
  settings: Settings,
  consent: (() => ConsentHook) | undefined,
  seen: ((metric: WireMetric) => void) | undefined,
): Collector {
  const page = settings.page ?? pathTemplate(location.pathname);
  const prefix = Math.random().toString(36).slice(2, 10);
  const url = settings.endpoint.replace(/(\/batch)?\/?(?=\?|$)/, '/batch');
  const sender = createSender({
    url,
    device: deviceOf(navigator.userAgent, navigator.maxTouchPoints),
    release: settings.release,
    batch: settings.batch,
    flushAfter: settings.flushSeconds * 1000,
  });
  const calls = new Map<unknown, Call>();
  let lastNumber = 0;
  let nav: Navigation = 'navigate';
  let measuring = false;
  let stopped = false;

  function send(
    name: MetricName,
    value: number,
    fields: Partial<WireMetric>,
    view: Navigation = nav,
  ): void {
    if (!measuring || stopped || !(value >= 0 && value <= LONGEST)) {
      return;
    }
    const metric: WireMetric = {
      name,
      value: rounded(value),
      rating: null,
      id: `${prefix}-${++lastNumber}`,
      delta: rounded(value),
      target: null,
      server_ms: null,
      db_ms: null,
      ...fields,
    };
    seen?.(metric);
    const isUrgent = metric.rating === 'poor' && name !== 'LONG_TASK';
    sender.add({ page, nav: view, metric }, isUrgent);
  }

  function sendVital(metric: Metric): void {
    const { name, value, id, rating, navigationType } = metric;
    const kind = NAVIGATIONS[navigationType] ?? (navigationType as Navigation);
    const isLoad = kind !== 'restore';
    if (isLoad) {
      nav = kind;
    }
    const answer = isLoad && !/^[CI]/.test(name) ? navigationEntry() : undefined;
    const fields = { rating, id, target: culprit(metric), ...serverTimes(answer) };
    send(name, value, fields, kind);
  }

  function sendResource(entry: PerformanceResourceTiming): void {
    const target = route(entry.name);
    if (!target || entry.name.endsWith(url)) {
      return;
    }
    const times = serverTimes(entry);
    for (const call of calls.values()) {
      const late = entry.startTime - call.started;
      if (entry.name.endsWith(call.url) && late > -1 && late < CALL_START) {
        call.times = times;
        return;
      }
    }
    if (entry.duration > settings.slowResource) {
      send('RESOURCE', entry.duration, { target, ...times });
    }
  }

  function sendCall(id: unknown): void {
    const call = calls.get(id);
    if (call && call.value >= 0) {
      calls.delete(id);
      send('RPC', call.value, { target: call.target, ...call.times });
    }
  }

  const start = guarded(() => {
    if (measuring || stopped) {
      return;
    }
    measuring = true;
    const reportVitals = observeVitals(sendVital);
    whenLoaded((value) =>
      send('LOAD', value, {
        rating: loadRating(value),
        ...serverTimes(navigationEntry()),
      }),
    );
    observe('longtask', ({ duration }) =>
      send('LONG_TASK', duration, { rating: longTaskRating(duration) }),
    );
    observe('resource', sendResource);
    const leave = guarded((event: Event) => {
      if (event.type === 'pagehide' || document.visibilityState === 'hidden') {
        reportVitals();
        calls.forEach((_call, id) => sendCall(id));
        sender.flush(true);
      }
    });
    // After the listeners of web-vitals, which take the last entries.
    for (const type of ['visibilitychange', 'pagehide']) {
      addEventListener(type, leave, true);
    }
  });

  const stop = guarded(() => {
    stopped = true;
    calls.clear();
    sender.close();
  });

  function startWhenSeen(): void {
    // A page that is rendered in advance may never be looked at.
    if ((document as { prerendering?: boolean }).prerendering) {
      document.addEventListener('prerenderingchange', start, { once: true });
    } else {
      start();
    }
  }

  document.addEventListener(
    CONSENT_EVENT,
    guarded((event: Event) => {
      if ((event as CustomEvent).detail) {
        startWhenSeen();
      } else {
        stop();
      }
    }),
  );
  const hook = consent?.();
  if ((typeof hook === 'function' ? hook() : hook) ?? true) {
    startWhenSeen();
  }

  return {
    record: guarded((name, value, target) =>
      send(name, value, { target: target?.slice(0, 128) ?? null }),
    ),
    callStarted: guarded((id, address, parameters) => {
      if (measuring && calls.size < MOST_CALLS) {
        calls.set(id, {
          url: address,
          target: callName(address, parameters),
          started: performance.now(),
          value: -1,
          times: {},
        });
      }
    }),
    callEnded: guarded((id, counts = true) => {
      const call = calls.get(id);
      if (!call || !counts) {
        calls.delete(id);
      } else if (call.value < 0) {
        call.value = performance.now() - call.started;
        setTimeout(() => sendCall(id), CALL_END);
      }
    }),
    flush: guarded(() => sender.flush()),
    stop,
    counts: () => sender.counts(),
  };
}
