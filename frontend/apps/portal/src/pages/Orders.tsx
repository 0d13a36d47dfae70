import { withProfiler } from '@smart-dairy/react-profiler';
import { keepPreviousData, useQuery } from '@tanstack/react-query';
import { ConfigProvider, Table, Tag } from 'antd';
import { useSearchParams } from 'react-router-dom';

import type { Order, Page } from '../api.js';
import { get } from '../api.js';
import { Loaded } from '../components/States.js';
import { day, money, words } from '../format.js';
import { useTitle } from '../useTitle.js';

const SIZE = 20;
const THEME = { token: { colorPrimary: '#157347' } };
const STATES = {
  draft: 'Quotation',
  sent: 'Sent',
  sale: 'Confirmed',
  cancel: 'Cancelled',
};
const READABLE = { color: '#237804' }; // antd's green is too pale for small letters
const COLORS: Record<string, string> = { sale: 'green', cancel: 'red', sent: 'blue' };

const COLUMNS = [
  { title: 'Order', dataIndex: 'name' },
  { title: 'Date', dataIndex: 'date', render: day },
  { title: 'Customer', dataIndex: ['customer', 'name'], responsive: ['md' as const] },
  {
    title: 'Type',
    dataIndex: 'order_type',
    render: words,
    responsive: ['md' as const],
  },
  {
    title: 'Status',
    dataIndex: 'status',
    render: (status: string) => (
      <Tag
        color={COLORS[status] ?? 'default'}
        variant="outlined"
        style={status === 'sale' ? READABLE : {}}
      >
        {STATES[status as keyof typeof STATES]}
      </Tag>
    ),
  },
  {
    title: 'Total',
    dataIndex: 'total',
    align: 'right' as const,
    render: (total: number, order: Order) => money(total, order.currency),
  },
];

interface TableProps {
  orders: Page<Order>;
  page: number;
  onPage: (page: number) => void;
}

const OrderTable = withProfiler(
  ({ orders, page, onPage }: TableProps) => (
    <Table
      rowKey="id"
      size="middle"
      columns={COLUMNS}
      dataSource={orders.items}
      pagination={{
        current: page,
        pageSize: SIZE,
        total: orders.total,
        showSizeChanger: false,
        onChange: onPage,
      }}
    />
  ),
  'OrderTable',
);

const Orders = () => {
  useTitle('Orders');
  const [parameters, setParameters] = useSearchParams();
  const page = Math.max(Number(parameters.get('page')) || 1, 1);
  const status = parameters.get('status') ?? '';
  const orders = useQuery({
    queryKey: ['orders', page, status],
    queryFn: ({ signal }) =>
      get<Page<Order>>(
        '/orders',
        { limit: SIZE, offset: (page - 1) * SIZE, status },
        signal,
      ),
    placeholderData: keepPreviousData,
  });
  const show = (next: Record<string, string>) =>
    setParameters(
      Object.fromEntries(Object.entries(next).filter(([, value]) => value)),
    );
  return (
    <>
      <h1>Orders</h1>
      <Loaded query={orders} placeholder={<div className="table-placeholder" />}>
        {(found) => (
          <>
            <label className="filter">
              Status
              <select
                value={status}
                onChange={(event) => show({ status: event.target.value })}
              >
                <option value="">All</option>
                {Object.entries(STATES).map(([value, name]) => (
                  <option key={value} value={value}>
                    {name}
                  </option>
                ))}
              </select>
            </label>
            <ConfigProvider theme={THEME}>
              <OrderTable
                orders={found}
                page={page}
                onPage={(next) => show({ status, page: String(next) })}
              />
            </ConfigProvider>
          </>
        )}
      </Loaded>
    </>
  );
};

export default withProfiler(Orders, 'OrdersPage');
