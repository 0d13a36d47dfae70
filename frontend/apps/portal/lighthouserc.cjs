/**
 * Lighthouse on the portal's five addresses, asserted as the specification has it.
 *
 * `PORTAL_URL` is where `make portal` serves it; `PORTAL_TOKEN` a token of the REST API,
 * with which the dashboard and the orders show themselves instead of a form to sign in.
 * `CHROME_PATH` names the browser.
 */
const portal = process.env.PORTAL_URL ?? 'http://127.0.0.1:3000';
const token = process.env.PORTAL_TOKEN;
const PATHS = ['/', '/products', '/dashboard', '/orders', '/farm/animals'];

module.exports = {
  ci: {
    collect: {
      url: PATHS.map((path) => portal + path),
      numberOfRuns: Number(process.env.LIGHTHOUSE_RUNS ?? 3),
      settings: {
        preset: 'desktop',
        throttling: { rttMs: 40, throughputKbps: 10240, cpuSlowdownMultiplier: 1 },
        screenEmulation: {
          mobile: false,
          width: 1350,
          height: 940,
          deviceScaleFactor: 1,
          disabled: false,
        },
        chromeFlags:
          '--headless=new --no-sandbox --disable-gpu --disable-quic --no-first-run ' +
          '--disable-background-networking --disable-component-update --disable-sync',
        ...(token && { extraHeaders: { Authorization: `Bearer ${token}` } }),
      },
    },
    assert: {
      assertions: {
        'categories:performance': ['error', { minScore: 0.9 }],
        'categories:accessibility': ['warn', { minScore: 0.9 }],
        'categories:best-practices': ['warn', { minScore: 0.9 }],
        'categories:seo': ['warn', { minScore: 0.9 }],
        'first-contentful-paint': ['error', { maxNumericValue: 1500 }],
        'largest-contentful-paint': ['error', { maxNumericValue: 2500 }],
        'cumulative-layout-shift': ['error', { maxNumericValue: 0.1 }],
        'total-blocking-time': ['error', { maxNumericValue: 300 }],
        'speed-index': ['warn', { maxNumericValue: 3000 }],
        interactive: ['warn', { maxNumericValue: 3500 }],
      },
    },
    upload: {
      target: 'filesystem',
      outputDir: process.env.LIGHTHOUSE_DIR ?? './lighthouse-results',
    },
  },
};
