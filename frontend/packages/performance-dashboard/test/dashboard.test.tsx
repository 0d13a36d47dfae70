import { QueryClient, QueryClientProvider } from '@tanstack/react-query';
import { cleanup, render, screen } from '@testing-library/react';
import { afterEach, beforeEach, expect, expectTypeOf, it, vi } from 'vitest';

import type { PerformanceDashboardProps, PerformanceMetrics } from '../src/index.js';
import { PerformanceDashboard } from '../src/index.js';
import { METRICS } from './support.js';

interface Asked {
  url: string;
  headers: Record<string, string>;
}
let asked: Asked[];
let answer: () => Promise<{ status: number; body?: unknown }>;
let written: ReturnType<typeof vi.spyOn>;

beforeEach(() => {
  asked = [];
  answer = () => Promise.resolve({ status: 200, body: METRICS });
  // antd asks for the width of the screen.
  vi.stubGlobal('matchMedia', () => ({
    matches: true,
    addListener: () => undefined,
    removeListener: () => undefined,
    addEventListener: () => undefined,
    removeEventListener: () => undefined,
  }));
  vi.stubGlobal('fetch', async (url: string, init: { headers: Asked['headers'] }) => {
    asked.push({ url, headers: init.headers });
    const { status, body } = await answer();
    return {
      status,
      ok: status < 300,
      json: () =>
        body === undefined ? Promise.reject(new SyntaxError()) : Promise.resolve(body),
    };
  });
  written = vi.spyOn(console, 'error');
});
afterEach(() => {
  cleanup();
  expect(written).not.toHaveBeenCalled();
  vi.useRealTimers();
});

const show = (metrics: Partial<PerformanceMetrics>) => {
  answer = () => Promise.resolve({ status: 200, body: { ...METRICS, ...metrics } });
  return render(<PerformanceDashboard />);
};

it('shows each figure with its rating', async () => {
  show({});
  await screen.findByText('API Performance');
  const text = document.body.textContent;
  for (const shown of ['84', '320', '12.3', '2.50', '1.3', '93', '2100 ms', '0.120']) {
    expect(text).toContain(shown);
  }
  const rating = (title: string) =>
    screen.getByText(title).closest('figure, .sdp-tile')!.textContent;
  expect(rating('Avg Response Time')).toContain('Good');
  expect(rating('P95 Response Time')).toContain('Needs improvement');
  expect(rating('Error Rate')).toContain('Poor');
  expect(rating('LCP (Largest Contentful Paint)')).toContain('Good');
  expect(rating('INP (Interaction to Next Paint)')).toContain('Poor');
  expect(rating('CLS (Cumulative Layout Shift)')).toContain('Needs improvement');
  expect(rating('Memory Usage')).toContain('Needs improvement');
  expect(rating('Disk Usage')).toContain('Poor');
});

it('fills a gauge the more, the worse its figure is', async () => {
  show({});
  await screen.findByText('Core Web Vitals');
  const percent = (label: string) =>
    Number(screen.getByLabelText(label).getAttribute('aria-valuenow'));
  expect(percent('LCP (Largest Contentful Paint): 2100 ms')).toBe(42);
  expect(percent('INP (Interaction to Next Paint): 620 ms')).toBe(100);
  expect(percent('CPU Usage: 30 %')).toBe(30);
});

it('says why a figure is missing, and never shows 0 for it', async () => {
  show({});
  const title = await screen.findByText('FID (First Input Delay)');
  const text = title.closest('figure')!.textContent;
  expect(text).toContain('–');
  expect(text).toContain('No browser has reported yet');
});

it('shows that it waits', () => {
  answer = () => new Promise(() => undefined);
  render(<PerformanceDashboard />);
  expect(screen.getByLabelText('Loading performance metrics')).toBeTruthy();
});

it('says that nothing was asked of the server', async () => {
  show({
    api: {
      avgResponseTime: null,
      p95ResponseTime: null,
      requestsPerSecond: 0,
      errorRate: null,
    },
    database: { avgQueryTime: null, slowQueries: 0, activeConnections: 2 },
    frontend: { lcp: null, fid: null, inp: null, cls: null, lighthouseScore: null },
  });
  expect(await screen.findByText(/Nothing was asked of the server/)).toBeTruthy();
});

it('says that nothing is measured', async () => {
  show({ measuring: { on: false, reason: 'disabled' } });
  expect(await screen.findByText('Nothing is measured (disabled).')).toBeTruthy();
});

it.each([
  [403, undefined, 'You may not see these figures.'],
  [404, undefined, 'The server answered with 404.'],
  [200, { error: 'none' }, 'The answer holds no figures.'],
  [200, undefined, 'The answer holds no figures.'],
])('tells of an answer %d with %j', async (status, body, message) => {
  answer = () => Promise.resolve({ status, body });
  render(
    <QueryClientProvider
      client={new QueryClient({ defaultOptions: { queries: { retryDelay: 1 } } })}
    >
      <PerformanceDashboard />
    </QueryClientProvider>,
  );
  expect(await screen.findByText('Failed to load metrics')).toBeTruthy();
  expect(screen.getByText(message)).toBeTruthy();
  expect(screen.getByText('Try again')).toBeTruthy();
});

it('asks every ten seconds, and keeps old figures when no newer ones come', async () => {
  vi.useFakeTimers({ shouldAdvanceTime: true });
  render(<PerformanceDashboard headers={{ Authorization: 'Bearer key' }} range="1h" />);
  await vi.waitFor(() => screen.getByText('API Performance'));
  expect(asked).toEqual([
    {
      url: '/api/v1/performance/dashboard?range=1h',
      headers: { Accept: 'application/json', Authorization: 'Bearer key' },
    },
  ]);
  answer = () => Promise.resolve({ status: 500 });
  await vi.advanceTimersByTimeAsync(9_000);
  expect(asked).toHaveLength(1);
  await vi.advanceTimersByTimeAsync(5_000);
  await vi.waitFor(() => screen.getByText(/newer ones did not come/));
  expect(screen.getByText('API Performance')).toBeTruthy();
});

it('has the types that are promised', () => {
  expectTypeOf(PerformanceDashboard)
    .parameter(0)
    .toEqualTypeOf<PerformanceDashboardProps>();
  // @ts-expect-error -- a number is no time such as 15m
  expect(() => <PerformanceDashboard range={15} />).not.toThrow();
});
