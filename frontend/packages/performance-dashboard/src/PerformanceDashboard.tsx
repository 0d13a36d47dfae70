import {
  QueryClient,
  QueryClientContext,
  QueryClientProvider,
  useQuery,
} from '@tanstack/react-query';
import { Alert, Button, Card, Col, Empty, Row, Skeleton } from 'antd';
import type { FC, ReactNode } from 'react';
import { lazy, Suspense, useContext, useState } from 'react';

import { Gauge } from './Gauge.js';
import type { PerformanceMetrics } from './metrics.js';
import { fetchPerformanceMetrics, MetricsError } from './metrics.js';
import { isEmpty, limitsOf, reasonOf } from './rating.js';
import { Tile } from './Tile.js';

const LineChart = lazy(() => import('./LineChart.js'));

export interface PerformanceDashboardProps {
  /** Of the Odoo that is shown; on another host it must allow this one. */
  endpoint?: string;
  /** The time that the figures are of: 5m, 15m, 1h, 6h, 24h or 7d. */
  range?: string;
  /** Seconds between two questions; none while the page is hidden. */
  refreshSeconds?: number;
  /** Sent along, such as `{ Authorization: 'Bearer <API key>' }`. */
  headers?: Record<string, string>;
  title?: ReactNode;
}

const NO_HEADERS: Record<string, string> = {};
const GUTTER: [number, number] = [16, 16];

/**
 * The figures of an Odoo with Smart Dairy Performance, asked for every ten seconds.
 *
 * Uses the application's QueryClient, or one of its own when there is none.
 */
export const PerformanceDashboard: FC<PerformanceDashboardProps> = (props) => {
  const given = useContext(QueryClientContext);
  const [own] = useState(() => (given ? null : new QueryClient()));
  const board = <Board {...props} />;
  return own ? <QueryClientProvider client={own}>{board}</QueryClientProvider> : board;
};

const Board: FC<PerformanceDashboardProps> = ({
  endpoint = '/api/v1/performance/dashboard',
  range = '15m',
  refreshSeconds = 10,
  headers = NO_HEADERS,
  title = 'Performance Dashboard',
}) => {
  const { data, error, isPending, isFetching, dataUpdatedAt, refetch } = useQuery({
    queryKey: ['performance-metrics', endpoint, range, headers],
    queryFn: ({ signal }) =>
      fetchPerformanceMetrics({ endpoint, range, headers }, signal),
    refetchInterval: refreshSeconds * 1000,
    // A refusal stays one; what is away may be back.
    retry: (failures, { status }: { status?: number } & Error) =>
      failures < 1 && !(status && status < 500),
  });
  const again = (
    <Button size="small" loading={isFetching} onClick={() => void refetch()}>
      Try again
    </Button>
  );
  return (
    <section className="performance-dashboard" aria-busy={isPending}>
      <h1>{title}</h1>
      {error && (
        <Alert
          type={data ? 'warning' : 'error'}
          showIcon
          role="alert"
          title={
            data
              ? `These figures are of ${timeOf(dataUpdatedAt)}; newer ones did not come.`
              : 'Failed to load metrics'
          }
          description={
            error instanceof MetricsError
              ? error.message
              : 'The server could not be reached.'
          }
          action={again}
          style={{ marginBottom: 16 }}
        />
      )}
      {isPending && (
        <div role="status" aria-label="Loading performance metrics">
          <Skeleton active paragraph={{ rows: 8 }} />
        </div>
      )}
      {data && <Figures metrics={data} range={range} />}
    </section>
  );
};

const Figures: FC<{ metrics: PerformanceMetrics; range: string }> = ({
  metrics,
  range,
}) => {
  const { measuring } = metrics;
  if (measuring && !measuring.on) {
    return (
      <Empty description={`Nothing is measured (${measuring.reason ?? 'unknown'}).`} />
    );
  }
  return (
    <>
      {isEmpty(metrics) && (
        <Alert
          type="info"
          showIcon
          title={`Nothing was asked of the server in the last ${range}.`}
          style={{ marginBottom: 16 }}
        />
      )}
      <Row gutter={GUTTER}>
        <Col span={24}>
          <Card title="API Performance" className="metrics-card">
            <Api metrics={metrics} />
          </Card>
        </Col>
        <Col span={24}>
          <Card title="Core Web Vitals" className="metrics-card">
            <Vitals metrics={metrics} />
          </Card>
        </Col>
        <Col xs={24} lg={12}>
          <Card title="Database" className="metrics-card" style={{ height: '100%' }}>
            <Database metrics={metrics} />
          </Card>
        </Col>
        <Col xs={24} lg={12}>
          <Card title="System" className="metrics-card" style={{ height: '100%' }}>
            <System metrics={metrics} />
          </Card>
        </Col>
      </Row>
    </>
  );
};

const Api: FC<{ metrics: PerformanceMetrics }> = ({ metrics }) => {
  const { api, series } = metrics;
  const missing = (figure: string) => reasonOf(metrics, `api.${figure}`);
  const points = series ?? [];
  return (
    <>
      <Row gutter={GUTTER}>
        <Col xs={12} md={6}>
          <Tile
            title="Avg Response Time"
            value={api.avgResponseTime}
            suffix="ms"
            limits={limitsOf(metrics, 'api_response_avg')}
            missing={missing('avgResponseTime')}
          />
        </Col>
        <Col xs={12} md={6}>
          <Tile
            title="P95 Response Time"
            value={api.p95ResponseTime}
            suffix="ms"
            limits={limitsOf(metrics, 'api_response_p95')}
            missing={missing('p95ResponseTime')}
          />
        </Col>
        <Col xs={12} md={6}>
          <Tile
            title="Requests/sec"
            value={api.requestsPerSecond}
            precision={1}
            missing={missing('requestsPerSecond')}
          />
        </Col>
        <Col xs={12} md={6}>
          <Tile
            title="Error Rate"
            value={api.errorRate}
            suffix="%"
            precision={2}
            limits={limitsOf(metrics, 'error_rate')}
            missing={missing('errorRate')}
          />
        </Col>
      </Row>
      {points.length > 1 && (
        <Suspense fallback={<div style={{ height: 260 }} />}>
          <LineChart points={points} />
        </Suspense>
      )}
    </>
  );
};

const milliseconds = (value: number): string => `${Math.round(value)} ms`;
const percent = (value: number): string => `${Math.round(value)} %`;
const score = (value: number): string => value.toFixed(3);
const timeOf = (time: number): string => new Date(time).toLocaleTimeString();

const VITALS = [
  ['LCP', 'lcp', 'LCP (Largest Contentful Paint)', milliseconds],
  ['INP', 'inp', 'INP (Interaction to Next Paint)', milliseconds],
  ['FID', 'fid', 'FID (First Input Delay)', milliseconds],
  ['CLS', 'cls', 'CLS (Cumulative Layout Shift)', score],
] as const;

const Vitals: FC<{ metrics: PerformanceMetrics }> = ({ metrics }) => (
  <Row gutter={GUTTER}>
    {VITALS.map(([name, figure, title, format]) => (
      <Col xs={12} md={6} key={name}>
        <Gauge
          title={title}
          value={metrics.frontend[figure]}
          limits={limitsOf(metrics, name)}
          format={format}
          missing={reasonOf(metrics, `frontend.${figure}`)}
        />
      </Col>
    ))}
    <Col span={24}>
      <Tile
        title="Lighthouse Score"
        value={metrics.frontend.lighthouseScore}
        suffix="/ 100"
        missing={reasonOf(metrics, 'frontend.lighthouseScore')}
      />
    </Col>
  </Row>
);

const Database: FC<{ metrics: PerformanceMetrics }> = ({ metrics }) => {
  const { database } = metrics;
  const missing = (figure: string) => reasonOf(metrics, `database.${figure}`);
  return (
    <Row gutter={GUTTER}>
      <Col span={8}>
        <Tile
          title="Avg Query Time"
          value={database.avgQueryTime}
          suffix="ms"
          precision={1}
          missing={missing('avgQueryTime')}
        />
      </Col>
      <Col span={8}>
        <Tile
          title="Slow Queries"
          value={database.slowQueries}
          missing={missing('slowQueries')}
        />
      </Col>
      <Col span={8}>
        <Tile
          title="Connections"
          value={database.activeConnections}
          missing={missing('activeConnections')}
        />
      </Col>
    </Row>
  );
};

const SYSTEM = [
  ['cpu_usage', 'cpuUsage', 'CPU Usage'],
  ['memory_usage', 'memoryUsage', 'Memory Usage'],
  ['disk_usage', 'diskUsage', 'Disk Usage'],
] as const;

const System: FC<{ metrics: PerformanceMetrics }> = ({ metrics }) => (
  <Row gutter={GUTTER}>
    {SYSTEM.map(([name, figure, title]) => (
      <Col xs={12} md={8} key={name}>
        <Gauge
          title={title}
          value={metrics.system[figure]}
          limits={limitsOf(metrics, name)}
          format={percent}
          missing={reasonOf(metrics, `system.${figure}`)}
          isShare
        />
      </Col>
    ))}
  </Row>
);

export default PerformanceDashboard;
