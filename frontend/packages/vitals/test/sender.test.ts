/** Batches, retries, exactly once, bounded memory. */
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

import type { Sender } from '../src/sender.js';
import { createSender } from '../src/sender.js';
import type { Server } from './support.js';
import { entry, ids, names, serve } from './support.js';

let server: Server;
let sender: Sender;

beforeEach(() => {
  vi.useFakeTimers();
  vi.spyOn(Math, 'random').mockReturnValue(0.5); // retries without their spread
  server = serve();
  sender = createSender({
    url: '/batch',
    device: 'desktop',
    release: '1.2',
    batch: 10,
    flushAfter: 30_000,
  });
});

afterEach(() => {
  sender.close();
  vi.useRealTimers();
});

const add = (count: number, name: Parameters<typeof entry>[0] = 'LCP') => {
  const entries = Array.from({ length: count }, () => entry(name));
  entries.forEach((one) => sender.add(one));
  return entries.map(({ metric }) => metric.id);
};
const pass = (milliseconds: number) => vi.advanceTimersByTimeAsync(milliseconds);

describe('batches', () => {
  it('sends nothing before the tenth, then all ten together', async () => {
    const first = add(9);
    await pass(29_999);
    expect(server.received).toEqual([]);
    const tenth = add(1);
    await pass(0);
    expect(ids(server)).toEqual([...first, ...tenth]);
    expect(server.received).toHaveLength(1);
    expect(server.received[0]).toMatchObject({
      v: 1,
      page: '/shop',
      device: 'desktop',
      nav: 'navigate',
      release: '1.2',
      url: '/batch',
    });
  });

  it('sends fewer after half a minute, counted from the first', async () => {
    add(1);
    await pass(20_000);
    add(1);
    await pass(9_999);
    expect(server.received).toEqual([]);
    await pass(1);
    expect(ids(server)).toHaveLength(2);
  });

  it('sends an urgent one at once, with what waits', async () => {
    const [usual] = add(1);
    const poor = entry('INP');
    sender.add(poor, true);
    await pass(0);
    expect(ids(server)).toEqual([usual, poor.metric.id]);
  });

  it('sends two urgent ones of one moment together', async () => {
    sender.add(entry('LCP'), true);
    sender.add(entry('CLS'), true);
    await pass(0);
    expect(server.received.map(({ metrics }) => metrics.length)).toEqual([2]);
  });

  it('leaves five seconds between full batches of a busy page', async () => {
    add(10, 'RPC');
    await pass(0);
    add(30, 'RPC');
    await pass(4_999);
    expect(server.received).toHaveLength(1);
    await pass(1);
    expect(server.received.map(({ metrics }) => metrics.length)).toEqual([10, 30]);
  });

  it('puts at most fifty of one page view into a body', async () => {
    add(70);
    sender.add(entry('LCP', { page: '/' }));
    sender.add(entry('LCP', { nav: 'restore' }));
    await pass(0);
    const bodies = server.received.map((body) => [
      body.page,
      body.nav,
      body.metrics.length,
    ]);
    expect(bodies).toEqual([
      ['/shop', 'navigate', 50],
      ['/shop', 'navigate', 20],
      ['/', 'navigate', 1],
      ['/shop', 'restore', 1],
    ]);
  });

  it('asks nothing of the server when nothing waits', async () => {
    sender.flush();
    sender.flush(true);
    await pass(60_000);
    expect(fetch).not.toHaveBeenCalled();
    expect(server.received).toEqual([]);
  });
});

describe('an answer that is late', () => {
  it('is waited for: what is under way is not sent again', async () => {
    const answer = server.hold();
    const first = add(10);
    await pass(0);
    sender.flush();
    sender.flush(true);
    const urgent = entry('INP');
    sender.add(urgent, true);
    await pass(1_000);
    expect(fetch).toHaveBeenCalledTimes(1);
    answer();
    await pass(0);
    expect(ids(server)).toEqual([...first, urgent.metric.id]);
    expect(sender.counts()).toMatchObject({ waiting: 0, sent: 11 });
  });
});

describe('a server that fails', () => {
  it.each([500, 503, 429, 408, 0])('is asked again after %d', async (status) => {
    server.answers = [status];
    const sent = add(10);
    await pass(0);
    expect(server.received).toEqual([]);
    expect(sender.counts()).toMatchObject({ waiting: 10, sent: 0, failures: 1 });
    await pass(4_999);
    expect(fetch).toHaveBeenCalledTimes(1);
    await pass(1);
    expect(ids(server)).toEqual(sent);
    expect(sender.counts()).toMatchObject({ waiting: 0, sent: 10 });
  });

  it('is asked ever more rarely, by urgent ones too', async () => {
    server.answers = Array<number>(60).fill(0);
    sender.add(entry('LCP'), true);
    const times: number[] = [];
    for (let second = 0; second < 3600; second++) {
      sender.add(entry('INP'), true);
      await pass(1_000);
      const calls = vi.mocked(fetch).mock.calls.length;
      times.push(...Array<number>(calls - times.length).fill(second + 1));
    }
    // After 5, 10, 20 ... seconds, at last each five minutes.
    expect(times.slice(0, 8)).toEqual([1, 5, 15, 35, 75, 155, 315, 615]);
    expect(times.length).toBeLessThanOrEqual(18);
  });

  it('gets new ones after old ones when it is back, each once', async () => {
    server.answers = [0];
    const old = add(10);
    await pass(0);
    const fresh = add(3);
    await pass(5_000);
    expect(ids(server)).toEqual([...old, ...fresh]);
  });

  it('starts again with short pauses after a success', async () => {
    server.answers = [0, 0, 204, 0];
    add(10);
    await pass(15_000);
    expect(sender.counts().sent).toBe(10);
    add(10);
    await pass(5_000);
    expect(sender.counts().failures).toBe(3);
    await pass(5_000);
    expect(sender.counts().sent).toBe(20);
  });
});

describe('a server that refuses', () => {
  it.each([400, 403, 404, 413])(
    'does not get the same again after %d',
    async (status) => {
      server.answers = [status];
      add(10);
      await pass(600_000);
      expect(fetch).toHaveBeenCalledTimes(1);
      expect(sender.counts()).toMatchObject({ waiting: 0, refused: 10, failures: 0 });
    },
  );

  it('is left alone after three times', async () => {
    server.answers = [404, 404, 404];
    for (let number = 0; number < 5; number++) {
      add(10);
      await pass(60_000);
    }
    expect(fetch).toHaveBeenCalledTimes(3);
    expect(sender.counts()).toMatchObject({ waiting: 0, refused: 30 });
  });

  it('is not given up for refusals that are no row', async () => {
    server.answers = [404, 404, 204, 404, 404, 204];
    for (let number = 0; number < 6; number++) {
      add(10);
      await pass(60_000);
    }
    expect(sender.counts()).toMatchObject({ sent: 20, refused: 40 });
  });
});

describe('leaving the page', () => {
  it('hands all to the browser, of each page view apart', () => {
    const first = add(60);
    const other = entry('CLS', { page: '/' });
    sender.add(other);
    sender.flush(true);
    expect(server.received.map(({ by, metrics }) => [by, metrics.length])).toEqual([
      ['beacon', 50],
      ['beacon', 10],
      ['beacon', 1],
    ]);
    expect(ids(server)).toEqual([...first, other.metric.id]);
    expect(sender.counts()).toMatchObject({ waiting: 0, sent: 61 });
  });

  it('falls back to a request that outlives the page', async () => {
    server.takesBeacons = false;
    const sent = add(2);
    sender.flush(true);
    expect(fetch).toHaveBeenCalledWith(
      '/batch',
      expect.objectContaining({ keepalive: true }),
    );
    await pass(0);
    expect(ids(server)).toEqual(sent);
    expect(server.received[0]?.by).toBe('fetch');
  });

  it('keeps what neither takes', async () => {
    server.takesBeacons = false;
    server.answers = [0];
    const sent = add(2);
    sender.flush(true);
    await pass(0);
    expect(sender.counts()).toMatchObject({ waiting: 2, sent: 0 });
    server.takesBeacons = true;
    sender.flush(true); // hidden once more, in the middle of the pause
    expect(ids(server)).toEqual(sent);
  });

  it('survives a browser without sendBeacon', async () => {
    Object.assign(navigator, { sendBeacon: undefined });
    const sent = add(1);
    sender.flush(true);
    await pass(0);
    expect(ids(server)).toEqual(sent);
  });
});

describe('memory', () => {
  it('holds two hundred, and gives vitals precedence', async () => {
    server.answers = Array<number>(5).fill(0);
    const vitals = add(6, 'CLS');
    add(500, 'LONG_TASK');
    await pass(0);
    expect(sender.counts()).toMatchObject({ waiting: 200, dropped: 306 });
    const more = add(4, 'INP');
    expect(sender.counts()).toMatchObject({ waiting: 200, dropped: 310 });
    sender.flush(true);
    const arrived = ids(server);
    expect(arrived).toHaveLength(200);
    expect(arrived).toEqual(expect.arrayContaining([...vitals, ...more]));
  });

  it('is bounded when there are only vitals: the oldest go', () => {
    const all = add(250, 'LCP');
    sender.flush(true);
    expect(ids(server)).toEqual(all.slice(50));
    expect(sender.counts()).toMatchObject({ dropped: 50, sent: 200 });
  });
});

it('forgets everything when it is closed', async () => {
  const answer = server.hold();
  server.answers = [500];
  add(10);
  await pass(0);
  add(3);
  sender.close();
  answer();
  add(20);
  await pass(600_000);
  expect(names(server)).toEqual([]);
  expect(fetch).toHaveBeenCalledTimes(1);
  expect(sender.counts().waiting).toBe(0);
});
