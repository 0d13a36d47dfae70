/** The defaults are the product's; what a page gives wrongly is ignored. */
import { expect, it } from 'vitest';

import thresholds from '../../../../config/thresholds.json';
import { complete } from '../src/settings.js';
import { loadRating, longTaskRating } from '../src/timings.js';

it('has the defaults of config/thresholds.json', () => {
  const settings = complete({ endpoint: '/x' });
  expect(settings.batch).toBe(thresholds.monitoring.vitals_batch_size.value);
  expect(settings.flushSeconds).toBe(thresholds.monitoring.vitals_flush_interval.value);
  expect(settings.slowResource).toBe(thresholds.limits.slow_resource.value);
});

it('rates a load by the target of the page load', () => {
  const target = 1000 * thresholds.targets.page_load_p95.value;
  expect([loadRating(target), loadRating(target + 1)]).toEqual([
    'good',
    'needs-improvement',
  ]);
  expect([loadRating(2 * target), loadRating(2 * target + 1)]).toEqual([
    'needs-improvement',
    'poor',
  ]);
});

it('rates long tasks as the specification does', () => {
  expect([longTaskRating(100), longTaskRating(101)]).toEqual([
    'needs-improvement',
    'poor',
  ]);
});

it('takes what is given and of the right type', () => {
  const given = {
    endpoint: '/x',
    batch: 5,
    page: '/shop',
    flushSeconds: '9',
    extra: 1,
  };
  const settings = complete(given as never);
  expect(settings).toMatchObject({ batch: 5, page: '/shop', flushSeconds: 30 });
  expect(complete({ endpoint: '/x', page: null }).page).toBeNull();
  expect(complete({ endpoint: '/x', release: 7 } as never).release).toBeNull();
});
