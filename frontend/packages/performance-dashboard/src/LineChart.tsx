import { LineChart as Lines } from 'echarts/charts';
import {
  AriaComponent,
  GridComponent,
  LegendComponent,
  TooltipComponent,
} from 'echarts/components';
import { init, use as register } from 'echarts/core';
import { SVGRenderer } from 'echarts/renderers';
import type { FC } from 'react';
import { useEffect, useRef } from 'react';

import type { Point } from './metrics.js';

register([
  Lines,
  AriaComponent,
  GridComponent,
  LegendComponent,
  TooltipComponent,
  SVGRenderer,
]);

type Chart = ReturnType<typeof init>;

const line = (
  name: string,
  figure: Exclude<keyof Point, 'time'>,
  axis: number,
  points: Point[],
) => ({
  name,
  type: 'line' as const,
  yAxisIndex: axis,
  showSymbol: false,
  // A time without data is a gap, not a line through it.
  connectNulls: false,
  data: points.map((point) => [point.time * 1000, point[figure]]),
});

const optionsOf = (points: Point[]) => ({
  aria: { enabled: true },
  animation: false,
  color: ['#1677ff', '#531dab'],
  grid: { left: 48, right: 48, top: 48, bottom: 28 },
  legend: { top: 0 },
  tooltip: { trigger: 'axis' as const },
  // On a phone they would be written over each other.
  xAxis: { type: 'time' as const, axisLabel: { hideOverlap: true } },
  yAxis: [
    { type: 'value' as const, name: 'ms', min: 0 },
    { type: 'value' as const, name: '/s', min: 0, splitLine: { show: false } },
  ],
  series: [
    line('P95 response', 'p95ResponseTime', 0, points),
    line('Requests', 'requestsPerSecond', 1, points),
  ],
});

/** Response time and requests over time. */
const LineChart: FC<{ points: Point[] }> = ({ points }) => {
  const place = useRef<HTMLDivElement>(null);
  const chart = useRef<Chart | null>(null);

  useEffect(() => {
    const made = init(place.current, null, { renderer: 'svg' });
    chart.current = made;
    const fit = new ResizeObserver(() => made.resize());
    fit.observe(place.current!);
    return () => {
      fit.disconnect();
      made.dispose();
      chart.current = null;
    };
  }, []);

  useEffect(() => chart.current?.setOption(optionsOf(points)), [points]);

  return (
    <div
      ref={place}
      role="img"
      aria-label={`P95 response time and requests per second, ${points.length} moments`}
      style={{ height: 260, width: '100%' }}
    />
  );
};

export default LineChart;
