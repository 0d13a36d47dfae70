import { withProfiler } from '@smart-dairy/react-profiler';
import { useQuery } from '@tanstack/react-query';
import { Link } from 'react-router-dom';

import type { Page, Product } from '../api.js';
import { get } from '../api.js';
import { GridPlaceholder, ProductGrid } from '../components/ProductGrid.js';
import { Loaded } from '../components/States.js';
import { useTitle } from '../useTitle.js';

const SHOWN = 8;

const Home = () => {
  useTitle('Fresh from the farm');
  const products = useQuery({
    queryKey: ['products', 'home'],
    queryFn: ({ signal }) => get<Page<Product>>('/products', { limit: SHOWN }, signal),
  });
  return (
    <>
      <section className="hero">
        <h1>Fresh from our farm to your door</h1>
        <p>
          Milk, cheese and butter of our own herd, milked this morning and on your table
          tonight.
        </p>
        <p className="actions">
          <Link className="button" to="/products">
            See all products
          </Link>
          <Link className="button plain" to="/farm/animals">
            Meet the herd
          </Link>
        </p>
      </section>
      <section>
        <h2>From the dairy</h2>
        <Loaded query={products} placeholder={<GridPlaceholder count={SHOWN} />}>
          {({ items }) => <ProductGrid products={items} />}
        </Loaded>
      </section>
    </>
  );
};

export default withProfiler(Home, 'HomePage');
