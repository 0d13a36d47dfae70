/** Builds the module; React, antd, echarts and TanStack Query stay the application's. */
import { build } from 'esbuild';
import { fileURLToPath } from 'node:url';

await build({
  absWorkingDir: fileURLToPath(new URL('.', import.meta.url)),
  entryPoints: ['src/index.ts'],
  outdir: 'dist',
  bundle: true,
  // The charts are loaded when the figures are there.
  splitting: true,
  packages: 'external',
  format: 'esm',
  target: 'es2022',
  jsx: 'automatic',
  charset: 'utf8',
  logLevel: 'warning',
});
