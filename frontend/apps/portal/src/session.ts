/** Who is signed in: a token that ends with the tab. */
import { useSyncExternalStore } from 'react';

const KEY = 'smart-dairy-token';
const listeners = new Set<() => void>();

export const token = (): string | null => sessionStorage.getItem(KEY);

export function setToken(value: string | null): void {
  if (value === null) {
    sessionStorage.removeItem(KEY);
  } else {
    sessionStorage.setItem(KEY, value);
  }
  listeners.forEach((listener) => listener());
}

export const useToken = (): string | null =>
  useSyncExternalStore((listener) => {
    listeners.add(listener);
    return () => listeners.delete(listener);
  }, token);
