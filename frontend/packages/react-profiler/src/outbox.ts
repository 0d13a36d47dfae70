/** Batches that wait, and their way to the server: each held until it was taken. */

import type { Batch } from './wire.js';

const MOST_BATCHES = 20;
const TIMEOUT = 30_000; // ms that an answer may take
const FIRST_RETRY = 5000; // ms, doubled by each failure
const LAST_RETRY = 300_000;
const MOST_REFUSALS = 3; // in a row; then this page and the server do not fit

export interface Counts {
  /** Batches that wait; `sent`, `refused` and `failures` are requests. */
  waiting: number;
  sent: number;
  /** Answered with an error that a retry cannot mend. */
  refused: number;
  /** Attempts that are repeated. */
  failures: number;
  /** Renders of components beyond the most that are kept apart. */
  dropped: number;
}

export class Outbox {
  sent = 0;
  refused = 0;
  failures = 0;
  closed = false;
  private batches: Batch[] = [];
  private busy = false;
  private failuresInARow = 0;
  private refusalsInARow = 0;
  private notBefore = 0;
  private timer: ReturnType<typeof setTimeout> | undefined;

  constructor(private readonly endpoint: () => string) {}

  get size(): number {
    return this.batches.length;
  }

  /** Whether one more batch would be kept. */
  get hasRoom(): boolean {
    return !this.closed && this.batches.length < MOST_BATCHES;
  }

  add(batch: Batch): void {
    this.batches.push(batch);
  }

  /** Send what waits, one batch after the other, unless a failure was just now. */
  send(): void {
    const [batch] = this.batches;
    if (this.busy || !batch) {
      return;
    }
    const pause = this.notBefore - performance.now();
    clearTimeout(this.timer);
    if (pause > 0) {
      this.timer = setTimeout(() => this.send(), pause);
      return;
    }
    this.busy = true;
    void this.post(batch).then((status) => this.settle(batch, status));
  }

  /** Hand everything to the browser, which sends it when the page is gone. */
  leave(): void {
    // What is under way may have arrived already: it is not sent twice.
    const first = this.busy ? 1 : 0;
    while (this.batches.length > first) {
      const batch = this.batches[first]!;
      let accepted = false;
      try {
        accepted = navigator.sendBeacon(this.endpoint(), JSON.stringify(batch));
      } catch {
        // There is none, or an extension forbids it.
      }
      if (!accepted) {
        this.send();
        return;
      }
      this.batches.splice(first, 1);
      this.sent++;
    }
  }

  clear(): void {
    this.batches = [];
    clearTimeout(this.timer);
  }

  /** The status of the answer; 503 when there was none. */
  private async post(batch: Batch): Promise<number> {
    const abort = new AbortController();
    const timeout = setTimeout(() => abort.abort(), TIMEOUT);
    try {
      // A string goes as text/plain, which needs no preflight on another host.
      const { status } = await fetch(this.endpoint(), {
        method: 'POST',
        body: JSON.stringify(batch),
        keepalive: true,
        signal: abort.signal,
      });
      return status;
    } catch {
      return 503;
    } finally {
      clearTimeout(timeout);
    }
  }

  private settle(batch: Batch, status: number): void {
    this.busy = false;
    const done = status < 500 && ![408, 425, 429].includes(status);
    if (done) {
      this.batches = this.batches.filter((other) => other !== batch);
      this.failuresInARow = 0;
    }
    if (status < 400) {
      this.sent++;
      this.refusalsInARow = 0;
    } else if (done) {
      this.refused++;
      if (++this.refusalsInARow >= MOST_REFUSALS) {
        this.closed = true;
        this.clear();
        return;
      }
    } else {
      this.failures++;
      const pause = Math.min(FIRST_RETRY * 2 ** this.failuresInARow++, LAST_RETRY);
      // Not all visitors at the same time when the server is back.
      this.notBefore = performance.now() + pause * (0.75 + Math.random() / 2);
    }
    this.send();
  }
}
