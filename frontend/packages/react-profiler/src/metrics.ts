/** What the profiler knows of a component, since its page was loaded. */

import type { Phase } from './wire.js';

/** Durations and times in milliseconds, times since the page began. */
export interface ComponentMetrics {
  id: string;
  /** Of the last render, with the four after it. */
  phase: Phase;
  actualDuration: number;
  /** React's estimate of a render without any memoization. */
  baseDuration: number;
  startTime: number;
  commitTime: number;
  renderCount: number;
  totalDuration: number;
  avgDuration: number;
  maxDuration: number;
  /** Of `totalDuration`, what profiled components inside did not take. */
  ownDuration: number;
  /** Renders whose own time is over the threshold. */
  slowRenders: number;
  /** Commits that this name had a part in; a list's rows share theirs. */
  commitCount: number;
  /**
   * Most commits within one second, without those in which only a profiled component
   * inside had something to do: what renders in a loop has many.
   */
  busiestSecond: number;
}

/** What is not sent yet. */
export interface Unsent {
  renderCount: number;
  totalDuration: number;
  maxDuration: number;
  ownDuration: number;
  slowRenders: number;
  busiestSecond: number;
}

export interface Entry {
  metrics: ComponentMetrics;
  unsent: Unsent;
  /** Commits since `secondStart`. */
  commitsInSecond: number;
  secondStart: number;
}

const SECOND = 1000;

export const nothingUnsent = (): Unsent => ({
  renderCount: 0,
  totalDuration: 0,
  maxDuration: 0,
  ownDuration: 0,
  slowRenders: 0,
  busiestSecond: 0,
});

export function newEntry(id: string): Entry {
  return {
    metrics: {
      id,
      phase: 'mount',
      actualDuration: 0,
      baseDuration: 0,
      startTime: 0,
      commitTime: -1,
      renderCount: 0,
      totalDuration: 0,
      avgDuration: 0,
      maxDuration: 0,
      ownDuration: 0,
      slowRenders: 0,
      commitCount: 0,
      busiestSecond: 0,
    },
    unsent: nothingUnsent(),
    commitsInSecond: 0,
    secondStart: -Infinity,
  };
}

/**
 * Add a render; runs within React's commit, so it only adds numbers.
 *
 * @param own what profiled components inside did not take
 * @param isOwn whether the component had something to do itself
 */
export function addRender(
  entry: Entry,
  threshold: number,
  phase: Phase,
  actualDuration: number,
  baseDuration: number,
  startTime: number,
  commitTime: number,
  own: number,
  isOwn: boolean,
): void {
  const { metrics, unsent } = entry;
  metrics.phase = phase;
  metrics.actualDuration = actualDuration;
  metrics.baseDuration = baseDuration;
  metrics.startTime = startTime;
  metrics.renderCount++;
  metrics.totalDuration += actualDuration;
  unsent.renderCount++;
  unsent.totalDuration += actualDuration;
  metrics.ownDuration += own;
  unsent.ownDuration += own;
  if (actualDuration > metrics.maxDuration) {
    metrics.maxDuration = actualDuration;
  }
  if (actualDuration > unsent.maxDuration) {
    unsent.maxDuration = actualDuration;
  }
  if (own > threshold) {
    metrics.slowRenders++;
    unsent.slowRenders++;
  }
  if (commitTime !== metrics.commitTime) {
    metrics.commitTime = commitTime;
    metrics.commitCount++;
    if (!isOwn) {
      return;
    }
    if (commitTime - entry.secondStart >= SECOND) {
      entry.secondStart = commitTime;
      entry.commitsInSecond = 0;
    }
    const busiest = ++entry.commitsInSecond;
    metrics.busiestSecond = Math.max(metrics.busiestSecond, busiest);
    unsent.busiestSecond = Math.max(unsent.busiestSecond, busiest);
  }
}
