import { describe, expect, it } from 'vitest';

import thresholds from '../../../../smart_dairy_performance/data/thresholds.json';
import type { PerformanceMetrics } from '../src/index.js';
import type { LimitName } from '../src/rating.js';
import {
  DEFAULT_LIMITS,
  filling,
  isEmpty,
  limitsOf,
  reasonOf,
  statusOf,
} from '../src/rating.js';
import { METRICS } from './support.js';

describe('limits', () => {
  const known = { ...thresholds.levels, ...thresholds.web_vitals };
  it.each(Object.keys(DEFAULT_LIMITS) as LimitName[])(
    '%s is in thresholds.json',
    (name) => {
      const { good, poor } = known[name];
      expect(DEFAULT_LIMITS[name]).toEqual([good, poor]);
    },
  );

  it('of the server come first', () => {
    const limits = { LCP: { good: 1000, poor: null }, INP: { good: 9, poor: 10 } };
    const metrics: PerformanceMetrics = { ...METRICS, limits };
    expect(limitsOf(metrics, 'LCP')).toEqual([1000, 4000]);
    expect(limitsOf(metrics, 'INP')).toEqual([9, 10]);
    expect(limitsOf(metrics, 'CLS')).toEqual([0.1, 0.25]);
  });
});

it.each([
  [0, 'good', 0],
  [1250, 'good', 25],
  [2500, 'good', 50],
  [2501, 'needs-improvement', 50],
  [4000, 'needs-improvement', 90],
  [4001, 'poor', 90],
  [99_999, 'poor', 100],
])('%d ms of LCP is %s and fills %d %%', (value, status, percent) => {
  expect(statusOf(value, [2500, 4000])).toBe(status);
  expect(filling(value, [2500, 4000])).toBe(percent);
});

it('an empty time is told from one with figures', () => {
  expect(isEmpty(METRICS)).toBe(false);
  const nothing = (section: object) =>
    Object.fromEntries(Object.keys(section).map((name) => [name, null]));
  const empty = {
    ...METRICS,
    api: { ...nothing(METRICS.api), requestsPerSecond: 0 },
    database: nothing(METRICS.database),
    frontend: nothing(METRICS.frontend),
  } as unknown as PerformanceMetrics;
  expect(isEmpty(empty)).toBe(true);
});

it('a figure that is missing has a reason', () => {
  expect(reasonOf(METRICS, 'frontend.fid')).toBe('No browser has reported yet');
  expect(reasonOf(METRICS, 'frontend.lcp')).toBe('No data');
});
