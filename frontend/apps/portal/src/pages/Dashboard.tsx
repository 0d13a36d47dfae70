import { withProfiler } from '@smart-dairy/react-profiler';
import { useQuery } from '@tanstack/react-query';
import { Card, Col, Progress, Row, Statistic } from 'antd';
import { lazy, Suspense } from 'react';

import type { Dashboard as Figures } from '../api.js';
import { get } from '../api.js';
import { Loaded } from '../components/States.js';
import { about, day, number, words } from '../format.js';
import { useTitle } from '../useTitle.js';

const MilkChart = lazy(() => import('../components/MilkChart.js'));
const GUTTER: [number, number] = [16, 16];
const STYLES = { title: { color: 'var(--note)' } }; // antd's grey is too pale

const Shares = ({
  title,
  shares,
}: {
  title: string;
  shares: Record<string, number>;
}) => {
  const total = Object.values(shares).reduce((sum, count) => sum + count, 0);
  return (
    <Card title={title} style={{ height: '100%' }}>
      {Object.entries(shares).map(([name, count]) => (
        <div key={name} className="share">
          <span>
            {words(name)}: {number(count)}
          </span>
          <Progress
            percent={Math.round((100 * count) / Math.max(total, 1))}
            aria-label={words(name)}
            strokeColor="#157347"
          />
        </div>
      ))}
    </Card>
  );
};

const Board = withProfiler(({ figures }: { figures: Figures }) => {
  const { orders, milk, animals, subscriptions } = figures;
  // Who was sold is counted too, and no longer in the herd.
  const herd = Object.fromEntries(
    Object.entries(animals).filter(([status]) => status !== 'sold'),
  );
  const heads = Object.values(herd).reduce((sum, count) => sum + count, 0);
  const tiles = [
    ['Orders', number(orders.count)],
    ['Confirmed', about(orders.confirmed_value, figures.currency)],
    ['Milk today', `${number(milk.today_liters)} l`],
    ['Milk', `${number(milk.liters)} l`],
    ['Herd', number(heads)],
    ['Subscriptions', number(subscriptions.by_status.active ?? 0)],
  ] as const;
  return (
    <>
      <p className="lead">
        {day(figures.from)} to {day(figures.to)}
      </p>
      <Row gutter={GUTTER}>
        {tiles.map(([title, value]) => (
          <Col key={title} xs={12} md={8} xl={4}>
            <Card size="small">
              <Statistic title={title} value={value} styles={STYLES} />
            </Card>
          </Col>
        ))}
        <Col span={24}>
          <Card title="Milk by day, litres">
            <Suspense fallback={<div style={{ height: 280 }} />}>
              <MilkChart byDay={milk.by_day} />
            </Suspense>
          </Card>
        </Col>
        <Col xs={24} md={8}>
          <Shares title="Orders by type" shares={orders.by_order_type} />
        </Col>
        <Col xs={24} md={8}>
          <Shares title="Orders by payment" shares={orders.by_payment_method} />
        </Col>
        <Col xs={24} md={8}>
          <Shares title="Herd" shares={herd} />
        </Col>
      </Row>
    </>
  );
}, 'DashboardBoard');

const Dashboard = () => {
  useTitle('Dashboard');
  const figures = useQuery({
    queryKey: ['dashboard'],
    queryFn: ({ signal }) => get<Figures>('/dashboard', {}, signal),
  });
  return (
    <>
      <h1>Dashboard</h1>
      <Loaded query={figures} placeholder={<div className="table-placeholder" />}>
        {(found) => <Board figures={found} />}
      </Loaded>
    </>
  );
};

export default withProfiler(Dashboard, 'DashboardPage');
