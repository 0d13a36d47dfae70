/** What is sent; the schema of the intake is the addon's data/web_vitals.schema.json. */

export type VitalName = 'LCP' | 'INP' | 'CLS' | 'FCP' | 'TTFB' | 'LOAD';
/** FID is only there for clients that still send it; this collector never does. */
export type MetricName =
  VitalName | 'FID' | 'LONG_TASK' | 'RESOURCE' | 'ACTION' | 'RPC';
export type Rating = 'good' | 'needs-improvement' | 'poor';
export type Device = 'desktop' | 'mobile' | 'tablet';
export type Navigation =
  'navigate' | 'reload' | 'back-forward' | 'prerender' | 'restore' | 'soft';

/** What the server itself needed, by its Server-Timing header; null when it says none. */
export interface ServerTimes {
  server_ms: number | null;
  db_ms: number | null;
}

export interface WireMetric extends ServerTimes {
  name: MetricName;
  /** Milliseconds; CLS has no unit. */
  value: number;
  rating: Rating | null;
  id: string;
  delta: number | null;
  /** A selector without ids, a route template or model.method. */
  target: string | null;
}

export interface Envelope {
  v: 1;
  page: string;
  device: Device;
  nav: Navigation;
  release: string | null;
  metrics: WireMetric[];
}

/** A measurement that waits, with the page view it belongs to. */
export interface Entry {
  page: string;
  nav: Navigation;
  metric: WireMetric;
}

/** Four digits are more than any browser's clock gives. */
export const rounded = (value: number): number => +value.toFixed(4);
