import { BarChart } from 'echarts/charts';
import { GridComponent, TitleComponent } from 'echarts/components';
import { use } from 'echarts/core';
import { SVGRenderer } from 'echarts/renderers';
import { renderSvg } from '../svg.ts';
import type { SubjectResult } from './measure.ts';
import { titleOf } from './subjects.ts';

use([BarChart, GridComponent, TitleComponent, SVGRenderer]);

const WIDTH = 720;
const ROW = 44;
const OWN_COLOUR = '#0072b2';
const OTHER_COLOUR = '#b3aca1';

/** Where the chart lies beside the results file. */
export function chartPath(threads: readonly number[]): string {
  return threads.some((count) => count > 1) ? 'charts/models-threads.svg' : 'charts/models.svg';
}

/** Bars of the decode rates at the shortest context; on white, so that it reads the same on any page. */
export function renderChart(results: readonly SubjectResult[]): string {
  const bars = decodeRates(results);
  const option = {
    backgroundColor: '#ffffff',
    animation: false,
    title: {
      text: `Decode at ${bars[0]?.context ?? 0} tokens, tokens/s`,
      textStyle: { color: '#1d1b18', fontSize: 24 },
    },
    grid: { left: 380, right: 80, top: 60, bottom: 20 },
    xAxis: { type: 'value', show: false },
    yAxis: {
      type: 'category',
      inverse: true,
      data: bars.map(({ title }) => title),
      axisLabel: { color: '#222222', fontSize: 18 },
      axisLine: { show: false },
      axisTick: { show: false },
    },
    series: [
      {
        type: 'bar',
        data: bars.map(({ rate, isOwn }) => ({
          value: Number(rate.toFixed(1)),
          itemStyle: { color: isOwn ? OWN_COLOUR : OTHER_COLOUR },
        })),
        label: { show: true, position: 'right', color: '#222222', fontSize: 18 },
      },
    ],
  };
  return renderSvg(option, WIDTH, 120 + ROW * bars.length);
}

/** What the picture shows, in a sentence. */
export function chartSentence(results: readonly SubjectResult[]): string {
  const bars = decodeRates(results);
  const named = bars.map(({ title, rate }) => `${title} ${rate.toFixed(0)}`);
  return `Tokens a second at ${bars[0]?.context ?? 0} tokens: ${named.join(', ')}`;
}

function decodeRates(results: readonly SubjectResult[]) {
  return results.flatMap(({ subject, points }) => {
    const [point] = points;
    if (point === undefined) return [];
    const isOwn = subject.runtime === 'tpa-wasm';
    return [{ title: titleOf(subject), rate: point.decodeRate, context: point.context, isOwn }];
  });
}
