import { LineChart } from 'echarts/charts';
import { GridComponent, LegendComponent, TitleComponent } from 'echarts/components';
import { init, use, type EChartsCoreOption } from 'echarts/core';
import { SVGRenderer } from 'echarts/renderers';
import { MECHANISMS, type Mechanism } from './mechanisms.ts';
import { findMeasured, type DimResult, type Measured } from './result.ts';

use([LineChart, GridComponent, LegendComponent, TitleComponent, SVGRenderer]);

const WIDTH = 960;
const HEIGHT = 460;

/** Told apart by shape too; colours of Okabe and Ito, which colour-blind readers can tell apart. */
const STYLES: Readonly<Record<Mechanism['name'], { colour: string; symbol: string }>> = {
  MHA: { colour: '#d55e00', symbol: 'circle' },
  MQA: { colour: '#009e73', symbol: 'triangle' },
  'GQA-4': { colour: '#cc79a7', symbol: 'diamond' },
  MLA: { colour: '#b8860b', symbol: 'rect' },
  TPA: { colour: '#0072b2', symbol: 'roundRect' },
};

/** Two panels, both log-log: time of a step, and bytes of a layer's cache, against the context. */
const PANELS: readonly {
  readonly title: string;
  readonly axis: string;
  readonly left: number;
  value(point: Measured): number;
}[] = [
  {
    title: 'Decode time of one layer',
    axis: 'milliseconds a token (best)',
    left: 80,
    value: ({ timing }) => timing.best * 1e3,
  },
  {
    title: 'Cache of one layer',
    axis: 'MB, float32',
    left: 565,
    value: ({ cacheBytes }) => cacheBytes / 1e6,
  },
];

/** The same numbers make the same bytes; on white, so that it reads the same on any page. */
export function renderChart(result: DimResult): string {
  const chart = init(null, null, { renderer: 'svg', ssr: true, width: WIDTH, height: HEIGHT });
  try {
    chart.setOption(chartOption(result));
    // A picture that nobody hovers over needs no classes; clips count the charts of a process.
    return `${chart
      .renderToSVGString()
      .replace(/<style[\s\S]*<\/style>/, '')
      .replaceAll(/ class="[^"]*"/g, '')
      .replaceAll(/\bzr\d+-/g, 'chart-')}\n`;
  } finally {
    chart.dispose();
  }
}

function chartOption({ dim, heads, contexts }: DimResult): EChartsCoreOption {
  const tokens = contexts.map((context) => context.tokens);
  const text = { color: '#222', fontSize: 13 };
  return {
    animation: false,
    backgroundColor: '#ffffff',
    textStyle: text,
    title: [
      {
        text: `dim ${dim.toLocaleString('en-US')}: ${heads} heads of 64`,
        left: 'center',
        textStyle: { ...text, fontSize: 16 },
      },
      ...PANELS.map(({ title, left }) => ({ text: title, left, top: 34, textStyle: text })),
    ],
    legend: { bottom: 4, icon: 'inherit', itemWidth: 36, textStyle: text },
    grid: PANELS.map(({ left }) => ({ left, top: 70, width: 365, height: 290 })),
    xAxis: PANELS.map((_, gridIndex) => ({
      gridIndex,
      type: 'log',
      logBase: 2,
      min: Math.min(...tokens),
      max: Math.max(...tokens),
      name: 'cached tokens',
      nameLocation: 'middle',
      nameGap: 30,
      nameTextStyle: text,
      axisLabel: { ...text, formatter: formatTokens },
      splitLine: { lineStyle: { color: '#ddd' } },
    })),
    yAxis: PANELS.map(({ axis }, gridIndex) => ({
      gridIndex,
      type: 'log',
      logBase: 10,
      name: axis,
      nameLocation: 'middle',
      nameGap: 50,
      nameTextStyle: text,
      axisLabel: { ...text, formatter: (value: number) => String(Number(value.toPrecision(3))) },
      splitLine: { lineStyle: { color: '#ddd' } },
    })),
    series: PANELS.flatMap(({ value }, panel) =>
      MECHANISMS.map(({ name }) => ({
        type: 'line',
        name,
        silent: true,
        xAxisIndex: panel,
        yAxisIndex: panel,
        color: STYLES[name].colour,
        symbol: STYLES[name].symbol,
        symbolSize: 8,
        lineStyle: { width: name === 'TPA' ? 3 : 2 },
        data: contexts.flatMap((context) => {
          const point = findMeasured(context, name);
          return point === undefined ? [] : [[context.tokens, value(point)]];
        }),
      })),
    ),
  };
}

/** `4k` is 2^12. */
function formatTokens(tokens: number): string {
  return tokens >= 1024 ? `${tokens / 1024}k` : String(tokens);
}
