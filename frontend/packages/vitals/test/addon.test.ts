/** The addon's script: it starts by what the page says, once. */
import { afterEach, beforeEach, expect, it, vi } from 'vitest';

const startCollector = vi.hoisted(() => vi.fn(() => ({ record: () => undefined })));
vi.mock('../src/collector.js', () => ({ startCollector }));

const SETTINGS = { endpoint: '/api/v1/metrics/web-vitals', page: '/shop' };

async function load(
  settings?: string,
): Promise<NonNullable<Window['smartDairyVitals']>> {
  document.body.innerHTML = settings
    ? `<script type="application/json" id="smart-dairy-vitals">${settings}</script>`
    : '';
  vi.resetModules();
  await import('../src/addon.js');
  return window.smartDairyVitals!;
}

beforeEach(() => startCollector.mockClear());
afterEach(() => {
  delete window.smartDairyVitals;
});

it('starts by the settings in the page', async () => {
  const api = await load(JSON.stringify(SETTINGS));
  expect(startCollector).toHaveBeenCalledExactlyOnceWith(
    SETTINGS,
    expect.any(Function),
  );
  expect(api.record).toBeTypeOf('function');
});

it('waits without them, for the module of the addon that has the session', async () => {
  const api = await load();
  api.start?.(undefined);
  api.start?.(null);
  api.start?.({} as never);
  expect(startCollector).not.toHaveBeenCalled();
  api.start?.(SETTINGS);
  api.start?.({ endpoint: '/other' });
  expect(startCollector).toHaveBeenCalledExactlyOnceWith(
    SETTINGS,
    expect.any(Function),
  );
});

it('starts once when two bundles bring it', async () => {
  await load(JSON.stringify(SETTINGS));
  await load(JSON.stringify(SETTINGS));
  expect(startCollector).toHaveBeenCalledTimes(1);
});

it('hands on the consent that the page set before', async () => {
  window.smartDairyVitals = { consent: false };
  await load(JSON.stringify(SETTINGS));
  const hook = (startCollector.mock.calls[0] as unknown[])[1] as () => unknown;
  expect(hook()).toBe(false);
});

it('is silent about settings that are no JSON', async () => {
  await expect(load('{')).resolves.toBeDefined();
  expect(startCollector).not.toHaveBeenCalled();
});
