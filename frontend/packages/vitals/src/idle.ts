/**
 * What web-vitals takes for `requestIdleCallback` in the addon's script (see build.mjs).
 *
 * Version 5 waits for an idle moment without limit before it reports INP: on a busy page
 * that is for ever (its issue 754). Version 6 limits it to a second, as this does.
 */
export const idle = (callback: () => void): number =>
  typeof requestIdleCallback === 'function'
    ? requestIdleCallback(callback, { timeout: 1000 })
    : (setTimeout(callback) as unknown as number);
