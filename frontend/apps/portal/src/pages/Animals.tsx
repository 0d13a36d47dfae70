import { withProfiler } from '@smart-dairy/react-profiler';
import { keepPreviousData, useQuery } from '@tanstack/react-query';
import { useSearchParams } from 'react-router-dom';

import type { Animal, Page } from '../api.js';
import { get } from '../api.js';
import { Pager } from '../components/Pager.js';
import { GridPlaceholder } from '../components/ProductGrid.js';
import { Loaded } from '../components/States.js';
import { age, words } from '../format.js';
import { useTitle } from '../useTitle.js';

const SIZE = 24;

const Herd = withProfiler(
  ({ animals }: { animals: Animal[] }) => (
    <ul className="grid herd">
      {animals.map((animal) => (
        <li className="card animal" key={animal.id}>
          <span className="name">{animal.name}</span>
          <span className="note">{animal.tag}</span>
          <span>
            {words(animal.breed)}, {age(animal.birth_date)}
          </span>
          <span className={`badge ${animal.status}`}>{words(animal.status)}</span>
        </li>
      ))}
    </ul>
  ),
  'Herd',
);

const Animals = () => {
  useTitle('Our herd');
  const [parameters] = useSearchParams();
  const page = Math.max(Number(parameters.get('page')) || 1, 1);
  const animals = useQuery({
    queryKey: ['animals', page],
    queryFn: ({ signal }) =>
      get<Page<Animal>>(
        '/farm/animals',
        { limit: SIZE, offset: (page - 1) * SIZE },
        signal,
      ),
    placeholderData: keepPreviousData,
  });
  return (
    <>
      <h1>Our herd</h1>
      <p className="lead">Who gives the milk, and how old they are.</p>
      <Loaded query={animals} placeholder={<GridPlaceholder count={12} />}>
        {({ items, total }) => (
          <>
            <Herd animals={items} />
            <Pager
              page={page}
              total={total}
              size={SIZE}
              to={(next) => `/farm/animals?page=${next}`}
            />
          </>
        )}
      </Loaded>
    </>
  );
};

export default withProfiler(Animals, 'AnimalsPage');
