import { withProfiler } from '@smart-dairy/react-profiler';
import { keepPreviousData, useQuery } from '@tanstack/react-query';
import { useDeferredValue } from 'react';
import { useSearchParams } from 'react-router-dom';

import type { Page, Product } from '../api.js';
import { get } from '../api.js';
import { ProductGrid } from '../components/ProductGrid.js';
import { Loaded } from '../components/States.js';
import { useTitle } from '../useTitle.js';
import { useSettled } from '../useSettled.js';

const Results = withProfiler(({ text }: { text: string }) => {
  const found = useQuery({
    queryKey: ['search', text],
    queryFn: ({ signal }) =>
      get<Page<Product>>('/products/search', { q: text, limit: 40 }, signal),
    placeholderData: keepPreviousData,
  });
  return (
    <Loaded query={found}>
      {({ items, total }) => (
        <>
          <p role="status">
            {total === 1 ? '1 product' : `${total} products`}
            {total > items.length && `, the first ${items.length}`}
          </p>
          <ProductGrid products={items} />
        </>
      )}
    </Loaded>
  );
}, 'SearchResults');

const Search = () => {
  useTitle('Search');
  const [parameters, setParameters] = useSearchParams();
  const text = parameters.get('q') ?? '';
  const settled = useDeferredValue(useSettled(text.trim(), 250));
  return (
    <>
      <h1>Search</h1>
      <input
        className="search"
        type="search"
        aria-label="Name or code of a product"
        placeholder="Milk, cheese …"
        value={text}
        onChange={(event) => {
          const { value } = event.target;
          setParameters(value ? { q: value } : {}, { replace: true });
        }}
      />
      {settled ? (
        <Results text={settled} />
      ) : (
        <p className="state">What do you like?</p>
      )}
    </>
  );
};

export default withProfiler(Search, 'SearchPage');
