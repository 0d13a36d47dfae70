import { withProfiler } from '@smart-dairy/react-profiler';
import { useEffect, useState } from 'react';

import { useTitle } from '../useTitle.js';

const SLOW = 40; // ms
const RENDERS = 200;

/** What should not be in a portal: it shows what the profiler finds. */
function busy(milliseconds: number): void {
  const end = performance.now() + milliseconds;
  while (performance.now() < end);
}

const SlowPriceList = withProfiler(({ rounds }: { rounds: number }) => {
  busy(SLOW);
  return <p data-testid="slow">Rendered slowly, {rounds} times asked for.</p>;
}, 'SlowPriceList');

const RestlessCounter = withProfiler(() => {
  const [count, setCount] = useState(0);
  useEffect(() => {
    if (count < RENDERS) {
      const timer = setTimeout(() => setCount(count + 1), 5);
      return () => clearTimeout(timer);
    }
    return undefined;
  }, [count]);
  return <p data-testid="restless">Rendered without need, {count} times.</p>;
}, 'RestlessCounter');

const Lab = () => {
  useTitle('Lab');
  const [rounds, setRounds] = useState(0);
  const [isRestless, setRestless] = useState(false);
  return (
    <>
      <h1>Lab</h1>
      <p className="lead">
        A slow component and one that renders without need: what the profiler is for.
      </p>
      <p className="actions">
        <button type="button" onClick={() => setRounds(rounds + 1)}>
          Render slowly
        </button>
        <button type="button" onClick={() => setRestless(true)}>
          Render without need
        </button>
      </p>
      {rounds > 0 && <SlowPriceList rounds={rounds} />}
      {isRestless && <RestlessCounter />}
    </>
  );
};

export default withProfiler(Lab, 'LabPage');
