import { withProfiler } from '@smart-dairy/react-profiler';
import { Link } from 'react-router-dom';

import type { Product } from '../api.js';
import { money } from '../format.js';
import { Picture } from './Picture.js';

const Card = ({ product }: { product: Product }) => (
  <li className="card">
    <Link to={`/products/${product.id}`}>
      <Picture name={product.name} number={product.id} />
      <span className="name">{product.name}</span>
      <span className="note">{product.categories[0] ?? 'Dairy'}</span>
      <strong>{money(product.price, product.currency)}</strong>
    </Link>
  </li>
);

const Grid = ({ products }: { products: Product[] }) =>
  products.length ? (
    <ul className="grid">
      {products.map((product) => (
        <Card key={product.id} product={product} />
      ))}
    </ul>
  ) : (
    <p className="state">There is no such product.</p>
  );

export const ProductGrid = withProfiler(Grid, 'ProductGrid');

export const GridPlaceholder = ({ count }: { count: number }) => (
  <ul className="grid" aria-hidden="true">
    {Array.from({ length: count }, (_nothing, index) => (
      <li className="card empty" key={index} />
    ))}
  </ul>
);
