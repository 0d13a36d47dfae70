import { Suspense } from 'react';
import { Route, Routes, useLocation } from 'react-router-dom';

import { ErrorBoundary } from './components/ErrorBoundary.js';
import { Header } from './components/Header.js';
import { Loading, NotFound } from './components/States.js';
import { PAGES } from './pages.js';

export const App = () => {
  const { pathname } = useLocation();
  return (
    <>
      <a className="skip" href="#main">
        Skip to the content
      </a>
      <Header />
      <main id="main">
        <ErrorBoundary key={pathname}>
          <Suspense fallback={<Loading />}>
            <Routes>
              {PAGES.map(({ path, Page }) => (
                <Route key={path} path={path} element={<Page />} />
              ))}
              <Route path="*" element={<NotFound />} />
            </Routes>
          </Suspense>
        </ErrorBoundary>
      </main>
      <footer>
        <span>Smart Dairy, release {__RELEASE__}</span>
        <span>
          Measured by <a href="/performance">Smart Dairy Performance</a>
        </span>
      </footer>
    </>
  );
};
