import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['packages/*/test/**/*.test.{ts,tsx}'],
    environment: 'jsdom',
    environmentOptions: { jsdom: { url: 'https://dairy.test/shop/milk-12?q=x' } },
    restoreMocks: true,
    unstubGlobals: true,
  },
});
