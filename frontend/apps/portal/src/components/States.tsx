import type { UseQueryResult } from '@tanstack/react-query';
import type { ReactNode } from 'react';
import { Link } from 'react-router-dom';

import { ApiError } from '../api.js';
import { SignIn } from './SignIn.js';

export const Loading = () => (
  <div className="state loading" role="status">
    Loading …
  </div>
);

export const NotFound = () => (
  <div className="state">
    <h1>There is no such page</h1>
    <Link to="/">To the start</Link>
  </div>
);

interface LoadedProps<T> {
  query: UseQueryResult<T>;
  children: (data: T) => ReactNode;
  /** As large as what it stands for, so that nothing moves. */
  placeholder?: ReactNode;
}

/** What a query answered, or why it did not. */
export function Loaded<T>({ query, children, placeholder }: LoadedProps<T>): ReactNode {
  const { data, error, refetch } = query;
  if (data !== undefined) {
    return children(data);
  }
  if (!error) {
    return placeholder ?? <Loading />;
  }
  if (error instanceof ApiError && error.status === 401) {
    return <SignIn />;
  }
  if (error instanceof ApiError && error.status === 404) {
    return <NotFound />;
  }
  return (
    <div className="state" role="alert">
      <p>
        {error instanceof ApiError
          ? error.message
          : 'The dairy cannot be reached at the moment.'}
      </p>
      <button type="button" onClick={() => void refetch()}>
        Try again
      </button>
    </div>
  );
}
