import { withProfiler } from '@smart-dairy/react-profiler';
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { Link, useParams } from 'react-router-dom';

import type { Order, Product as Shown } from '../api.js';
import { ApiError, get, post } from '../api.js';
import { Picture } from '../components/Picture.js';
import { Loaded } from '../components/States.js';
import { money } from '../format.js';
import { useTitle } from '../useTitle.js';

const Details = ({ product }: { product: Shown }) => {
  useTitle(product.name);
  const client = useQueryClient();
  const order = useMutation({
    mutationFn: () =>
      post<Order>('/orders', { lines: [{ product_id: product.id, quantity: 1 }] }),
    onSuccess: () => client.invalidateQueries({ queryKey: ['orders'] }),
  });
  const mustSignIn = order.error instanceof ApiError && order.error.status === 401;
  return (
    <article className="product">
      <Picture name={product.name} number={product.id} />
      <div>
        <h1>{product.name}</h1>
        <p className="note">{product.categories.join(', ') || 'Dairy'}</p>
        <p className="price">{money(product.price, product.currency)}</p>
        {product.code && <p className="note">Article {product.code}</p>}
        <button type="button" disabled={order.isPending} onClick={() => order.mutate()}>
          Order one
        </button>
        <p role="status">
          {order.data && (
            <>
              {order.data.name} is a quotation now.{' '}
              <Link to="/orders">Your orders</Link>
            </>
          )}
          {mustSignIn && (
            <>
              Please <Link to="/orders">sign in</Link> first.
            </>
          )}
          {order.error && !mustSignIn && 'The order could not be placed.'}
        </p>
      </div>
    </article>
  );
};

const Product = () => {
  const { id = '' } = useParams();
  const product = useQuery({
    queryKey: ['product', id],
    queryFn: ({ signal }) =>
      get<Shown>(`/products/${encodeURIComponent(id)}`, {}, signal),
  });
  return (
    <>
      <p>
        <Link to="/products">← All products</Link>
      </p>
      <Loaded query={product}>{(found) => <Details product={found} />}</Loaded>
    </>
  );
};

export default withProfiler(Product, 'ProductPage');
