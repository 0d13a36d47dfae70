/** Web Vitals, each page view's value of each metric reported once. */

import type { Metric } from 'web-vitals';
import { onCLS, onFCP, onINP, onLCP, onTTFB } from 'web-vitals';

import { guarded } from './guard.js';
import { selector } from './names.js';

/**
 * How long a poor LCP, INP or CLS may still grow before it is sent: a late picture or
 * a moving page rarely comes alone.
 */
export const SETTLING = 1000; // ms

const FINAL_AT_ONCE = /^FCP|^TTFB/;

/**
 * Observe the five metrics.
 *
 * FCP and TTFB are reported when they are there. LCP, INP and CLS grow while the page is
 * used: they are reported as they stand when the page is first hidden, as web-vitals
 * does, a poor one as soon as it has settled, and LCP when the visitor's first click or
 * key ended it. What happens to a reported one later is not reported again: two values
 * of one page view would count twice.
 *
 * @returns reports all that is held
 */
export function observeVitals(report: (metric: Metric) => void): () => void {
  const held = new Map<string, Metric>();
  const settling = new Set<string>();
  const reported = new Set<string>();

  const release = guarded((id: string) => {
    const metric = held.get(id);
    held.delete(id);
    settling.delete(id);
    if (metric) {
      reported.add(id);
      report(metric);
    }
  });

  const settle = (id: string) => {
    if (!settling.has(id)) {
      settling.add(id);
      setTimeout(() => release(id), SETTLING);
    }
  };

  const receive = guarded((metric: Metric) => {
    const { id, name, rating } = metric;
    if (reported.has(id)) {
      return;
    }
    held.set(id, metric);
    if (FINAL_AT_ONCE.test(name)) {
      release(id);
    } else if (rating === 'poor') {
      settle(id);
    }
  });

  for (const on of [onTTFB, onFCP, onLCP, onCLS, onINP]) {
    on(receive, { reportAllChanges: true });
  }
  const input = guarded((event: Event) => {
    if (event.isTrusted) {
      held.forEach(({ name }, id) => name === 'LCP' && settle(id));
    }
  });
  for (const type of ['click', 'keydown']) {
    addEventListener(type, input, { capture: true, passive: true });
  }
  return () => held.forEach((_metric, id) => release(id));
}

/** What to look at: the largest element, the one that moved, the one clicked. */
export function culprit({ name, entries }: Metric): string | null {
  const shift = (entries as LayoutShift[]).reduce<LayoutShift | undefined>(
    (worst, entry) => (worst && worst.value >= entry.value ? worst : entry),
    undefined,
  );
  const last = entries[entries.length - 1] as { element?: Node } | undefined;
  switch (name) {
    case 'LCP':
      return selector(last?.element);
    case 'CLS':
      return selector(shift?.sources[0]?.node);
    case 'INP':
      return selector(
        (entries as PerformanceEventTiming[]).find((entry) => entry.target)?.target,
      );
    default:
      return null;
  }
}
