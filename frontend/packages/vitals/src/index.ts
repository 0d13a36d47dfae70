/**
 * Collects Web Vitals and slow work of real visits.
 *
 * ```ts
 * import { startCollector } from '@smart-dairy/vitals';
 * startCollector({ endpoint: '/api/v1/metrics/web-vitals', page: '/products/:id' });
 * ```
 */
export type { Collector, CollectorSettings, ConsentHook } from './collector.js';
export { startCollector } from './collector.js';
export type { MetricSummary, MonitorOptions } from './monitor.js';
export { WebVitalsMonitor, webVitalsMonitor } from './monitor.js';
export type { Counts } from './sender.js';
export type { Settings } from './settings.js';
export type {
  Device,
  Envelope,
  MetricName,
  Navigation,
  Rating,
  ServerTimes,
  VitalName,
  WireMetric,
} from './wire.js';
