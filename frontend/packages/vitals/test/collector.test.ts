/**
 * What is measured, and when not. web-vitals is driven here: a document without a browser
 * has no vitals. The real ones are compared in tests/browser/test_vitals.py.
 */
import Ajv2020 from 'ajv/dist/2020.js';
import type { Metric } from 'web-vitals';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

import schema from '../../../../smart_dairy_performance/data/web_vitals.schema.json';
import type { Collector, CollectorSettings, ConsentHook } from '../src/collector.js';
import { deviceOf, startCollector } from '../src/collector.js';
import type { MetricName } from '../src/wire.js';
import type { Server } from './support.js';
import { ids, names, serve, show } from './support.js';

type Callback = (metric: Metric) => void;
const library = vi.hoisted(() => ({ callbacks: new Map<string, Callback>() }));

vi.mock('web-vitals', () => {
  const on = (name: string) => (callback: Callback) => {
    library.callbacks.set(name, callback);
  };
  return {
    onLCP: on('LCP'),
    onINP: on('INP'),
    onCLS: on('CLS'),
    onFCP: on('FCP'),
    onTTFB: on('TTFB'),
  };
});

/** What the browser's observers were given, by type. */
const observers = new Map<string, (entries: unknown[]) => void>();
let server: Server;
let collector: Collector | null;
const listeners: [EventTarget, string, unknown, unknown][] = [];

class Observer {
  constructor(
    private readonly callback: (list: { getEntries: () => unknown[] }) => void,
  ) {}
  observe({ type, buffered }: { type: string; buffered: boolean }) {
    if (type === unknownType) {
      throw new TypeError('unknown type');
    }
    expect(buffered).toBe(true);
    observers.set(type, (entries) => this.callback({ getEntries: () => entries }));
  }
}
let unknownType = '';

beforeEach(() => {
  vi.useFakeTimers();
  unknownType = '';
  observers.clear();
  library.callbacks.clear();
  server = serve();
  vi.stubGlobal('PerformanceObserver', Observer);
  vi.spyOn(Math, 'random').mockReturnValue(0.5);
  vi.spyOn(document, 'readyState', 'get').mockReturnValue('complete');
  performance.getEntriesByType = (type: string) =>
    (type === 'navigation' ? [navigation] : []) as never;
  for (const target of [window, document]) {
    const add = target.addEventListener.bind(target);
    vi.spyOn(target, 'addEventListener').mockImplementation(
      (type: string, listener: unknown, options?: unknown) => {
        listeners.push([target, type, listener, options]);
        add(type, listener as EventListener, options as AddEventListenerOptions);
      },
    );
  }
});

afterEach(() => {
  collector?.stop();
  for (const [target, type, listener, options] of listeners.splice(0)) {
    target.removeEventListener(type, listener as never, options as never);
  }
  vi.useRealTimers();
});

const navigation = {
  loadEventEnd: 1234.56789,
  serverTiming: [
    { name: 'total', duration: 120 },
    { name: 'db', duration: 40 },
    { name: 'python', duration: 80 },
  ],
};

function start(settings: Partial<CollectorSettings> = {}, consent?: () => ConsentHook) {
  collector = startCollector(
    { endpoint: '/api/v1/metrics/web-vitals', page: '/shop/<product>', ...settings },
    consent,
  );
  return collector;
}

const metric = (
  name: MetricName,
  value: number,
  rating: Metric['rating'] = 'good',
  more: object = {},
) => ({
  name,
  value,
  rating,
  id: `v5-${name}`,
  delta: value,
  entries: [],
  navigationType: 'navigate',
  ...more,
});
const vital = (...given: Parameters<typeof metric>) =>
  library.callbacks.get(given[0])?.(metric(...given) as unknown as Metric);
const pass = (milliseconds: number) => vi.advanceTimersByTimeAsync(milliseconds);
const sent = () => server.received.flatMap(({ metrics }) => metrics);
const find = (name: MetricName) => sent().filter((one) => one.name === name);

describe('vitals', () => {
  it('go when the page is hidden, each once', async () => {
    start();
    await pass(0);
    vital('TTFB', 100);
    vital('FCP', 300);
    vital('LCP', 900);
    vital('LCP', 1100);
    vital('CLS', 0.0123456);
    vital('INP', 80);
    expect(server.received).toEqual([]);
    show('hidden');
    window.dispatchEvent(new Event('pagehide'));
    show('visible');
    vital('CLS', 0.2);
    show('hidden');
    expect(server.received).toHaveLength(1);
    expect(server.received[0]).toMatchObject({
      by: 'beacon',
      url: '/api/v1/metrics/web-vitals/batch',
      page: '/shop/<product>',
      device: 'desktop',
      nav: 'navigate',
    });
    expect(sent().map(({ name, value }) => [name, value])).toEqual([
      ['LOAD', 1234.5679],
      ['TTFB', 100],
      ['FCP', 300],
      ['LCP', 1100],
      ['CLS', 0.0123],
      ['INP', 80],
    ]);
  });

  it('that are poor go a second later, as they then stand, exactly once', async () => {
    start();
    await pass(0);
    vital('LCP', 4100, 'poor');
    await pass(900);
    vital('LCP', 5000, 'poor');
    expect(server.received).toEqual([]);
    await pass(101);
    expect(find('LCP').map(({ value }) => value)).toEqual([5000]);
    vital('LCP', 6000, 'poor');
    await pass(60_000);
    show('hidden');
    expect(find('LCP')).toHaveLength(1);
  });

  it('that are poor and final go at once', async () => {
    start();
    vital('TTFB', 2000, 'poor');
    await pass(0);
    expect(names(server)).toContain('TTFB');
  });

  it('carry what the server needed when they are about its answer', async () => {
    start();
    await pass(0);
    vital('LCP', 900);
    vital('INP', 900, 'poor');
    show('hidden');
    const times = { server_ms: 120, db_ms: 40 };
    const none = { server_ms: null, db_ms: null };
    expect(find('LCP')[0]).toMatchObject(times);
    expect(find('LOAD')[0]).toMatchObject(times);
    expect(find('INP')[0]).toMatchObject(none);
  });

  it('of a page from the back-forward cache are new ones of a view without a load', () => {
    start();
    vital('LCP', 900);
    show('hidden');
    show('visible');
    vital('LCP', 5, 'good', { id: 'v5-2', navigationType: 'back-forward-cache' });
    show('hidden');
    expect(server.received.map(({ nav }) => nav)).toEqual(['navigate', 'restore']);
    expect(find('LCP').map(({ value, server_ms }) => [value, server_ms])).toEqual([
      [900, 120],
      [5, null],
    ]);
  });

  it.each([
    ['restore', 'reload'], // a discarded tab is loaded anew
    ['back-forward', 'back-forward'],
    ['prerender', 'prerender'],
  ])('of a %s are of a %s', (navigationType, nav) => {
    start();
    vital('LCP', 1, 'good', { navigationType });
    show('hidden');
    expect(server.received[0]?.nav).toBe(nav);
  });

  it('name the element without its id', () => {
    document.body.innerHTML = '<main><img id="ada" class="o_image"></main>';
    const element = document.querySelector('img');
    start();
    vital('LCP', 1, 'good', { entries: [{}, { element }] });
    vital('INP', 1, 'good', { entries: [{ target: null }, { target: element }] });
    vital('CLS', 1, 'good', {
      entries: [
        { value: 0.1, sources: [{ node: document.body }] },
        { value: 0.2, sources: [{ node: element }] },
        { value: 0.05, sources: [] },
      ],
    });
    show('hidden');
    for (const name of ['LCP', 'INP', 'CLS'] as const) {
      expect(find(name)[0]?.target, name).toBe('main>img.o_image');
    }
  });
});

describe('the load', () => {
  it('is not reported of a page in the background', async () => {
    performance.getEntriesByType = (type: string) =>
      (type === 'navigation'
        ? [navigation]
        : [{ name: 'hidden', startTime: 10 }]) as never;
    start();
    await pass(30_000);
    expect(names(server)).toEqual([]);
  });

  it('is awaited, with the time that activation took off', async () => {
    vi.spyOn(document, 'readyState', 'get').mockReturnValue('interactive');
    performance.getEntriesByType = (type: string) =>
      (type === 'navigation'
        ? [{ ...navigation, activationStart: 1000 }]
        : []) as never;
    start();
    await pass(30_000);
    expect(names(server)).toEqual([]);
    window.dispatchEvent(new Event('load'));
    await pass(30_000);
    expect(find('LOAD')[0]).toMatchObject({ value: 234.5679, rating: 'good' });
  });
});

describe('long tasks and resources', () => {
  it('are sent with the next batch, however bad', async () => {
    start();
    await pass(0);
    observers.get('longtask')?.([{ duration: 60 }, { duration: 300 }]);
    await pass(29_000);
    expect(server.received).toEqual([]);
    await pass(1_000);
    expect(find('LONG_TASK').map(({ value, rating }) => [value, rating])).toEqual([
      [60, 'needs-improvement'],
      [300, 'poor'],
    ]);
  });

  it('are slow ones of this site, by route', () => {
    const { serverTiming } = navigation;
    start();
    observers.get('resource')?.([
      { name: 'https://dairy.test/web/image/7?unique=1', duration: 501, serverTiming },
      { name: 'https://dairy.test/web/image/8', duration: 500, serverTiming },
      { name: 'https://elsewhere.test/slow.js', duration: 9000 },
      { name: 'https://dairy.test/api/v1/metrics/web-vitals/batch', duration: 9000 },
    ]);
    show('hidden');
    expect(find('RESOURCE')).toHaveLength(1);
    expect(find('RESOURCE')[0]).toMatchObject({
      value: 501,
      rating: null,
      target: '/web/image/:id',
      server_ms: 120,
      db_ms: 40,
    });
  });
});

describe('remote calls', () => {
  const url = '/web/dataset/call_kw/res.partner/read';
  const parameters = { model: 'res.partner', method: 'read', args: [[7]] };

  it('are timed, named by model and method, with the times of the server', async () => {
    start();
    await pass(1_000);
    collector?.callStarted(1, url, parameters);
    const startTime = performance.now() + 3;
    await pass(250);
    collector?.callEnded(1);
    const { serverTiming } = navigation;
    observers.get('resource')?.([
      { name: `https://dairy.test${url}`, startTime, duration: 600, serverTiming },
    ]);
    await pass(200);
    show('hidden');
    expect(
      find('RPC').map(({ value, target, server_ms, db_ms }) => [
        value,
        target,
        server_ms,
        db_ms,
      ]),
    ).toEqual([[250, 'res.partner.read', 120, 40]]);
    expect(find('RESOURCE')).toEqual([]);
  });

  it('under way when the page goes are not counted, ended ones are', async () => {
    start();
    collector?.callStarted(1, url, parameters);
    collector?.callStarted(2, url, parameters);
    await pass(10);
    collector?.callEnded(1);
    show('hidden');
    await pass(1_000);
    show('visible');
    show('hidden');
    expect(find('RPC')).toHaveLength(1);
  });

  it('that were given up or are unknown are not counted', async () => {
    start();
    collector?.callStarted(1, url, parameters);
    collector?.callEnded(1, false);
    collector?.callEnded(1);
    collector?.callEnded(2);
    await pass(60_000);
    expect(find('RPC')).toEqual([]);
  });

  it('are held in bounds when none ends', async () => {
    start();
    for (let number = 0; number < 1000; number++) {
      collector?.callStarted(number, url, parameters);
    }
    for (let number = 0; number < 1000; number++) {
      collector?.callEnded(number);
    }
    await pass(60_000);
    expect(find('RPC')).toHaveLength(50);
  });
});

describe('discretion', () => {
  const nothing = () => {
    expect(collector).toBeNull();
    expect(library.callbacks.size + observers.size).toBe(0);
  };

  it.each([
    ['doNotTrack', '1'],
    ['globalPrivacyControl', true],
  ])('measures nothing with %s', (name, value) => {
    Object.defineProperty(navigator, name, { value, configurable: true });
    start();
    nothing();
    start({ respectDoNotTrack: false });
    expect(collector).not.toBeNull();
    Reflect.deleteProperty(navigator, name);
  });

  it.each([
    [0, false],
    [0.5, false],
    [0.51, true],
    [1, true],
  ])('takes a page view into a sample of %d: %s', (sampleRate, isTaken) => {
    start({ sampleRate }); // the die shows 0.5
    expect(collector !== null).toBe(isTaken);
    if (!isTaken) {
      nothing();
    }
  });

  it.each([
    [undefined, true],
    [null, true],
    [true, true],
    [() => true, true],
    [false, false],
    [() => false, false],
  ])('follows a consent hook of %s', (hook, measures) => {
    start({}, () => hook);
    expect(library.callbacks.size > 0).toBe(measures);
    vital('TTFB', 5000, 'poor');
    collector?.record('ACTION', 1, 'x');
    show('hidden');
    expect(server.received.length > 0).toBe(measures);
  });

  it('begins when consent is given, and forgets everything when it is taken', async () => {
    const say = (detail: boolean) =>
      document.dispatchEvent(new CustomEvent('smart-dairy-vitals-consent', { detail }));
    start({}, () => false);
    collector?.record('ACTION', 1, 'before');
    say(true);
    say(true);
    collector?.record('ACTION', 2, 'between');
    collector?.flush();
    await pass(0);
    vital('LCP', 900);
    collector?.record('ACTION', 3, 'after');
    say(false);
    say(true);
    vital('INP', 900, 'poor');
    collector?.record('ACTION', 4, 'later');
    await pass(60_000);
    show('hidden');
    expect(find('ACTION').map(({ target }) => target)).toEqual(['between']);
    expect(find('LCP')).toEqual([]);
  });

  it('does not measure a page that is only rendered in advance', async () => {
    Object.assign(document, { prerendering: true });
    start();
    expect(library.callbacks.size).toBe(0);
    Object.assign(document, { prerendering: false });
    document.dispatchEvent(new Event('prerenderingchange'));
    expect(library.callbacks.size).toBe(5);
    await pass(0);
  });

  it('takes a name without ids from the address when the page gives none', () => {
    start({ page: null });
    vital('LCP', 1);
    show('hidden');
    expect(server.received[0]?.page).toBe('/shop/:id');
    expect(JSON.stringify(server.received)).not.toMatch(/milk|q=x|dairy\.test/);
  });
});

describe('the page', () => {
  it('never sees an error or a word in its console', async () => {
    const consoles = (['log', 'warn', 'error', 'info', 'debug'] as const).map((level) =>
      vi.spyOn(console, level),
    );
    unknownType = 'longtask';
    start();
    const broken = new Proxy(
      {},
      {
        get: () => {
          throw new Error('broken');
        },
      },
    );
    expect(() => {
      library.callbacks.forEach((callback) => callback(broken as Metric));
      observers.get('resource')?.([broken, null]);
      collector?.record('ACTION', 1, 7 as never);
      collector?.callStarted(1, null as never, broken);
      collector?.callEnded(1);
      vital('LCP', 1, 'good', { entries: [{ element: broken }] });
      show('hidden');
    }).not.toThrow();
    vi.stubGlobal('fetch', () => {
      throw new Error('no');
    });
    collector?.record('ACTION', 1, 'x');
    collector?.flush();
    await pass(60_000);
    for (const spy of consoles) {
      expect(spy).not.toHaveBeenCalled();
    }
  });

  it('sends only numbers that mean something', () => {
    start();
    for (const value of [NaN, -1, Infinity, 3_600_001]) {
      collector?.record('ACTION', value, 'x');
    }
    collector?.record('ACTION', 3_600_000, 'y'.repeat(200));
    show('hidden');
    expect(find('ACTION')).toHaveLength(1);
    expect(find('ACTION')[0]?.target).toHaveLength(128);
  });
});

describe('the wire', () => {
  it('is what the intake accepts', async () => {
    const validate = new Ajv2020({ strict: false }).compile({
      ...schema,
      $ref: '#/$defs/Batch',
    });
    start({ release: '2026.11' });
    await pass(0);
    for (const name of ['LCP', 'INP', 'CLS', 'FCP', 'TTFB'] as const) {
      vital(name, 12.3456789, 'needs-improvement');
    }
    observers.get('longtask')?.([{ duration: 60 }]);
    observers.get('resource')?.([{ name: '/web/x', duration: 900 }]);
    collector?.callStarted(1, '/web/dataset/call_kw/x/y', {
      model: 'x.y',
      method: 'z',
    });
    collector?.callEnded(1);
    collector?.record('ACTION', 5, 'res.partner.list');
    show('hidden');
    expect(new Set(names(server)).size).toBe(10); // all but FID
    expect(new Set(ids(server)).size).toBe(10);
    for (const body of server.received) {
      expect(validate(body), JSON.stringify(validate.errors)).toBe(true);
      expect(validate({ ...body, page: '/shop?q=1' })).toBe(false);
    }
  });
});

it.each([
  ['/x', '/x/batch'],
  ['/x/', '/x/batch'],
  ['/x/batch', '/x/batch'],
  ['/x/batch?db=dairy', '/x/batch?db=dairy'],
  ['https://odoo.test/x?db=dairy', 'https://odoo.test/x/batch?db=dairy'],
])('sends for %s to %s', (endpoint, url) => {
  start({ endpoint });
  collector?.record('ACTION', 1, 'x');
  show('hidden');
  expect(server.received[0]?.url).toBe(url);
});

it.each([
  ['Mozilla/5.0 (X11; Linux x86_64) Chrome/130.0 Safari/537.36', 0, 'desktop'],
  ['Mozilla/5.0 (Windows NT 10.0; Win64; x64) Firefox/130.0', 10, 'desktop'],
  ['Mozilla/5.0 (iPhone; CPU iPhone OS 17_0) Mobile/15E148 Safari/604.1', 5, 'mobile'],
  [
    'Mozilla/5.0 (Linux; Android 14; Pixel 8) Chrome/130.0 Mobile Safari/537.36',
    5,
    'mobile',
  ],
  ['Mozilla/5.0 (Linux; Android 14; SM-X200) Chrome/130.0 Safari/537.36', 5, 'tablet'],
  ['Mozilla/5.0 (iPad; CPU OS 12_0) Mobile/15E148 Safari/604.1', 5, 'tablet'],
  [
    'Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) Version/17.0 Safari/605.1',
    5,
    'tablet',
  ],
  [
    'Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) Version/17.0 Safari/605.1',
    0,
    'desktop',
  ],
])('takes %s for its device', (agent, touchPoints, device) => {
  expect(deviceOf(agent, touchPoints)).toBe(device);
});
