import { withProfiler } from '@smart-dairy/react-profiler';
import { keepPreviousData, useQuery } from '@tanstack/react-query';
import { useSearchParams } from 'react-router-dom';

import type { Page, Product } from '../api.js';
import { get } from '../api.js';
import { Pager } from '../components/Pager.js';
import { GridPlaceholder, ProductGrid } from '../components/ProductGrid.js';
import { Loaded } from '../components/States.js';
import { useTitle } from '../useTitle.js';

const SIZE = 20;

const Products = () => {
  useTitle('Products');
  const [parameters] = useSearchParams();
  const page = Math.max(Number(parameters.get('page')) || 1, 1);
  const products = useQuery({
    queryKey: ['products', page],
    queryFn: ({ signal }) =>
      get<Page<Product>>(
        '/products',
        { limit: SIZE, offset: (page - 1) * SIZE },
        signal,
      ),
    placeholderData: keepPreviousData,
  });
  return (
    <>
      <h1>Products</h1>
      <Loaded query={products} placeholder={<GridPlaceholder count={SIZE} />}>
        {({ items, total }) => (
          <>
            <ProductGrid products={items} />
            <Pager
              page={page}
              total={total}
              size={SIZE}
              to={(next) => `/products?page=${next}`}
            />
          </>
        )}
      </Loaded>
    </>
  );
};

export default withProfiler(Products, 'ProductsPage');
