/** Keeps what components took, and sends it from time to time. */

import type { ProfilerOnRenderCallback } from 'react';

import type { ComponentMetrics, Entry } from './metrics.js';
import { addRender, newEntry, nothingUnsent } from './metrics.js';
import type { Counts } from './outbox.js';
import { Outbox } from './outbox.js';
import type { WireComponent } from './wire.js';
import { componentName, MOST_COMPONENTS, pathTemplate, rounded } from './wire.js';

/** Milliseconds of a frame at 60 a second; config/thresholds.json holds the same. */
export const RENDER_BUDGET = 16;

export interface ProfilerOptions {
  /** Where to send; null sends nothing, figures stay on the page. */
  endpoint: string | null;
  /** Milliseconds over which a render is slow. */
  threshold: number;
  /** Send after this many seconds, and when the page is hidden. */
  flushSeconds: number;
  /** Components that are kept apart; renders of others are only counted. */
  maxComponents: number;
  /** Share of page views that are measured, 0 to 1; the others cost nothing. */
  sampleRate: number;
  /** The page's route template; by default its path, `:id` for what may be an id. */
  page: (() => string) | null;
  /** What was deployed, at most 32 characters. */
  release: string | null;
  /** Warn in the console of each slow render; for development. */
  logSlowRenders: boolean;
}

export interface ProfilerReport {
  /** Unix time, milliseconds. */
  timestamp: number;
  totalComponents: number;
  slowComponents: ComponentMetrics[];
  mostRendered: ComponentMetrics[];
  allMetrics: ComponentMetrics[];
}

const LONGEST_RELEASE = 32;

const DEFAULTS: ProfilerOptions = {
  endpoint: '/api/v1/metrics/react',
  threshold: RENDER_BUDGET,
  flushSeconds: 30,
  maxComponents: 200,
  sampleRate: 1,
  page: null,
  release: null,
  logSlowRenders: false,
};

/**
 * What profiled components took on this page.
 *
 * Making one has no side effect; the first render starts the clock. It never writes to
 * the console unless `logSlowRenders` is set, and never throws into a render.
 */
export class ReactProfilerService {
  private readonly entries = new Map<string, Entry>();
  private readonly outbox = new Outbox(() => this.options.endpoint ?? '');
  private options: ProfilerOptions;
  private timer: ReturnType<typeof setTimeout> | undefined;
  private isListening = false;
  private isInSample: boolean | undefined;
  private lastCommit = -1;
  /** Of this commit's renders, those that no outer one has taken in: when they began. */
  private readonly starts: number[] = [];
  /** And what they took. */
  private readonly durations: number[] = [];
  private path: string | null = null;
  private page = '';
  private dropped = 0;

  /** @param given an endpoint, as the specification has it, or options */
  constructor(given: string | Partial<ProfilerOptions> = {}) {
    const options = typeof given === 'string' ? { endpoint: given } : given;
    this.options = { ...DEFAULTS, ...options };
  }

  /** Change options, before the first render. */
  configure(options: Partial<ProfilerOptions>): void {
    this.options = { ...this.options, ...options };
  }

  /** Whether this page view is measured: drawn when it is first asked for. */
  get isMeasuring(): boolean {
    return (this.isInSample ??= Math.random() < this.options.sampleRate);
  }

  /** For `<Profiler onRender>`. */
  readonly handleRender: ProfilerOnRenderCallback = (
    id,
    phase,
    actualDuration,
    baseDuration,
    startTime,
    commitTime,
  ) => {
    if (!this.isMeasuring) {
      return;
    }
    const entry = this.entries.get(id) ?? this.add(id);
    if (!entry) {
      this.dropped++;
      return;
    }
    if (commitTime !== this.lastCommit) {
      this.lastCommit = commitTime;
      this.starts.length = this.durations.length = 0;
      this.follow();
    }
    const inside = this.takeInside(startTime);
    this.starts.push(startTime);
    this.durations.push(actualDuration);
    const own = inside < 0 ? actualDuration : Math.max(actualDuration - inside, 0);
    const { threshold, logSlowRenders } = this.options;
    addRender(
      entry,
      threshold,
      phase,
      actualDuration,
      baseDuration,
      startTime,
      commitTime,
      own,
      inside < 0 || own > actualDuration / 2,
    );
    if (logSlowRenders && actualDuration > threshold) {
      const took = actualDuration.toFixed(2);
      console.warn(`[ReactProfiler] Slow render: ${id} (${phase}) took ${took} ms`);
    }
  };

  /** Each component's figures since the page was loaded, or since `reset`. */
  getMetrics(): Map<string, ComponentMetrics> {
    return new Map(this.all().map((metrics) => [metrics.id, metrics]));
  }

  /**
   * Components whose average render takes longer than the threshold; those first that
   * take it themselves, not in profiled components inside.
   */
  getSlowComponents(threshold = this.options.threshold): ComponentMetrics[] {
    return this.all()
      .filter(({ avgDuration }) => avgDuration > threshold)
      .sort((one, other) => ownAverage(other) - ownAverage(one));
  }

  getMostRenderedComponents(limit = 10): ComponentMetrics[] {
    return this.all()
      .sort((one, other) => other.renderCount - one.renderCount)
      .slice(0, limit);
  }

  generateReport(): ProfilerReport {
    return {
      timestamp: Date.now(),
      totalComponents: this.entries.size,
      slowComponents: this.getSlowComponents(),
      mostRendered: this.getMostRenderedComponents(),
      allMetrics: this.all(),
    };
  }

  /** Forget everything, what waits to be sent included. */
  reset(): void {
    this.entries.clear();
    this.outbox.clear();
    this.dropped = 0;
    clearTimeout(this.timer);
    this.timer = undefined;
  }

  /** Send what waits now. */
  flush(): void {
    this.pack();
    this.outbox.send();
  }

  /** What became of what was measured. */
  counts(): Counts {
    const { size, sent, refused, failures } = this.outbox;
    return { waiting: size, sent, refused, failures, dropped: this.dropped };
  }

  /**
   * What the profiled components inside the one that began then took.
   *
   * React renders from the outside and reports from the inside: what was reported before
   * in this commit, and began later, is inside.
   *
   * @returns milliseconds, negative when there are none
   */
  private takeInside(startTime: number): number {
    const { starts, durations } = this;
    let inside = 0;
    let found = false;
    while (starts.length && starts[starts.length - 1]! >= startTime) {
      starts.pop();
      inside += durations.pop()!;
      found = true;
    }
    return found ? inside : -1;
  }

  private all(): ComponentMetrics[] {
    return Array.from(this.entries.values(), ({ metrics }) => ({
      ...metrics,
      avgDuration: metrics.totalDuration / metrics.renderCount,
    }));
  }

  private add(id: string): Entry | null {
    if (this.entries.size >= this.options.maxComponents) {
      return null;
    }
    const entry = newEntry(id);
    this.entries.set(id, entry);
    return entry;
  }

  /** Once a commit: begin a period, and notice that the page is another. */
  private follow(): void {
    this.timer ??= setTimeout(() => {
      this.timer = undefined;
      this.flush();
    }, this.options.flushSeconds * 1000);
    if (!this.isListening) {
      this.isListening = true;
      addEventListener('visibilitychange', () => this.leave(), true);
      addEventListener('pagehide', () => this.leave(), true);
    }
    const { pathname } = location;
    if (pathname !== this.path) {
      // What was rendered until now belongs to the page before.
      this.pack();
      this.path = pathname;
      this.page = this.options.page?.() ?? pathTemplate(pathname);
    }
  }

  private leave(): void {
    if (document.visibilityState === 'hidden') {
      this.pack();
      this.outbox.leave();
    }
  }

  /**
   * Put what was not sent yet into batches.
   *
   * While the outbox is full figures go on adding up in their components instead, so
   * that a server that is away costs neither memory nor numbers.
   */
  private pack(): void {
    const { endpoint } = this.options;
    const release = this.options.release?.slice(0, LONGEST_RELEASE) ?? null;
    const entries = [...this.entries.values()].filter(
      ({ unsent }) => unsent.renderCount,
    );
    for (let from = 0; from < entries.length; from += MOST_COMPONENTS) {
      if (!this.outbox.hasRoom || endpoint === null) {
        return;
      }
      const components = entries.slice(from, from + MOST_COMPONENTS).map(taken);
      this.outbox.add({ page: this.page, release, components });
    }
  }
}

const ownAverage = ({ ownDuration, renderCount }: ComponentMetrics): number =>
  ownDuration / renderCount;

/** What a component has to tell, which is then no longer unsent. */
function taken(entry: Entry): WireComponent {
  const { metrics, unsent } = entry;
  entry.unsent = nothingUnsent();
  return {
    componentId: componentName(metrics.id),
    metrics: {
      phase: metrics.phase,
      actualDuration: rounded(metrics.actualDuration),
      baseDuration: rounded(metrics.baseDuration),
      renderCount: unsent.renderCount,
      totalDuration: rounded(unsent.totalDuration),
      avgDuration: rounded(unsent.totalDuration / unsent.renderCount),
      maxDuration: rounded(unsent.maxDuration),
      ownDuration: rounded(unsent.ownDuration / unsent.renderCount),
      slowRenders: unsent.slowRenders,
      busiestSecond: unsent.busiestSecond,
    },
  };
}

/** The one that `withProfiler` and `useRenderProfiler` use when they are given none. */
export const profilerService = /* @__PURE__ */ new ReactProfilerService();
