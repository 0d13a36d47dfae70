import type { PerformanceMetrics } from '../src/index.js';

export const METRICS: PerformanceMetrics = {
  api: {
    avgResponseTime: 84,
    p95ResponseTime: 320,
    requestsPerSecond: 12.345,
    errorRate: 2.5,
  },
  database: { avgQueryTime: 1.25, slowQueries: 3, activeConnections: 7 },
  frontend: { lcp: 2100, fid: null, inp: 620, cls: 0.12, lighthouseScore: 93 },
  system: { cpuUsage: 30, memoryUsage: 80, diskUsage: 95 },
  timestamp: 1_767_225_600,
  reasons: { 'frontend.fid': 'no_vitals' },
  measuring: { on: true, reason: null },
  series: [],
};
