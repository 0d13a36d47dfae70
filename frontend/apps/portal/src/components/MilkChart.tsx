import { withProfiler } from '@smart-dairy/react-profiler';
import { BarChart } from 'echarts/charts';
import { GridComponent, TooltipComponent } from 'echarts/components';
import { init, use as register } from 'echarts/core';
import { SVGRenderer } from 'echarts/renderers';
import { useEffect, useRef } from 'react';

register([BarChart, GridComponent, TooltipComponent, SVGRenderer]);

const MilkChart = ({ byDay }: { byDay: Record<string, number> }) => {
  const place = useRef<HTMLDivElement>(null);

  useEffect(() => {
    const chart = init(place.current, null, { renderer: 'svg' });
    chart.setOption({
      animation: false,
      color: ['#157347'],
      grid: { left: 56, right: 12, top: 12, bottom: 28 },
      tooltip: { trigger: 'axis' },
      xAxis: { type: 'time', axisLabel: { hideOverlap: true } },
      yAxis: { type: 'value' },
      series: [{ type: 'bar', name: 'Litres', data: Object.entries(byDay) }],
    });
    const fit = new ResizeObserver(() => chart.resize());
    fit.observe(place.current!);
    return () => {
      fit.disconnect();
      chart.dispose();
    };
  }, [byDay]);

  return (
    <div
      ref={place}
      role="img"
      aria-label="Litres of milk by day"
      style={{ height: 280 }}
    />
  );
};

export default withProfiler(MilkChart, 'MilkChart');
