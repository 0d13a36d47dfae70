/** What the tests share: a clock that only they move, and a server that they command. */
import { vi } from 'vitest';

import type { Batch, Phase, ReactProfilerService } from '../src/index.js';

/** Milliseconds on the clock that React and the profiler read. */
export const clock = {
  now: 1000,
  /** What a component takes. */
  pass(milliseconds: number): void {
    clock.now += milliseconds;
  },
};

export function stopClock(): void {
  clock.now = 1000;
  vi.spyOn(performance, 'now').mockImplementation(() => clock.now);
}

/** Timers and the clock advance together. */
export async function wait(seconds: number): Promise<void> {
  for (let second = 0; second < seconds; second++) {
    clock.pass(1000);
    await vi.advanceTimersByTimeAsync(1000);
  }
  await vi.advanceTimersByTimeAsync(0);
}

let commit = 0;

/** One render in a commit of its own. */
export function render(
  service: ReactProfilerService,
  id: string,
  duration = 1,
  phase: Phase = 'update',
  commitTime = (commit += 10_000),
): void {
  service.handleRender(id, phase, duration, duration, commitTime, commitTime);
}

export interface Server {
  received: (Batch & { by: 'fetch' | 'beacon'; url: string })[];
  /** Answers of the next requests; then 204. 0 is a broken line. */
  answers: number[];
  /** Answer of all others. */
  usually: number;
  takesBeacons: boolean;
  asked: number;
}

export function serve(): Server {
  const server: Server = {
    received: [],
    answers: [],
    usually: 204,
    takesBeacons: true,
    asked: 0,
  };
  const receive = (by: 'fetch' | 'beacon', url: string, body: string) =>
    server.received.push({ by, url, ...(JSON.parse(body) as Batch) });
  vi.stubGlobal('fetch', (url: string, { body }: { body: string }) => {
    server.asked++;
    const status = server.answers.shift() ?? server.usually;
    if (!status) {
      return Promise.reject(new TypeError('Failed to fetch'));
    }
    if (status < 300) {
      receive('fetch', url, body);
    }
    return Promise.resolve({ status });
  });
  Object.assign(navigator, {
    sendBeacon: (url: string, body: string) => {
      if (server.takesBeacons) {
        receive('beacon', url, body);
      }
      return server.takesBeacons;
    },
  });
  return server;
}

/** How many renders of a component arrived. */
export const arrived = (server: Server, id: string): number =>
  server.received
    .flatMap(({ components }) => components)
    .filter(({ componentId }) => componentId === id)
    .reduce((sum, { metrics }) => sum + metrics.renderCount, 0);

export function show(visibility: 'hidden' | 'visible'): void {
  vi.spyOn(document, 'visibilityState', 'get').mockReturnValue(visibility);
  document.dispatchEvent(new Event('visibilitychange', { bubbles: true }));
}
