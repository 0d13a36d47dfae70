/** What an application puts into its tree. */

import type { ComponentType, FC, ReactElement, Ref } from 'react';
import { forwardRef, Profiler, useInsertionEffect, useRef, version } from 'react';

import type { ReactProfilerService } from './service.js';
import { profilerService } from './service.js';

// Since React 19 a ref is a prop like the others.
const REFS_ARE_PROPS = /* @__PURE__ */ parseInt(version) >= 19;

/**
 * The component, measured under its name or `id`.
 *
 * Adds nothing to the document, holds no state and has no effect: it renders when its
 * parent does, as the component itself would. Wrap parts of a page, not each small
 * element; instances of a name add up.
 */
export function withProfiler<P extends object>(
  Component: ComponentType<P>,
  id?: string,
  service: ReactProfilerService = profilerService,
): FC<P> {
  const componentId =
    [id, Component.displayName, Component.name].find(Boolean) ?? 'Unknown';

  const Profiled: FC<P> = (props) =>
    service.isMeasuring ? (
      <Profiler id={componentId} onRender={service.handleRender}>
        <Component {...props} />
      </Profiler>
    ) : (
      <Component {...props} />
    );
  const Exported = REFS_ARE_PROPS ? Profiled : passingRefs(Profiled);
  Exported.displayName = `Profiled(${componentId})`;
  return Exported;
}

function passingRefs<P extends object>(Profiled: FC<P>): FC<P> {
  const render = Profiled as (props: object) => ReactElement;
  return forwardRef((props: object, ref: Ref<unknown>) =>
    // A function component of React 18 complains even of a null.
    render(ref === null ? props : { ...props, ref }),
  );
}

let commitTime: number | null = null;

/** The same time for all that is called within one commit. */
function timeOfCommit(started: number): number {
  // Two commits may come within a task: the second one's renders began after the first.
  if (commitTime === null || commitTime <= started) {
    commitTime = performance.now();
    queueMicrotask(() => {
      commitTime = null;
    });
  }
  return commitTime;
}

/**
 * Measures the component that calls it, without a wrapper and without React's
 * profiling build.
 *
 * The time is from this call until React has rendered the tree and begins to change the
 * document: the component and its children, and whatever was rendered after them in the
 * same pass; an upper bound, never the time between two commits. Renders that React
 * throws away are not counted. Call it first in a component.
 */
export function useRenderProfiler(
  componentName: string,
  service: ReactProfilerService = profilerService,
): void {
  const isMounted = useRef(false);
  const started = performance.now();
  useInsertionEffect(() => {
    const now = timeOfCommit(started);
    const took = now - started;
    const phase = isMounted.current ? 'update' : 'mount';
    isMounted.current = true;
    service.handleRender(componentName, phase, took, took, started, now);
  });
}
