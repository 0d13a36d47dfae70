/** Which packages go into which file: they change seldom, and together. */

// The specification's chunks, with what these packages bring along.
const VENDORS: readonly (readonly [string, RegExp])[] = [
  [
    'vendor-react',
    /^(react|react-dom|react-router|react-router-dom|@remix-run\/router|scheduler)$/,
  ],
  ['vendor-charts', /^(@ant-design\/plots|echarts|zrender|tslib)$/],
  [
    'vendor-ui',
    /^(antd|@ant-design\/.*|@rc-component\/.*|rc-.*|@emotion\/.*|clsx|stylis|scroll-into-view-if-needed|compute-scroll-into-view|throttle-debounce|is-mobile)$/,
  ],
  ['vendor-utils', /^(lodash-es|dayjs|axios|@tanstack\/.*)$/],
];
// Helpers of the bundler that every chunk uses belong to the one that is always there.
const HELPERS = /vite\/preload-helper|commonjsHelpers|@babel\/runtime/;

/** The package of a module; null for our own. */
export function packageOf(id: string): string | null {
  const inside = id.split('/node_modules/');
  const found = /^(@[^/]+\/[^/]+|[^/]+)/.exec(inside[inside.length - 1] ?? '');
  return inside.length > 1 && found ? found[1]! : null;
}

/** For rollup's `manualChunks`. */
export function chunkOf(id: string): string | undefined {
  if (HELPERS.test(id)) {
    return 'vendor-react';
  }
  const name = packageOf(id);
  return name === null ? undefined : VENDORS.find(([, of]) => of.test(name))?.[0];
}
