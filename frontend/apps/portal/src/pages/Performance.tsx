import { PerformanceDashboard } from '@smart-dairy/performance-dashboard';
import { withProfiler } from '@smart-dairy/react-profiler';
import type { SubmitEvent } from 'react';
import { useMemo, useState } from 'react';

import { useTitle } from '../useTitle.js';

/** The server's own figures, for who has an API key of the Performance group. */
const Performance = () => {
  useTitle('Performance');
  const [key, setKey] = useState('');
  const headers = useMemo(() => ({ Authorization: `Bearer ${key}` }), [key]);
  const submit = (event: SubmitEvent<HTMLFormElement>) => {
    event.preventDefault();
    setKey(new FormData(event.currentTarget).get('key') as string);
  };
  if (key) {
    return (
      <>
        <PerformanceDashboard headers={headers} />
        <p>
          <button type="button" onClick={() => setKey('')}>
            Use another key
          </button>
        </p>
      </>
    );
  }
  return (
    <form className="sign-in" onSubmit={submit}>
      <h1>Performance</h1>
      <label>
        API key of a member of the Performance group
        <input name="key" type="password" autoComplete="off" required />
      </label>
      <button type="submit">Show the figures</button>
    </form>
  );
};

export default withProfiler(Performance, 'PerformancePage');
