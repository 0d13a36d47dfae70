/** How the portal's bundle is cut and judged; the build itself is in tests/browser. */
import { expect, it } from 'vitest';

import type { Weight } from '../apps/portal/build/bundleReport.js';
import { copies, judge } from '../apps/portal/build/bundleReport.js';
import { chunkOf, packageOf } from '../apps/portal/build/vendors.js';

const inside = (name: string) => `/work/node_modules/${name}/index.js`;

// The chunks of the specification's vite.config.ts.
it.each([
  ['vendor-react', ['react', 'react-dom', 'react-router-dom']],
  ['vendor-ui', ['antd', '@ant-design/icons']],
  ['vendor-charts', ['@ant-design/plots', 'echarts']],
  ['vendor-utils', ['lodash-es', 'dayjs', 'axios']],
])('%s holds %j', (chunk, names) => {
  expect(names.map((name) => chunkOf(inside(name)))).toEqual(names.map(() => chunk));
});

it('leaves our own modules to their pages', () => {
  expect(chunkOf('/work/apps/portal/src/pages/Home.tsx')).toBe(undefined);
  expect(chunkOf('/work/packages/react-profiler/dist/index.js')).toBe(undefined);
  expect(packageOf('/a/node_modules/@b/c/node_modules/@d/e/f.js')).toBe('@d/e');
});

const weight = (name: string, gzip: number): Weight => ({
  file: `${name}.js`,
  name,
  bytes: 0,
  gzip,
  brotli: 0,
});

it('names what is beyond a budget', () => {
  const budgets = {
    pages: { Home: 200, Orders: 300 },
    chunks: { 'vendor-react': 100, 'vendor-ui': 200 },
    duplicates: ['tslib'],
  };
  const found = judge(
    budgets,
    { Home: 200_001, Orders: 300_000 },
    [weight('vendor-react', 100_001)],
    { tslib: ['1', '2'], react: ['18.3.1', '19.3.1'] },
  );
  expect(found).toEqual([
    'page Home: 200.0 of 200 kB',
    'vendor-react: 100.0 of 100 kB',
    'vendor-ui: there is no such chunk',
    'react is there twice: 18.3.1, 19.3.1',
  ]);
});

it('finds a package that is there twice, CommonJS wrappers apart', () => {
  const module = (renderedLength: number) => ({ renderedLength }) as never;
  const modules = {
    '/a/node_modules/react/index.js': module(10),
    '\0/a/node_modules/react/index.js?commonjs-module': module(10),
    '/a/node_modules/tslib/tslib.js': module(10),
    '/a/node_modules/echarts/node_modules/tslib/tslib.js': module(10),
    '/a/node_modules/unused/node_modules/react/index.js': module(0),
  };
  expect(copies([{ modules }])).toEqual({ tslib: ['unknown', 'unknown'] });
});
