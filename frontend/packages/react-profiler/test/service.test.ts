import { Ajv2020 } from 'ajv/dist/2020.js';
import { afterEach, beforeEach, describe, expect, expectTypeOf, it, vi } from 'vitest';

import schema from '../../../../smart_dairy_performance/data/web_vitals.schema.json';
import thresholds from '../../../../smart_dairy_performance/data/thresholds.json';
import type { ComponentMetrics, ProfilerReport } from '../src/index.js';
import profilerService, { ReactProfilerService, RENDER_BUDGET } from '../src/index.js';
import { arrived, render, serve, show, stopClock, wait } from './support.js';

let service: ReactProfilerService;

beforeEach(() => {
  vi.useFakeTimers();
  stopClock();
  vi.spyOn(Math, 'random').mockReturnValue(0.5);
  service = new ReactProfilerService();
});
afterEach(() => {
  service.reset();
  vi.useRealTimers();
});

describe('figures', () => {
  it('of a component add up', () => {
    render(service, 'Cart', 20, 'mount');
    render(service, 'Cart', 10);
    expect(service.getMetrics().get('Cart')).toMatchObject({
      id: 'Cart',
      phase: 'update',
      actualDuration: 10,
      baseDuration: 10,
      renderCount: 2,
      totalDuration: 30,
      avgDuration: 15,
      maxDuration: 20,
      ownDuration: 30,
      slowRenders: 1,
      commitCount: 2,
      busiestSecond: 1,
    });
  });

  it('name the slow ones first, by their average', () => {
    render(service, 'Fast', 16);
    render(service, 'Slow', 17);
    render(service, 'Slower', 40);
    const names = (found: ComponentMetrics[]) => found.map(({ id }) => id);
    expect(names(service.getSlowComponents())).toEqual(['Slower', 'Slow']);
    expect(names(service.getSlowComponents(20))).toEqual(['Slower']);
  });

  it('name those first that were rendered most', () => {
    for (const [id, times] of [
      ['A', 3],
      ['B', 5],
      ['C', 1],
    ] as const) {
      for (let time = 0; time < times; time++) {
        render(service, id);
      }
    }
    const ids = service.getMostRenderedComponents(2).map(({ id }) => id);
    expect(ids).toEqual(['B', 'A']);
  });

  it('are in a report', () => {
    vi.setSystemTime(1_700_000_000_000);
    render(service, 'Slow', 40);
    const report = service.generateReport();
    expect(report).toMatchObject({
      timestamp: 1_700_000_000_000,
      totalComponents: 1,
      slowComponents: [{ id: 'Slow' }],
      mostRendered: [{ id: 'Slow' }],
      allMetrics: [{ id: 'Slow' }],
    });
    service.reset();
    expect(service.generateReport()).toMatchObject({ totalComponents: 0 });
  });

  it('are copies', () => {
    render(service, 'Cart');
    service.getMetrics().get('Cart')!.renderCount = 9;
    expect(service.getMetrics().get('Cart')!.renderCount).toBe(1);
  });

  it('tell the most commits within a second', () => {
    for (const time of [0, 100, 200, 990, 1000, 1100]) {
      render(service, 'Loop', 1, 'update', 5000 + time);
    }
    expect(service.getMetrics().get('Loop')!.busiestSecond).toBe(4);
  });

  it('take the rows of a list for one commit', () => {
    for (let row = 0; row < 100; row++) {
      render(service, 'Row', 1, 'mount', 5000);
    }
    const row = service.getMetrics().get('Row')!;
    expect([row.renderCount, row.commitCount, row.busiestSecond]).toEqual([100, 1, 1]);
  });

  it('are of so many components at most', () => {
    service.configure({ maxComponents: 2 });
    for (const id of ['A', 'B', 'C', 'C', 'A']) {
      render(service, id);
    }
    expect([...service.getMetrics().keys()]).toEqual(['A', 'B']);
    expect(service.counts().dropped).toBe(2);
  });

  it('have the budget of thresholds.json', () => {
    expect(RENDER_BUDGET).toBe(thresholds.limits.react_render.value);
  });

  it('have the types that are promised', () => {
    expectTypeOf(profilerService).toEqualTypeOf<ReactProfilerService>();
    expectTypeOf(service.getMetrics()).toEqualTypeOf<Map<string, ComponentMetrics>>();
    expectTypeOf(service.generateReport()).toEqualTypeOf<ProfilerReport>();
    expectTypeOf<ComponentMetrics['phase']>().toEqualTypeOf<
      'mount' | 'update' | 'nested-update'
    >();
    // @ts-expect-error -- milliseconds, no text
    expect(() => new ReactProfilerService({ threshold: '16' })).not.toThrow();
  });
});

describe('batches', () => {
  it('leave after 30 s and hold what was since the last one', async () => {
    const server = serve();
    render(service, 'Cart', 20, 'mount');
    await wait(29);
    expect(server.received).toEqual([]);
    await wait(1);
    for (let time = 0; time < 25; time++) {
      render(service, 'Cart', 2);
    }
    await wait(30);
    const counts = server.received.map(({ components }) => components[0]!.metrics);
    expect(counts).toMatchObject([
      { renderCount: 1, totalDuration: 20, maxDuration: 20, slowRenders: 1 },
      { renderCount: 25, totalDuration: 50, maxDuration: 2, slowRenders: 0 },
    ]);
    await wait(300); // nothing was rendered: nothing is sent
    expect(server.asked).toBe(2);
  });

  it('are what the intake takes', async () => {
    const validator = new Ajv2020({ strict: false });
    validator.addSchema(schema, 'vitals');
    const validate = validator.getSchema('vitals#/$defs/React')!;
    const server = serve();
    service.configure({ release: 'r'.repeat(40) });
    render(service, '7 Käse\n' + 'x'.repeat(100), 1e9, 'mount');
    render(service, 'useCart(): <Row>', -1, 'nested-update');
    service.flush();
    await wait(0);
    const [{ by, url, ...batch }] = server.received as [(typeof server.received)[0]];
    expect(validate(batch)).toBe(true);
    expect(validate.errors).toBe(null);
    expect([by, url]).toEqual(['fetch', '/api/v1/metrics/react']);
    expect(batch.page).toBe('/shop/:id');
    expect(batch.release).toHaveLength(32);
  });

  it('hold fifty components', async () => {
    const server = serve();
    for (let number = 0; number < 120; number++) {
      render(service, `Card${number}`);
    }
    service.flush();
    await wait(0);
    const sizes = server.received.map(({ components }) => components.length);
    expect(sizes).toEqual([50, 50, 20]);
  });

  it('belong to the page that was rendered', async () => {
    const server = serve();
    history.replaceState(null, '', '/products/12');
    render(service, 'Product');
    history.replaceState(null, '', '/orders');
    render(service, 'Orders');
    service.flush();
    await wait(0);
    expect(server.received.map(({ page }) => page)).toEqual([
      '/products/:id',
      '/orders',
    ]);
  });

  it('name the page as the application does', async () => {
    const server = serve();
    service.configure({ page: () => '/shop' });
    render(service, 'Cart');
    service.flush();
    await wait(0);
    expect(server.received[0]!.page).toBe('/shop');
  });

  it('go by beacon when the page is hidden', () => {
    const server = serve();
    render(service, 'Cart');
    show('hidden');
    expect(server.received).toMatchObject([{ by: 'beacon' }]);
    show('hidden');
    expect(server.received).toHaveLength(1);
  });

  it.each([
    [{ sampleRate: 0.4 }, 0], // the tests draw 0.5
    [{ sampleRate: 0.6, endpoint: null }, 1],
  ])('are none with %j, figures are of %d component', async (options, known) => {
    const server = serve();
    const quiet = new ReactProfilerService(options);
    render(quiet, 'Cart');
    quiet.flush();
    await wait(60);
    expect(quiet.getMetrics().size).toBe(known);
    quiet.reset();
    expect(server.asked).toBe(0);
  });
});

describe('when the server', () => {
  it('is away, everything arrives later, exactly once', async () => {
    const server = serve();
    server.answers = [0, 500, 503, 429];
    let rendered = 0;
    for (let period = 0; period < 20; period++) {
      render(service, 'Cart');
      rendered++;
      await wait(30);
    }
    await wait(60);
    expect(arrived(server, 'Cart')).toBe(rendered);
    expect(service.counts()).toMatchObject({ waiting: 0, failures: 4, dropped: 0 });
  });

  it('stays away, numbers add up in bounded memory and nothing is lost', async () => {
    const server = serve();
    server.usually = 0;
    const errors = vi.spyOn(console, 'error');
    for (let period = 0; period < 500; period++) {
      render(service, 'Cart');
      await wait(30);
    }
    expect(service.counts().waiting).toBe(20);
    // Pauses grow to five minutes.
    expect(server.asked).toBeLessThan((500 * 30) / 225 + 8);
    server.usually = 204;
    await wait(400);
    service.flush();
    await wait(0);
    expect(arrived(server, 'Cart')).toBe(500);
    expect(errors).not.toHaveBeenCalled();
  });

  it('refuses, the same is not sent again, and soon nothing', async () => {
    const server = serve();
    server.usually = 400;
    for (let period = 0; period < 10; period++) {
      render(service, 'Cart');
      await wait(30);
    }
    expect(server.asked).toBe(3);
    expect(service.counts()).toMatchObject({ refused: 3, waiting: 0, sent: 0 });
    expect(service.getMetrics().get('Cart')!.renderCount).toBe(10);
  });

  it('never answers, the next try comes after 30 s', async () => {
    let asked = 0;
    vi.stubGlobal('fetch', (_url: string, { signal }: { signal: AbortSignal }) => {
      asked++;
      return new Promise((_resolve, reject) => {
        signal.addEventListener('abort', () => reject(new Error('aborted')));
      });
    });
    render(service, 'Cart');
    service.flush();
    await wait(29);
    expect(asked).toBe(1);
    await wait(40);
    expect(asked).toBe(2);
  });

  it('is blocked by an extension, nothing is thrown or written', async () => {
    const written = vi.spyOn(console, 'error');
    vi.stubGlobal('fetch', () => {
      throw new Error('blocked');
    });
    Object.assign(navigator, {
      sendBeacon: () => {
        throw new Error('blocked');
      },
    });
    render(service, 'Cart');
    show('hidden');
    await wait(31);
    expect(service.counts()).toMatchObject({ waiting: 1, failures: 3 });
    expect(written).not.toHaveBeenCalled();
  });
});

describe('the console', () => {
  it('stays empty unless it is wanted', () => {
    const warned = vi.spyOn(console, 'warn').mockReturnValue();
    render(service, 'Slow', 40);
    expect(warned).not.toHaveBeenCalled();
    service.configure({ logSlowRenders: true });
    render(service, 'Slow', 40);
    expect(warned.mock.calls).toEqual([
      ['[ReactProfiler] Slow render: Slow (update) took 40.00 ms'],
    ]);
  });
});
