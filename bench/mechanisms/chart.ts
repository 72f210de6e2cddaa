import { BarChart } from 'echarts/charts';
import { GridComponent, TitleComponent } from 'echarts/components';
import { use, type EChartsCoreOption } from 'echarts/core';
import { SVGRenderer } from 'echarts/renderers';
import { renderSvg } from '../svg.ts';
import { ratioToTpa } from './findings.ts';
import { cacheBytes, MECHANISMS, type Mechanism } from './mechanisms.ts';
import type { ContextResult, DimResult } from './result.ts';

use([BarChart, GridComponent, TitleComponent, SVGRenderer]);

/** Half of it is the width of a phone, where the smallest text then has 12 pixels. */
const WIDTH = 720;
const HEIGHT = 800;
const TITLE = { color: '#1d1b18', fontSize: 30, fontWeight: 'bold', lineHeight: 38 } as const;
const TEXT = { color: '#222222', fontSize: 24 };

/** The context that is drawn, where it was measured; else the longest that was. */
const TOKENS = 2 ** 16;

const OWN_COLOUR = '#0072b2';
const OTHER_COLOUR = '#b3aca1';

/**
 * Two panels of bars on a linear scale, the time of a decode step and the bytes of its cache, both
 * with MHA as 1. The same numbers make the same bytes; on white, so that it reads the same on any page.
 */
export function renderChart(result: DimResult): string {
  return renderSvg(chartOption(result), WIDTH, HEIGHT);
}

/** What the picture shows, in a sentence. */
export function chartSentence({ heads, contexts }: DimResult): string {
  const context = drawnContext(contexts);
  const time = ratioToTpa(context, 'MHA');
  const cache = 1 / shareOfCache('TPA', heads);
  const slower =
    time === undefined
      ? 'MHA was not timed'
      : `MHA takes ${time.toPrecision(2)} times as long as TPA`;
  return `${slower}, and keeps ${cache.toPrecision(2)} times as much`;
}

function chartOption(result: DimResult): EChartsCoreOption {
  const { heads, contexts } = result;
  const context = drawnContext(contexts);
  const names = MECHANISMS.map(({ name }) => name);
  const panels = [
    { title: 'Time of a step, MHA = 1', shares: names.map((name) => shareOfTime(name, context)) },
    { title: 'Cache, MHA = 1', shares: names.map((name) => shareOfCache(name, heads)) },
  ];
  const [sentence = '', rest = ''] = chartSentence(result).split(/(?<=,) /);
  return {
    animation: false,
    backgroundColor: '#ffffff',
    textStyle: TEXT,
    title: [
      {
        text: `${sentence}\n${rest}`,
        subtext: `one layer, ${heads} heads of 64, ${context.tokens / 1024}k cached tokens`,
        left: 24,
        top: 16,
        textStyle: TITLE,
        subtextStyle: TEXT,
      },
      ...panels.map(({ title }, i) => ({
        text: title,
        left: 24,
        top: panelTop(i) - 48,
        textStyle: { ...TEXT, fontWeight: 'bold' },
      })),
    ],
    grid: panels.map((_, i) => ({ left: 120, right: 96, top: panelTop(i), height: 230 })),
    xAxis: panels.map((_, gridIndex) => ({ gridIndex, type: 'value', min: 0, show: false })),
    yAxis: panels.map((_, gridIndex) => ({
      gridIndex,
      type: 'category',
      data: names,
      inverse: true,
      axisLabel: TEXT,
      axisTick: { show: false },
      axisLine: { lineStyle: { color: TEXT.color } },
    })),
    series: panels.map(({ shares }, panel) => ({
      type: 'bar',
      silent: true,
      xAxisIndex: panel,
      yAxisIndex: panel,
      barWidth: 28,
      label: { show: true, position: 'right', ...TEXT },
      data: names.flatMap((name, i) => {
        const share = shares[i];
        if (share === undefined) return [];
        const itemStyle = { color: name === 'TPA' ? OWN_COLOUR : OTHER_COLOUR };
        return [{ value: [share, name], itemStyle, label: { formatter: share.toPrecision(2) } }];
      }),
    })),
  };
}

function panelTop(panel: number): number {
  return 220 + panel * 310;
}

function drawnContext(contexts: readonly ContextResult[]): ContextResult {
  return contexts.find(({ tokens }) => tokens === TOKENS) ?? contexts.at(-1)!;
}

/** Time of a mechanism over that of MHA in the same rounds; undefined where either is left out. */
function shareOfTime(name: Mechanism['name'], context: ContextResult): number | undefined {
  const [own, base] = [ratioToTpa(context, name), ratioToTpa(context, 'MHA')];
  return own && base && own / base;
}

function shareOfCache(name: Mechanism['name'], heads: number): number {
  const [own, base] = [name, 'MHA'].map((wanted) =>
    cacheBytes(
      MECHANISMS.find((mechanism) => mechanism.name === wanted)!,
      heads,
      1,
    ),
  );
  return own! / base!;
}
