/**
 * A page of a thousand components, profiled and not, side by side in one document.
 *
 * tests/benchmarks/react.py builds it with React's production profiling build, and calls
 * `measure`.
 */
import {
  ReactProfilerService,
  useRenderProfiler,
  withProfiler,
} from '@smart-dairy/react-profiler';
import type { ComponentType } from 'react';
import { Profiler, useState } from 'react';
import { flushSync } from 'react-dom';
import { createRoot } from 'react-dom/client';

const ROWS = 1000;
const PARTS = 20;
const service = new ReactProfilerService({ endpoint: '/react', flushSeconds: 1 });

interface RowProps {
  number: number;
  round: number;
}

/** A line of an order, as a portal has many. */
const Row = ({ number, round }: RowProps) => {
  const price = ((number * 7919 + round) % 10_000) / 100;
  return (
    <li className={price > 50 ? 'dear' : 'cheap'}>
      <span>Product {number}</span>
      <em>{round % 2 ? 'in stock' : 'on its way'}</em>
      <strong>{price.toFixed(2)}</strong>
      <button type="button" disabled={price > 99}>
        Order
      </button>
    </li>
  );
};

interface PartProps {
  first: number;
  round: number;
}

const partOf = (RowType: ComponentType<RowProps>) =>
  function Part({ first, round }: PartProps) {
    return (
      <ul>
        {Array.from({ length: ROWS / PARTS }, (_nothing, index) => (
          <RowType key={index} number={first + index} round={round} />
        ))}
      </ul>
    );
  };

type Round = (round: number) => void;

function page(PartType: ComponentType<PartProps>): Round {
  let set: Round = () => undefined;
  const Page = () => {
    const [round, setRound] = useState(0);
    set = setRound;
    return Array.from({ length: PARTS }, (_nothing, part) => (
      <PartType key={part} first={(part * ROWS) / PARTS} round={round} />
    ));
  };
  const place = document.body.appendChild(document.createElement('div'));
  const root = createRoot(place);
  flushSync(() => root.render(<Page />));
  return (round) => flushSync(() => set(round));
}

const Part = partOf(Row);
const BarePart = (props: PartProps) => (
  <Profiler id="Part" onRender={() => undefined}>
    <Part {...props} />
  </Profiler>
);
const HookedPart = (props: PartProps) => {
  useRenderProfiler('Part', service);
  return <Part {...props} />;
};
const outside = new ReactProfilerService({ sampleRate: 0 });

const PAGES = {
  plain: page(partOf(Row)),
  again: page(partOf(Row)),
  outside: page(withProfiler(partOf(Row), 'Part', outside)),
  hooked: page(HookedPart),
  bare: page(BarePart),
  parts: page(withProfiler(partOf(Row), 'Part', service)),
  each: page(partOf(withProfiler(Row, 'Row', service))),
};
type Side = keyof typeof PAGES;
const SIDES = Object.keys(PAGES) as Side[];

/** Milliseconds of each round of each page, the pages in an order that turns. */
function measure(rounds: number): Record<Side, number[]> {
  const found = Object.fromEntries(
    SIDES.map((side) => [side, [] as number[]]),
  ) as Record<Side, number[]>;
  for (let round = 1; round <= rounds; round++) {
    const shift = round % SIDES.length;
    const order = [...SIDES.slice(shift), ...SIDES.slice(0, shift)];
    for (const side of round % 2 ? order : order.reverse()) {
      const started = performance.now();
      PAGES[side](round);
      found[side].push(performance.now() - started);
    }
  }
  return found;
}

/** Whether this is a build of React that measures. */
const isProfiling = () => (service.getMetrics().get('Row')?.totalDuration ?? 0) > 0;

Object.assign(window, { measure, isProfiling });
