/**
 * Builds the addon's script and this package's module.
 *
 * The script is one file that runs when it is loaded, as a classic script in Odoo's
 * asset bundle; the module keeps web-vitals as a dependency.
 */
import { build } from 'esbuild';
import { fileURLToPath } from 'node:url';

const here = fileURLToPath(new URL('.', import.meta.url));
const ADDON = '../../../smart_dairy_performance/static/dist/vitals.js';

/** @type {import('esbuild').BuildOptions} */
const common = {
  absWorkingDir: here,
  bundle: true,
  charset: 'utf8',
  legalComments: 'none',
  logLevel: 'warning',
  target: 'es2022', // as Odoo 19's own scripts,
};

await build({
  ...common,
  entryPoints: ['src/addon.ts'],
  outfile: ADDON,
  format: 'iife',
  minify: true,
  inject: ['src/idle.ts'],
  define: { 'globalThis.requestIdleCallback': 'idle' },
  // Their licences ask for a notice in copies.
  banner: {
    js: '/*! Smart Dairy Performance (AGPL-3) with web-vitals (Apache-2.0, Google LLC) */',
  },
});
await build({
  ...common,
  entryPoints: ['src/index.ts'],
  outfile: 'dist/index.js',
  format: 'esm',
  packages: 'external',
});
