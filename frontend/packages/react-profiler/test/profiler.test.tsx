import { act, cleanup, render } from '@testing-library/react';
import type { ComponentType, FC, ReactNode } from 'react';
import {
  Component,
  createRef,
  lazy,
  startTransition,
  StrictMode,
  Suspense,
  useEffect,
  useState,
  version,
} from 'react';
import { afterEach, beforeEach, expect, expectTypeOf, it, vi } from 'vitest';

import { ReactProfilerService, useRenderProfiler, withProfiler } from '../src/index.js';
import { clock, stopClock } from './support.js';

let service: ReactProfilerService;

beforeEach(() => {
  stopClock();
  service = new ReactProfilerService({ endpoint: null });
});
afterEach(() => {
  cleanup();
  service.reset();
});

const figures = (id: string) => service.getMetrics().get(id);

/** A component that takes so long each time. */
const taking = (milliseconds: number, rendered = vi.fn()): FC<{ text: string }> =>
  function Text({ text }) {
    rendered();
    clock.pass(milliseconds);
    return <p>{text}</p>;
  };

it(`runs on the React that is wanted: ${version}`, ({ task }) => {
  const wanted = task.file.projectName === 'react-18' ? '18.' : '19.';
  expect(version.startsWith(wanted)).toBe(true);
});

it('measures mounts and updates to the millisecond', () => {
  const Profiled = withProfiler(taking(20), 'Text', service);
  const { rerender, getByText } = render(<Profiled text="a" />);
  expect(figures('Text')).toMatchObject({
    phase: 'mount',
    actualDuration: 20,
    renderCount: 1,
    slowRenders: 1,
  });
  rerender(<Profiled text="b" />);
  expect(figures('Text')).toMatchObject({
    phase: 'update',
    actualDuration: 20,
    renderCount: 2,
    totalDuration: 40,
  });
  expect(getByText('b').parentElement!.childElementCount).toBe(1);
});

it('takes its name from the component', () => {
  const Text = taking(1);
  Text.displayName = 'Shown';
  expect(withProfiler(Text, undefined, service).displayName).toBe('Profiled(Shown)');
  const anonymous = withProfiler((() => null) as FC, undefined, service);
  expect(anonymous.displayName).toBe('Profiled(Unknown)');
  class Old extends Component {
    override render(): ReactNode {
      return null;
    }
  }
  expect(withProfiler(Old, undefined, service).displayName).toBe('Profiled(Old)');
});

it('adds nothing outside the sample', () => {
  const quiet = new ReactProfilerService({ sampleRate: 0 });
  const Profiled = withProfiler(taking(1), 'Text', quiet);
  const { getByText } = render(<Profiled text="a" />);
  expect(getByText('a')).toBeTruthy();
  expect(quiet.getMetrics().size).toBe(0);
});

it('renders what it measures as often as React does without it', () => {
  const plain = vi.fn();
  const measured = vi.fn();
  const Plain = taking(1, plain);
  const Measured = withProfiler(taking(1, measured), 'Measured', service);
  const Page = ({ text }: { text: string }) => (
    <>
      <Plain text={text} />
      <Measured text={text} />
    </>
  );
  const { rerender } = render(<Page text="a" />);
  for (const text of ['b', 'c', 'c']) {
    rerender(<Page text={text} />);
  }
  expect(plain).toHaveBeenCalledTimes(4);
  expect(measured).toHaveBeenCalledTimes(4);
  expect(figures('Measured')!.renderCount).toBe(4);
});

it('counts a commit once in StrictMode', () => {
  const Profiled = withProfiler(taking(1), 'Text', service);
  const Hooked = () => {
    useRenderProfiler('Hooked', service);
    return null;
  };
  const page = (text: string) => (
    <StrictMode>
      <Profiled text={text} />
      <Hooked />
    </StrictMode>
  );
  const { rerender } = render(page('a'));
  expect(figures('Text')!.renderCount).toBe(1);
  expect(figures('Hooked')!.renderCount).toBe(1);
  rerender(page('b'));
  expect(figures('Text')!.renderCount).toBe(2);
  expect(figures('Hooked')!.renderCount).toBe(2);
});

it('counts what was shown, not what React threw away', async () => {
  let resolve: () => void = () => undefined;
  const gate = new Promise<void>((done) => (resolve = done));
  let isReady = false;
  const tried = vi.fn();
  const Waiting = () => {
    useRenderProfiler('Waiting', service);
    tried();
    if (!isReady) {
      // eslint-disable-next-line @typescript-eslint/only-throw-error -- as React has it
      throw gate;
    }
    return <p>ready</p>;
  };
  const Profiled = withProfiler(Waiting, 'Profiled', service);
  let show: (value: boolean) => void = () => undefined;
  const Page = () => {
    const [isShown, setShown] = useState(false);
    show = setShown;
    return <Suspense fallback={<i>soon</i>}>{isShown && <Profiled />}</Suspense>;
  };
  const { findByText } = render(<Page />);
  await act(async () => {
    startTransition(() => show(true));
    await Promise.resolve();
  });
  expect(tried).toHaveBeenCalled();
  expect(figures('Waiting')).toBe(undefined);
  isReady = true;
  await act(async () => {
    resolve();
    await gate;
  });
  await findByText('ready');
  expect(figures('Waiting')!.renderCount).toBe(1);
  expect(figures('Profiled')!.renderCount).toBe(1);
});

it('measures what is loaded lazily', async () => {
  const Text = taking(3);
  const Lazy = lazy(() => Promise.resolve({ default: Text }));
  const Profiled = withProfiler(
    Lazy as unknown as ComponentType<{ text: string }>,
    'Lazy',
    service,
  );
  const { findByText } = render(
    <Suspense fallback={null}>
      <Profiled text="late" />
    </Suspense>,
  );
  await findByText('late');
  expect(figures('Lazy')!.maxDuration).toBe(3);
});

it('hands references on', () => {
  class Old extends Component<{ text: string }> {
    answer = 42;
    override render(): ReactNode {
      return this.props.text;
    }
  }
  const Profiled = withProfiler(Old, 'Old', service) as unknown as typeof Old;
  const reference = createRef<Old>();
  render(<Profiled text="a" ref={reference} />);
  expect(reference.current!.answer).toBe(42);
});

it('leaves errors to the page, and complains of nothing itself', () => {
  const written = vi.spyOn(console, 'error');
  const Profiled = withProfiler(taking(1), 'Text', service);
  render(<Profiled text="a" />);
  expect(written).not.toHaveBeenCalled();
  written.mockReturnValue();
  const Broken = withProfiler(
    (() => {
      throw new Error('broken');
    }) as FC,
    'Broken',
    service,
  );
  expect(() => render(<Broken />)).toThrow('broken');
  expect(figures('Broken')).toBe(undefined);
});

it('finds a component that renders in a loop', () => {
  const Restless = withProfiler(
    () => {
      const [count, setCount] = useState(0);
      useEffect(() => {
        clock.pass(5);
        if (count < 49) {
          setCount(count + 1);
        }
      }, [count]);
      return <p>{count}</p>;
    },
    'Restless',
    service,
  );
  render(<Restless />);
  expect(figures('Restless')).toMatchObject({ renderCount: 50, busiestSecond: 50 });
});

it('tells a slow part from the page around it, and from its neighbours', () => {
  const Before = withProfiler(taking(7), 'Before', service);
  const Slow = withProfiler(taking(40), 'Slow', service);
  const Middle = withProfiler(
    ({ text }: { text: string }) => {
      clock.pass(3);
      return (
        <div>
          <Slow text={text} />
        </div>
      );
    },
    'Middle',
    service,
  );
  const Page = withProfiler(
    ({ text }: { text: string }) => {
      clock.pass(2);
      return (
        <>
          <Before text={text} />
          <Middle text={text} />
        </>
      );
    },
    'Page',
    service,
  );
  render(<Page text="a" />);
  const own = (id: string) => [figures(id)!.totalDuration, figures(id)!.ownDuration];
  expect(own('Page')).toEqual([52, 2]);
  expect(own('Middle')).toEqual([43, 3]);
  expect(own('Slow')).toEqual([40, 40]);
  expect(own('Before')).toEqual([7, 7]);
  expect(service.getSlowComponents().map(({ id }) => id)).toEqual([
    'Slow',
    'Middle',
    'Page',
  ]);
  expect(figures('Page')!.slowRenders).toBe(0);
});

it('does not blame the page for a part that renders in a loop', () => {
  let again: () => void = () => undefined;
  const Restless = withProfiler(
    () => {
      const [count, setCount] = useState(0);
      again = () => setCount(count + 1);
      clock.pass(1);
      return <p>{count}</p>;
    },
    'Restless',
    service,
  );
  const Page = withProfiler(() => <Restless />, 'Page', service);
  render(<Page />);
  for (let time = 0; time < 30; time++) {
    act(() => again());
  }
  expect(figures('Restless')).toMatchObject({ renderCount: 31, busiestSecond: 31 });
  expect(figures('Page')!.renderCount).toBe(31); // as React counts
  expect(figures('Page')!.busiestSecond).toBe(0);
});

it('has a hook that measures renders, not the time between them', () => {
  const Page = ({ text, takes }: { text: string; takes: number }) => {
    useRenderProfiler('Page', service);
    clock.pass(takes);
    return <p>{text}</p>;
  };
  const { rerender } = render(<Page text="a" takes={3} />);
  expect(figures('Page')).toMatchObject({ phase: 'mount', actualDuration: 3 });
  clock.pass(5000); // nobody touched the page
  rerender(<Page text="b" takes={4} />);
  expect(figures('Page')).toMatchObject({
    phase: 'update',
    actualDuration: 4,
    totalDuration: 7,
    slowRenders: 0,
  });
  rerender(<Page text="c" takes={30} />);
  expect(figures('Page')!.slowRenders).toBe(1);
});

it('has a hook that takes the rows of a list for one commit', () => {
  const Row = () => {
    useRenderProfiler('Row', service);
    return <li />;
  };
  render(
    <ul>
      {Array.from({ length: 30 }, (_nothing, index) => (
        <Row key={index} />
      ))}
    </ul>,
  );
  expect(figures('Row')).toMatchObject({ renderCount: 30, commitCount: 1 });
});

it('keeps the types of properties', () => {
  const Profiled = withProfiler(taking(1), 'Text', service);
  expectTypeOf(Profiled).toEqualTypeOf<FC<{ text: string }>>();
  expectTypeOf(useRenderProfiler).returns.toBeVoid();
  // @ts-expect-error -- the text is missing
  expect(() => <Profiled />).not.toThrow();
});
