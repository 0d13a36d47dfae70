/**
 * Builds the profiling addon's script: one file that runs as a classic script in Odoo's
 * asset bundle, and leaves `globalThis.smartDairyFlamegraph`.
 */
import { build } from 'esbuild';
import { fileURLToPath } from 'node:url';

await build({
  absWorkingDir: fileURLToPath(new URL('.', import.meta.url)),
  entryPoints: ['src/addon.js'],
  outfile: '../../../smart_dairy_profiling/static/dist/flamegraph.js',
  bundle: true,
  keepNames: true, // d3-flame-graph knows a hierarchy by its constructor's name
  format: 'iife',
  minify: true,
  charset: 'utf8',
  legalComments: 'none',
  logLevel: 'warning',
  loader: { '.css': 'empty' }, // our page has its own colours
  target: 'es2022', // as Odoo 19's own scripts
  // Their licences ask for a notice in copies.
  banner: {
    js: '/*! d3-flame-graph (Apache-2.0, Martin Spier), d3 (ISC, Mike Bostock) */',
  },
});
