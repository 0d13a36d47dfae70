/** What is published: each package packed, installed, type-checked and weighed. */
import { execFileSync } from 'node:child_process';
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, it } from 'vitest';

const FRONTEND = fileURLToPath(new URL('..', import.meta.url));
const BIN = join(FRONTEND, 'node_modules', '.bin');
const PACKAGES = ['vitals', 'react-profiler', 'performance-dashboard'];
const SLOW = 120_000; // ms, on a busy machine

const USE = `
import { PerformanceDashboard } from '@smart-dairy/performance-dashboard';
import type { ComponentMetrics } from '@smart-dairy/react-profiler';
import profiler, { profilerService, useRenderProfiler, withProfiler } from '@smart-dairy/react-profiler';
import { startCollector, WebVitalsMonitor, webVitalsMonitor } from '@smart-dairy/vitals';

const Cart = ({ items }: { items: number }) => {
  useRenderProfiler('Cart');
  return <p>{items}</p>;
};
const Profiled = withProfiler(Cart, 'Cart');
export const page = <><Profiled items={3} /><PerformanceDashboard range="1h" /></>;
export const slow: ComponentMetrics[] = profilerService.getSlowComponents();
profiler.reset();
webVitalsMonitor.start({ release: '1.0' });
new WebVitalsMonitor('/api').getMetricsSummary().LCP?.p75.toFixed();
startCollector({ endpoint: '/api' })?.flush();
// @ts-expect-error -- a number is wanted
export const wrong = <Profiled items="3" />;
`;

let folder: string;
const run = (command: string, args: string[], cwd: string): string => {
  try {
    return execFileSync(command, args, { cwd, encoding: 'utf8', stdio: 'pipe' });
  } catch (error) {
    const { stdout, stderr } = error as { stdout: string; stderr: string };
    throw new Error(`${command} ${args.join(' ')}\n${stdout}\n${stderr}`);
  }
};

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'smart-dairy-'));
  const scope = join(folder, 'node_modules', '@smart-dairy');
  mkdirSync(scope, { recursive: true });
  for (const name of PACKAGES) {
    const workspace = join(FRONTEND, 'packages', name);
    run('npm', ['pack', '--silent', '--pack-destination', folder], workspace);
    const packed = readdirSync(folder).find((file) => file.includes(`${name}-`))!;
    run('tar', ['-xzf', packed], folder);
    run('mv', ['package', join(scope, name)], folder);
  }
  // What a reader installs beside them.
  for (const name of [
    'react',
    'react-dom',
    '@types',
    'antd',
    '@tanstack',
    'echarts',
    'web-vitals',
    'csstype',
    '@rc-component',
    '@ant-design',
  ]) {
    symlinkSync(
      join(FRONTEND, 'node_modules', name),
      join(folder, 'node_modules', name),
    );
  }
  writeFileSync(join(folder, 'use.tsx'), USE);
  writeFileSync(join(folder, 'package.json'), '{"type": "module"}');
}, SLOW);
afterAll(() => rmSync(folder, { recursive: true }));

it.each(PACKAGES)(
  '%s holds its modules, its types, its README, and no more',
  (name) => {
    const files = readdirSync(join(folder, 'node_modules', '@smart-dairy', name));
    expect(files.sort()).toEqual(['README.md', 'dist', 'package.json']);
  },
);

it.each(['Bundler', 'NodeNext'])(
  'types are found with module resolution %s',
  (resolution) => {
    const module = resolution === 'Bundler' ? 'ESNext' : 'NodeNext';
    const options = ['--noEmit', '--strict', '--jsx', 'react-jsx', '--types', 'react'];
    options.push('--target', 'ES2022', '--lib', 'ES2022,DOM,DOM.Iterable');
    options.push(
      '--skipLibCheck',
      '--module',
      module,
      '--moduleResolution',
      resolution,
    );
    expect(run(join(BIN, 'tsc'), [...options, 'use.tsx'], folder)).toBe('');
  },
  SLOW,
);

it(
  'each package stays within its size, and unused parts are left out',
  () => {
    const found = JSON.parse(run(join(BIN, 'size-limit'), ['--json'], FRONTEND)) as {
      name: string;
      passed: boolean;
    }[];
    expect(found).toHaveLength(5);
    expect(found.filter(({ passed }) => !passed)).toEqual([]);
  },
  SLOW,
);
