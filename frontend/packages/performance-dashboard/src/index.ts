/**
 * The figures of an Odoo with Smart Dairy Performance, as a React component.
 *
 * ```tsx
 * import { PerformanceDashboard } from '@smart-dairy/performance-dashboard';
 * <PerformanceDashboard headers={{ Authorization: `Bearer ${apiKey}` }} />;
 * ```
 */
export type { Figure, PerformanceMetrics, Point, Source } from './metrics.js';
export { fetchPerformanceMetrics, MetricsError } from './metrics.js';
export type { PerformanceDashboardProps } from './PerformanceDashboard.js';
export {
  PerformanceDashboard,
  PerformanceDashboard as default,
} from './PerformanceDashboard.js';
