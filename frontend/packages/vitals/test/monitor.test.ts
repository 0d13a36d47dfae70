import type { Metric } from 'web-vitals';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';

import { WebVitalsMonitor, webVitalsMonitor } from '../src/index.js';
import type { Server } from './support.js';
import { names, serve } from './support.js';

type Callback = (metric: Metric) => void;
const library = vi.hoisted(() => ({ callbacks: new Map<string, Callback>() }));
vi.mock('web-vitals', () =>
  Object.fromEntries(
    ['TTFB', 'FCP', 'LCP', 'CLS', 'INP'].map((name) => [
      `on${name}`,
      (callback: Callback) => library.callbacks.set(name, callback),
    ]),
  ),
);

const measure = (name: string, value: number, rating = 'good') =>
  library.callbacks.get(name)!({
    name,
    value,
    rating,
    id: `${name}-${value}`,
    delta: value,
    entries: [],
    navigationType: 'navigate',
  } as unknown as Metric);

let server: Server;
let monitor: WebVitalsMonitor | null;

beforeEach(() => {
  vi.useFakeTimers();
  library.callbacks.clear();
  server = serve();
  monitor = null;
});
afterEach(() => {
  monitor?.stop();
  vi.useRealTimers();
});

it('sends to the endpoint of the specification after 30 s', async () => {
  monitor = new WebVitalsMonitor();
  measure('FCP', 900);
  await vi.advanceTimersByTimeAsync(29_000);
  expect(server.received).toEqual([]);
  await vi.advanceTimersByTimeAsync(1_000);
  expect(names(server)).toEqual(['FCP']);
  expect(server.received[0]!.url).toBe('/api/v1/metrics/web-vitals/batch');
  expect(monitor.counts()).toMatchObject({ sent: 1, waiting: 0 });
});

it('sends ten together', async () => {
  monitor = new WebVitalsMonitor('/own/endpoint');
  for (let number = 0; number < 10; number++) {
    measure('TTFB', number);
  }
  await vi.advanceTimersByTimeAsync(5000);
  expect(names(server)).toHaveLength(10);
  expect(server.received).toMatchObject([{ url: '/own/endpoint/batch' }]);
});

it('sends a poor one at once', async () => {
  monitor = new WebVitalsMonitor({ endpoint: '/own', flushSeconds: 60 });
  measure('FCP', 5000, 'poor');
  await vi.advanceTimersByTimeAsync(0);
  expect(names(server)).toEqual(['FCP']);
});

it('sums up all values of the page, those that were sent too', async () => {
  monitor = new WebVitalsMonitor();
  for (let value = 1; value <= 20; value++) {
    measure('TTFB', value * 10);
  }
  await vi.advanceTimersByTimeAsync(60_000);
  expect(monitor.getMetricsSummary()).toEqual({
    TTFB: { count: 20, avg: 105, min: 10, max: 200, p75: 150, p95: 190 },
  });
});

it('remembers so many values at most', () => {
  monitor = new WebVitalsMonitor();
  for (let value = 1; value <= 250; value++) {
    measure('TTFB', value);
  }
  expect(monitor.getMetricsSummary().TTFB).toMatchObject({ count: 200, min: 51 });
});

it('does nothing when it is imported, and starts once', async () => {
  expect(library.callbacks.size).toBe(0);
  expect(webVitalsMonitor.counts()).toBe(null);
  monitor = webVitalsMonitor;
  monitor.start({ endpoint: '/mine' });
  monitor.start({ endpoint: '/other' });
  measure('FCP', 10);
  monitor.flush();
  await vi.advanceTimersByTimeAsync(0);
  expect(server.received.map(({ url }) => url)).toEqual(['/mine/batch']);
});
