/** How figures are rated, and how full their gauges are. */

import type { Figure, PerformanceMetrics } from './metrics.js';

export type Status = 'good' | 'needs-improvement' | 'poor';
/** The last good and the last not yet poor value. */
export type Limits = readonly [good: number, poor: number];

/** As in config/thresholds.json; the server's own come with its figures. */
export const DEFAULT_LIMITS = {
  api_response_avg: [100, 200],
  api_response_p95: [200, 500],
  error_rate: [0.1, 1],
  cpu_usage: [60, 80],
  memory_usage: [70, 85],
  disk_usage: [70, 85],
  LCP: [2500, 4000],
  INP: [200, 500],
  FID: [100, 300],
  CLS: [0.1, 0.25],
} as const satisfies Record<string, Limits>;

export type LimitName = keyof typeof DEFAULT_LIMITS;

export function limitsOf(metrics: PerformanceMetrics, name: LimitName): Limits {
  const [good, poor] = DEFAULT_LIMITS[name];
  const own = metrics.limits?.[name];
  return own ? [own.good, own.poor ?? Math.max(poor, own.good)] : [good, poor];
}

export function statusOf(value: number, [good, poor]: Limits): Status {
  if (value <= good) {
    return 'good';
  }
  return value <= poor ? 'needs-improvement' : 'poor';
}

/**
 * Percent of a gauge that is filled: the more, the worse.
 *
 * The last good value stands at the middle and the last that is not poor at nine
 * tenths, so that a gauge's colour and its length say the same.
 */
export function filling(value: number, [good, poor]: Limits): number {
  const part =
    value <= good
      ? (0.5 * value) / good
      : 0.5 + (0.4 * (value - good)) / Math.max(poor - good, Number.EPSILON);
  return Math.round(100 * Math.min(Math.max(part, 0), 1));
}

/** Colours that white paper and dark shades both carry, if letters are large. */
export const COLORS: Record<Status, string> = {
  good: '#389e0d',
  'needs-improvement': '#d46b08',
  poor: '#cf1322',
};
export const WORDS: Record<Status, string> = {
  good: 'Good',
  'needs-improvement': 'Needs improvement',
  poor: 'Poor',
};

const REASONS: Record<string, string> = {
  no_traffic: 'No request in this time',
  no_queries: 'No query in this time',
  no_snapshot: 'Nothing was recorded yet',
  no_vitals: 'No browser has reported yet',
  no_lighthouse: 'No run was imported yet',
  failed: 'It could not be computed',
};

/** Why there is no figure, in words. */
export function reasonOf(metrics: PerformanceMetrics, figure: string): string {
  const code = metrics.reasons?.[figure];
  return (code && REASONS[code]) ?? 'No data';
}

/** Whether there is anything to show but the machine's own load. */
export function isEmpty({ api, database, frontend }: PerformanceMetrics): boolean {
  const figures: (Figure | undefined)[] = [
    ...Object.values(api),
    database.avgQueryTime,
    frontend.lcp,
    frontend.inp,
    frontend.cls,
  ];
  return figures.every((value) => value === null || value === undefined || value === 0);
}
