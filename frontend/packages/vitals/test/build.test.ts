/**
 * The built file keeps its promises; `make setup` built it.
 *
 * @vitest-environment node
 */
import { readFileSync } from 'node:fs';
import { gzipSync } from 'node:zlib';

import { expect, it } from 'vitest';

const script = readFileSync('../smart_dairy_performance/static/dist/vitals.js', 'utf8');

it('costs a visitor at most 6 kB', () => {
  expect(gzipSync(script, { level: 9 }).length).toBeLessThanOrEqual(6000);
});

it('is silent, needs nobody else, and names its licences', () => {
  expect(script).not.toMatch(/console\.|https?:|import\s*[({"]|@odoo-module|eval\(/);
  expect(script).toContain('web-vitals (Apache-2.0');
});
