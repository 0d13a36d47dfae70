/** Nothing that measures may break the page that it measures. */

export function guarded<A extends unknown[], R>(
  work: (...given: A) => R,
): (...given: A) => R | undefined {
  return (...given) => {
    try {
      return work(...given);
    } catch {
      return undefined; // silent: the page's console is its owner's
    }
  };
}
