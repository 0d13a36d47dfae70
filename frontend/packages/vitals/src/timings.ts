/** What the browser's own timelines tell beside Web Vitals. */

import { guarded } from './guard.js';
import type { Rating, ServerTimes } from './wire.js';
import { rounded } from './wire.js';

/** Load end, milliseconds: good up to the product's target, poor over twice that. */
const LOAD_LIMITS = [2000, 4000] as const;
/** A long task over this is poor (the specification's limit). */
const LONG_TASK_LIMIT = 100;

export const loadRating = (value: number): Rating =>
  value > LOAD_LIMITS[1]
    ? 'poor'
    : value > LOAD_LIMITS[0]
      ? 'needs-improvement'
      : 'good';

export const longTaskRating = (value: number): Rating =>
  value > LONG_TASK_LIMIT ? 'poor' : 'needs-improvement';

export function navigationEntry(): PerformanceNavigationTiming | undefined {
  return performance.getEntriesByType('navigation')[0];
}

/** `total` and `db` of an answer's Server-Timing header. */
export function serverTimes(entry?: PerformanceResourceTiming): ServerTimes {
  const find = (name: string) => {
    // eslint-disable-next-line @typescript-eslint/no-unnecessary-condition -- Safari < 16.4
    const timing = entry?.serverTiming?.find((found) => found.name === name);
    return timing ? rounded(timing.duration) : null;
  };
  return { server_ms: find('total'), db_ms: find('db') };
}

/**
 * Call back with the milliseconds until the page was loaded, once they are known.
 *
 * Not for a page that was in the background: browsers slow those down on purpose.
 */
export function whenLoaded(callback: (value: number) => void): void {
  const report = guarded(() => {
    const entry = navigationEntry();
    const end = entry?.loadEventEnd ?? 0;
    const hidden = performance
      .getEntriesByType('visibility-state')
      .some(({ name, startTime }) => name === 'hidden' && startTime < end);
    if (end > 0 && !hidden) {
      const activation = (entry as { activationStart?: number }).activationStart;
      callback(Math.max(end - (activation ?? 0), 0));
    }
  });
  if (document.readyState === 'complete') {
    setTimeout(report);
  } else {
    // loadEventEnd is set after the last listener.
    addEventListener('load', () => setTimeout(report), { once: true });
  }
}

/** Call back with each entry of a type, those from before included. */
export function observe(
  type: 'longtask' | 'resource',
  callback: (entry: PerformanceResourceTiming) => void,
): void {
  guarded(() => {
    new PerformanceObserver((list) =>
      (list.getEntries() as PerformanceResourceTiming[]).forEach(guarded(callback)),
    ).observe({ type, buffered: true });
  })(); // a browser that does not know the type may throw
}
