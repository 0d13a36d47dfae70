import { useQueryClient } from '@tanstack/react-query';
import { Link, NavLink } from 'react-router-dom';

import { setToken, useToken } from '../session.js';

const LINKS = [
  ['/products', 'Products'],
  ['/search', 'Search'],
  ['/farm/animals', 'Our herd'],
  ['/orders', 'Orders'],
  ['/dashboard', 'Dashboard'],
] as const;

export const Header = () => {
  const isSignedIn = useToken() !== null;
  const client = useQueryClient();
  const signOut = () => {
    setToken(null);
    void client.resetQueries();
  };
  return (
    <header>
      <Link to="/" className="brand">
        <img src="/favicon.svg" alt="" width="32" height="32" />
        Smart Dairy
      </Link>
      <nav aria-label="Pages">
        {LINKS.map(([to, name]) => (
          <NavLink key={to} to={to}>
            {name}
          </NavLink>
        ))}
      </nav>
      {isSignedIn && (
        <button type="button" className="quiet" onClick={signOut}>
          Sign out
        </button>
      )}
    </header>
  );
};
