import { Link } from 'react-router-dom';

interface PagerProps {
  page: number;
  total: number;
  size: number;
  /** The address of a page. */
  to: (page: number) => string;
}

export const Pager = ({ page, total, size, to }: PagerProps) => {
  const last = Math.max(Math.ceil(total / size), 1);
  if (last === 1 && page === 1) {
    return null;
  }
  return (
    <nav className="pager" aria-label="More pages">
      {page > 1 && <Link to={to(Math.min(page - 1, last))}>← Previous</Link>}
      <span>
        {page} of {last}
      </span>
      {page < last && <Link to={to(page + 1)}>Next →</Link>}
    </nav>
  );
};
