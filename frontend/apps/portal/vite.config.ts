import react from '@vitejs/plugin-react';
import { readFileSync } from 'node:fs';
import { visualizer } from 'rollup-plugin-visualizer';
import { defineConfig } from 'vite';
import { compression } from 'vite-plugin-compression2';

import type { Budgets } from './build/bundleReport.js';
import { bundleReport } from './build/bundleReport.js';
import { chunkOf } from './build/vendors.js';

const read = (name: string): unknown =>
  JSON.parse(readFileSync(new URL(name, import.meta.url), 'utf8'));

const { version } = read('package.json') as { version: string };
const budgets = read(process.env.PORTAL_BUDGETS ?? 'budgets.json') as Budgets;
const odoo = process.env.ODOO_URL ?? 'http://127.0.0.1:8069';
// React's build that measures; the usual one never calls a profiler.
const profiling = process.env.PORTAL_PROFILING !== '0';

export default defineConfig(({ mode, command }) => ({
  define: { __RELEASE__: JSON.stringify(process.env.PORTAL_RELEASE ?? version) },
  plugins: [
    react(),
    // Weighing each module takes longer than the build.
    mode === 'analyze' &&
      visualizer({
        filename: 'stats.html',
        emitFile: true, // beside what was built
        open: !!process.env.DISPLAY,
        gzipSize: true,
        brotliSize: true,
        template: 'treemap',
      }),
    compression({
      algorithms: ['gzip', 'brotliCompress'],
      include: /\.(js|css|html|svg|json|txt)$/,
      threshold: 1000,
    }),
    bundleReport(budgets),
  ],
  resolve: {
    // echarts and zrender ask for an older one each.
    dedupe: ['tslib'],
    alias:
      profiling && command === 'build'
        ? [{ find: /^react-dom\/client$/, replacement: 'react-dom/profiling' }]
        : [],
  },
  server: { port: 3000, proxy: { '/api': odoo } },
  build: {
    target: 'es2022',
    sourcemap: mode === 'analyze',
    reportCompressedSize: false, // the report has them
    chunkSizeWarningLimit: 1200,
    rollupOptions: { output: { manualChunks: chunkOf } },
  },
}));
