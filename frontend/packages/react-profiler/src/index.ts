/**
 * Measures what React components take to render.
 *
 * ```tsx
 * import { withProfiler } from '@smart-dairy/react-profiler';
 * export const Cart = withProfiler(PlainCart, 'Cart');
 * ```
 */
export type { ComponentMetrics } from './metrics.js';
export type { Counts } from './outbox.js';
export { useRenderProfiler, withProfiler } from './profiler.js';
export type { ProfilerOptions, ProfilerReport } from './service.js';
export {
  profilerService,
  profilerService as default,
  ReactProfilerService,
  RENDER_BUDGET,
} from './service.js';
export type { Batch, Phase, WireComponent } from './wire.js';
