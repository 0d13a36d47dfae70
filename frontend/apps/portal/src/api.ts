/** The demo dairy's REST API. */
import { token } from './session.js';

export interface Product {
  id: number;
  name: string;
  code: string | null;
  price: number;
  currency: string;
  categories: string[];
  description?: string | null;
}

export interface Order {
  id: number;
  name: string;
  date: string;
  status: string;
  order_type: string | null;
  payment_method: string | null;
  total: number;
  currency: string;
  customer: { id: number; name: string };
}

export interface Animal {
  id: number;
  tag: string;
  name: string;
  breed: string;
  sex: string;
  birth_date: string;
  status: string;
  mother_id: number | null;
}

export interface Dashboard {
  currency: string;
  from: string;
  to: string;
  orders: {
    count: number;
    confirmed_value: number;
    by_order_type: Record<string, number>;
    by_payment_method: Record<string, number>;
    by_status: Record<string, number>;
  };
  milk: { today_liters: number; liters: number; by_day: Record<string, number> };
  subscriptions: {
    by_status: Record<string, number>;
    active_by_plan: Record<string, number>;
  };
  animals: Record<string, number>;
}

export interface Page<T> {
  items: T[];
  total: number;
  limit: number;
  offset: number;
}

export class ApiError extends Error {
  constructor(
    readonly status: number,
    message: string,
  ) {
    super(message);
  }
}

type Parameters = Record<string, string | number | undefined>;

/** @throws ApiError for what the server refused, TypeError when there is none */
export async function get<T>(
  path: string,
  parameters: Parameters = {},
  signal?: AbortSignal,
): Promise<T> {
  const query = new URLSearchParams(
    Object.entries(parameters).flatMap(([name, value]) =>
      value === undefined || value === '' ? [] : [[name, String(value)]],
    ),
  ).toString();
  const init = signal ? { signal } : {};
  return call<T>(query ? `${path}?${query}` : path, init);
}

export const post = <T>(path: string, body: unknown): Promise<T> =>
  call<T>(path, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify(body),
  });

async function call<T>(path: string, init: RequestInit): Promise<T> {
  const headers = new Headers(init.headers);
  const known = token();
  if (known) {
    headers.set('Authorization', `Bearer ${known}`);
  }
  const response = await fetch(`/api/v1${path}`, { ...init, headers });
  const answer: unknown = await response.json().catch(() => null);
  if (!response.ok) {
    const { error } = (answer ?? {}) as { error?: { message?: string } };
    throw new ApiError(response.status, error?.message ?? 'The server has a problem.');
  }
  return answer as T;
}
