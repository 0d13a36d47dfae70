/** Batches measurements and sends each once: held until the server took it. */

import { guarded } from './guard.js';
import type { Device, Entry, Envelope } from './wire.js';

const MOST_WAITING = 200;
const MOST_IN_A_BODY = 50;
const MINOR = /^[AR]|^LON/; // ACTION, RPC, RESOURCE, LONG_TASK: dropped before vitals
const GAP = 5000; // ms between full batches: a busy page has many measurements
const FIRST_RETRY = 5000; // ms, doubled by each failure
const LAST_RETRY = 300_000;
const MOST_REFUSALS = 3; // in a row; then this page and the server do not fit

export interface Counts {
  waiting: number;
  sent: number;
  /** Not kept because too many waited. */
  dropped: number;
  /** Answered with an error that a retry cannot mend. */
  refused: number;
  /** Attempts that are repeated. */
  failures: number;
}

export interface Sender {
  /** Keep a measurement; an urgent one is sent at once. */
  add(entry: Entry, urgent?: boolean): void;
  /** Send all; `leaving` when the page may not live to see an answer. */
  flush(leaving?: boolean): void;
  /** Forget what waits, and send nothing more. */
  close(): void;
  counts(): Counts;
}

export interface SenderOptions {
  url: string;
  device: Device;
  release: string | null;
  batch: number;
  /** Milliseconds. */
  flushAfter: number;
}

export function createSender(options: SenderOptions): Sender {
  let waiting: Entry[] = [];
  let due = 0; // entries of the running flush that are not sent yet
  let busy = false;
  let closed = false;
  let sent = 0;
  let dropped = 0;
  let refused = 0;
  let failures = 0;
  let failuresInARow = 0;
  let refusalsInARow = 0;
  let lastSent = -GAP;
  let notBefore = 0;
  let timer: ReturnType<typeof setTimeout> | undefined;
  let timerAt = 0;

  const now = () => performance.now();

  function arm(delay: number): void {
    const at = Math.max(now() + delay, notBefore);
    if (timer === undefined || at < timerAt) {
      clearTimeout(timer);
      timerAt = at;
      timer = setTimeout(guarded(flush), at - now());
    }
  }

  function keep(entries: Entry[]): void {
    for (const entry of entries) {
      waiting.push(entry);
      if (waiting.length > MOST_WAITING) {
        const minor = waiting.findIndex(({ metric }) => MINOR.test(metric.name));
        waiting.splice(Math.max(minor, 0), 1);
        dropped++;
      }
    }
  }

  /** The next entries that go together: of one page view, as many as a body takes. */
  function take(): Entry[] {
    const { page, nav } = waiting[0]!;
    const taken: Entry[] = [];
    waiting = waiting.filter((entry) => {
      const fits =
        taken.length < MOST_IN_A_BODY && entry.page === page && entry.nav === nav;
      return !(fits && taken.push(entry));
    });
    return taken;
  }

  function body(entries: Entry[]): string {
    const { page, nav } = entries[0]!;
    const { device, release } = options;
    const metrics = entries.map((entry) => entry.metric);
    const envelope: Envelope = { v: 1, page, device, nav, release, metrics };
    return JSON.stringify(envelope);
  }

  function send(): void {
    if (busy || !waiting.length) {
      return;
    }
    const entries = take();
    due -= entries.length;
    busy = true;
    // A string goes as text/plain, which needs no preflight on another host.
    const request = { method: 'POST', body: body(entries), keepalive: true };
    void new Promise<Response>((resolve) => resolve(fetch(options.url, request)))
      .then(
        ({ status, ok }) => (ok ? 0 : status),
        () => 503,
      )
      .then(guarded((error: number) => settle(entries, error)));
  }

  function settle(entries: Entry[], error: number): void {
    busy = false;
    if (closed) {
      return;
    }
    if (!error) {
      sent += entries.length;
      lastSent = now();
      failuresInARow = refusalsInARow = 0;
    } else if (error < 500 && ![408, 425, 429].includes(error)) {
      refused += entries.length;
      if (++refusalsInARow >= MOST_REFUSALS) {
        close();
        return;
      }
    } else {
      failures++;
      const pause = Math.min(FIRST_RETRY * 2 ** failuresInARow++, LAST_RETRY);
      // Not all visitors at the same time when the server is back.
      notBefore = now() + pause * (0.75 + Math.random() / 2);
      const newer = waiting;
      waiting = [];
      keep([...entries, ...newer]);
      due = 0;
    }
    if (due > 0 && waiting.length) {
      send();
    } else if (waiting.length) {
      arm(failuresInARow ? 0 : options.flushAfter);
    }
  }

  function leave(): void {
    while (waiting.length) {
      const entries = take();
      let accepted = false;
      try {
        accepted = navigator.sendBeacon(options.url, body(entries));
      } catch {
        // There is none, or an extension forbids it.
      }
      if (!accepted) {
        waiting = [...entries, ...waiting];
        due = waiting.length;
        send();
        return;
      }
      sent += entries.length;
    }
  }

  function flush(leaving?: boolean): void {
    clearTimeout(timer);
    timer = undefined;
    if (leaving) {
      leave();
    } else {
      due = waiting.length;
      send();
    }
  }

  function close(): void {
    closed = true;
    waiting = [];
    clearTimeout(timer);
  }

  return {
    add(entry, urgent) {
      if (closed) {
        return;
      }
      keep([entry]);
      const full = waiting.length >= options.batch;
      arm(urgent ? 0 : full ? Math.max(0, lastSent + GAP - now()) : options.flushAfter);
    },
    flush,
    close,
    counts: () => ({ waiting: waiting.length, sent, dropped, refused, failures }),
  };
}
