import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';

const test = {
  environment: 'jsdom',
  environmentOptions: { jsdom: { url: 'https://dairy.test/shop/milk-12?q=x' } },
  testTimeout: 20_000, // antd on a busy machine
  restoreMocks: true,
  unstubGlobals: true,
};
const react18 = (name: string) => ({
  find: new RegExp(`^${name}(?=/|$)`),
  replacement: fileURLToPath(
    new URL(`compat/react-18/node_modules/${name}`, import.meta.url),
  ),
});

// Its modules: what it requires would not be replaced.
const LIBRARY = '@testing-library/react/dist/@testing-library/react.esm.js';

export default defineConfig({
  test: {
    projects: [
      {
        test: { name: 'published', environment: 'node', include: ['test/*.test.ts'] },
      },
      {
        test: { ...test, name: 'all', include: ['packages/*/test/**/*.test.{ts,tsx}'] },
      },
      {
        // The profiler once more with the older React. The dashboard stands on antd,
        // which brings its own: tests/browser builds and opens it with both.
        resolve: {
          alias: [
            react18('react'),
            react18('react-dom'),
            { find: '@testing-library/react', replacement: LIBRARY },
          ],
        },
        test: {
          ...test,
          name: 'react-18',
          include: ['packages/react-profiler/test/**/*.test.tsx'],
          // These would load the other React themselves.
          server: {
            deps: { inline: [/@testing-library\/react/] },
          },
        },
      },
    ],
  },
});
