/** What the tests share: entries, and a server of which they choose the answers. */
import { vi } from 'vitest';

import type { Entry, Envelope, MetricName } from '../src/wire.js';

let lastNumber = 0;

export function entry(name: MetricName = 'LCP', fields: Partial<Entry> = {}): Entry {
  const metric = {
    name,
    value: 1,
    rating: null,
    id: `m-${++lastNumber}`,
    delta: 1,
    target: null,
    server_ms: null,
    db_ms: null,
  };
  return { page: '/shop', nav: 'navigate', metric, ...fields };
}

export interface Server {
  /** Bodies that arrived, in order, with how they came. */
  received: (Envelope & { by: 'fetch' | 'beacon'; url: string })[];
  /** Answers of the next requests; then 204. A function decides, 0 is a broken line. */
  answers: number[];
  /** Whether sendBeacon takes what it is given. */
  takesBeacons: boolean;
  /** Hold answers back until they are let go. */
  hold(): () => void;
}

/** Put a server behind fetch and sendBeacon. */
export function serve(): Server {
  let gate: Promise<void> | null = null;
  const server: Server = {
    received: [],
    answers: [],
    takesBeacons: true,
    hold() {
      let open: (() => void) | undefined;
      gate = new Promise((resolve) => (open = resolve));
      return () => {
        gate = null;
        open?.();
      };
    },
  };
  const receive = (by: 'fetch' | 'beacon', url: string, body: string) =>
    server.received.push({ by, url, ...(JSON.parse(body) as Envelope) });
  vi.stubGlobal(
    'fetch',
    vi.fn(async (url: string, { body }: { body: string }) => {
      const status = server.answers.shift() ?? 204;
      if (gate) {
        await gate;
      }
      if (!status) {
        throw new TypeError('Failed to fetch');
      }
      if (status < 300) {
        receive('fetch', url, body);
      }
      return { status, ok: status < 300 };
    }),
  );
  Object.assign(navigator, {
    sendBeacon: (url: string, body: string) => {
      if (server.takesBeacons) {
        receive('beacon', url, body);
      }
      return server.takesBeacons;
    },
  });
  return server;
}

/** The ids that arrived, in order. */
export const ids = (server: Server): string[] =>
  server.received.flatMap(({ metrics }) => metrics.map(({ id }) => id));

/** The names that arrived, in order. */
export const names = (server: Server): string[] =>
  server.received.flatMap(({ metrics }) => metrics.map(({ name }) => name));

/** Tell the page that it is hidden, or shown again. */
export function show(visibility: 'hidden' | 'visible'): void {
  vi.spyOn(document, 'visibilityState', 'get').mockReturnValue(visibility);
  document.dispatchEvent(new Event('visibilitychange', { bubbles: true }));
}
