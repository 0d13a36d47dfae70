/** The collector as the class that the specification names, with a summary beside it. */

import type { Collector, CollectorSettings } from './collector.js';
import { startCollector } from './collector.js';
import type { Counts } from './sender.js';
import type { MetricName, WireMetric } from './wire.js';

const ENDPOINT = '/api/v1/metrics/web-vitals';
const MOST_VALUES = 200; // of a metric; the oldest go

export interface MonitorOptions extends Partial<CollectorSettings> {
  /** Where to send; by default to this host. */
  endpoint?: string;
  /** False: measure nothing before `start`. */
  autoStart?: boolean;
}

/** Of the values of this page, sent or not; milliseconds, CLS has no unit. */
export interface MetricSummary {
  count: number;
  avg: number;
  min: number;
  max: number;
  p75: number;
  p95: number;
}

/**
 * Measures this page view: batches of 10, sent after 30 s at the latest, poor ones at
 * once. Everything of `startCollector` holds for it; one a page is enough.
 */
export class WebVitalsMonitor {
  private readonly options: MonitorOptions;
  private readonly values = new Map<MetricName, number[]>();
  private collector: Collector | null = null;

  /** @param given an endpoint, as the specification has it, or options */
  constructor(given: string | MonitorOptions = {}) {
    this.options = typeof given === 'string' ? { endpoint: given } : given;
    if (this.options.autoStart ?? true) {
      this.start();
    }
  }

  /** Begin; a second call does nothing. */
  start(options: MonitorOptions = {}): void {
    if (!this.collector) {
      const settings = { endpoint: ENDPOINT, ...this.options, ...options };
      this.collector = startCollector(settings, undefined, (metric) =>
        this.keep(metric),
      );
    }
  }

  getMetricsSummary(): Partial<Record<MetricName, MetricSummary>> {
    const summary: Partial<Record<MetricName, MetricSummary>> = {};
    for (const [name, values] of this.values) {
      const sorted = [...values].sort((one, other) => one - other);
      summary[name] = {
        count: sorted.length,
        avg: sorted.reduce((sum, value) => sum + value, 0) / sorted.length,
        min: sorted[0]!,
        max: sorted[sorted.length - 1]!,
        p75: percentile(sorted, 75),
        p95: percentile(sorted, 95),
      };
    }
    return summary;
  }

  /** Send what waits now. */
  flush(): void {
    this.collector?.flush();
  }

  /** Forget what waits, and measure nothing more on this page. */
  stop(): void {
    this.collector?.stop();
  }

  /** What was sent, waits and was lost; null when nothing is measured. */
  counts(): Counts | null {
    return this.collector?.counts() ?? null;
  }

  private keep({ name, value }: WireMetric): void {
    const values = this.values.get(name) ?? [];
    values.push(value);
    if (values.length > MOST_VALUES) {
      values.shift();
    }
    this.values.set(name, values);
  }
}

/** The nearest rank: a value that was measured, of which p percent are no larger. */
function percentile(sorted: number[], p: number): number {
  return sorted[Math.max(Math.ceil((p / 100) * sorted.length) - 1, 0)]!;
}

/** One for the whole application; measures from `start()` on. */
export const webVitalsMonitor = /* @__PURE__ */ new WebVitalsMonitor({
  autoStart: false,
});
