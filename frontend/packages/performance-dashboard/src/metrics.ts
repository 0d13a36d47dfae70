/** The figures that Odoo answers with; docs/openapi.yaml describes them all. */

/** A figure without data is null, never 0. */
export type Figure = number | null;

/** Milliseconds and percent. */
export interface PerformanceMetrics {
  api: {
    avgResponseTime: Figure;
    p95ResponseTime: Figure;
    requestsPerSecond: Figure;
    errorRate: Figure;
  };
  database: {
    avgQueryTime: Figure;
    /** Over 100 ms. */
    slowQueries: Figure;
    activeConnections: Figure;
  };
  frontend: {
    lcp: Figure;
    /** Only older clients still send it: INP took its place. */
    fid: Figure;
    inp?: Figure;
    cls: Figure;
    /** Of 100. */
    lighthouseScore: Figure;
  };
  system: {
    cpuUsage: Figure;
    memoryUsage: Figure;
    diskUsage: Figure;
  };
  /** Unix time of the newest figures, seconds. */
  timestamp?: number;
  /** For a figure that is null, by `section.figure`: the code of the reason. */
  reasons?: Record<string, string>;
  /** Why nothing is measured, when it is not. */
  measuring?: { on: boolean; reason: string | null };
  series?: Point[];
  /** The database's own limits, by name. */
  limits?: Record<string, { good: number; poor: Figure }>;
}

/** The figures of one moment. */
export interface Point {
  /** Unix time, seconds. */
  time: number;
  requestsPerSecond: Figure;
  p95ResponseTime: Figure;
  errorRate: Figure;
}

export interface Source {
  endpoint: string;
  range: string;
  /** Such as an API key: `{ Authorization: 'Bearer ...' }`. */
  headers: Record<string, string>;
}

/** The server refused, or answered with something else than figures. */
export class MetricsError extends Error {
  /** @param status of HTTP; 0 when the answer was none of ours */
  constructor(
    readonly status: number,
    message: string,
  ) {
    super(message);
  }
}

/** @throws MetricsError or TypeError when there are no figures */
export async function fetchPerformanceMetrics(
  { endpoint, range, headers }: Source,
  signal?: AbortSignal,
): Promise<PerformanceMetrics> {
  const query = `${endpoint.includes('?') ? '&' : '?'}range=${encodeURIComponent(range)}`;
  const response = await fetch(endpoint + query, {
    headers: { Accept: 'application/json', ...headers },
    ...(signal && { signal }),
  });
  if (response.status === 401 || response.status === 403) {
    throw new MetricsError(response.status, 'You may not see these figures.');
  }
  if (!response.ok) {
    throw new MetricsError(
      response.status,
      `The server answered with ${response.status}.`,
    );
  }
  const found: unknown = await response.json().catch(() => null);
  if (!isMetrics(found)) {
    throw new MetricsError(0, 'The answer holds no figures.');
  }
  return found;
}

function isMetrics(found: unknown): found is PerformanceMetrics {
  return (
    typeof found === 'object' &&
    found !== null &&
    ['api', 'database', 'frontend', 'system'].every(
      (section) => typeof (found as Record<string, unknown>)[section] === 'object',
    )
  );
}
