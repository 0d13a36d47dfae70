/** The pages: each in a file of its own, loaded when it is opened. */
import type { ComponentType } from 'react';
import { lazy } from 'react';

interface Module {
  default: ComponentType;
}

const page = (path: string, load: () => Promise<Module>) => ({
  path,
  load,
  Page: lazy(load),
});

export const PAGES = [
  page('/', () => import('./pages/Home.js')),
  page('/products', () => import('./pages/Products.js')),
  page('/products/:id', () => import('./pages/Product.js')),
  page('/search', () => import('./pages/Search.js')),
  page('/dashboard', () => import('./pages/Dashboard.js')),
  page('/orders', () => import('./pages/Orders.js')),
  page('/farm/animals', () => import('./pages/Animals.js')),
  page('/performance', () => import('./pages/Performance.js')),
  page('/lab', () => import('./pages/Lab.js')),
];

/** Begin to load the page of a path; React waits for it, if it must. */
export function preloadPage(path: string): void {
  const pattern = path.replace(/^\/products\/\d+$/, '/products/:id');
  PAGES.find((entry) => entry.path === pattern)
    ?.load()
    .catch(() => undefined); // React asks again, and shows what went wrong
}
