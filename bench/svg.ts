import { type EChartsCoreOption, init } from 'echarts/core';

/**
 * A chart as a picture: the same option makes the same bytes. Its modules and the SVG renderer are
 * registered by whoever draws it.
 */
export function renderSvg(option: EChartsCoreOption, width: number, height: number): string {
  const chart = init(null, null, { renderer: 'svg', ssr: true, width, height });
  try {
    chart.setOption(option);
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
