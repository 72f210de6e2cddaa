import type { Estimate } from '../../index.ts';
import { count, renderTable, type Row } from './table.ts';

/** Lines for a reader. */
export function renderEstimate(estimate: Estimate, path: string): string {
  const { dtype, dtypeReason, cacheDtype, contextLength, cacheBytesPerToken, stateBytes } =
    estimate;
  const layouts = estimate.weights
    .filter(({ bytes }) => bytes > 0)
    .map(({ layout, bytes }) => `${layout} ${count(bytes)}`);
  const growth =
    cacheBytesPerToken === 0
      ? `a state of ${count(stateBytes)} bytes whatever the context`
      : `${count(cacheBytesPerToken)} bytes per token`;
  return renderTable([
    ['model', path],
    ['parameters', count(estimate.parameters)],
    ['files', `${count(estimate.fileBytes)} bytes`],
    ['weights', `${count(estimate.weightBytes)} bytes as ${dtype}: ${dtypeReason}`],
    ['  of them', layouts.join(', ')],
    ['cache', `${growth} (${cacheDtype})`],
    ['context', `${count(estimate.contextBytes)} bytes for ${count(contextLength)} tokens`],
    ['workspace', `${count(estimate.workspaceBytes)} bytes`],
    ['in all', `${count(estimate.totalBytes)} bytes`],
    fitRow(estimate),
  ]);
}

function fitRow({ fits, memoryLimit, contextLength, longestContext }: Estimate): Row {
  const limit = `the ${count(memoryLimit)} bytes that are allowed`;
  if (longestContext === 0) return ['fits', `no, no context does in ${limit}`];
  const longest = `the longest context that does is ${count(longestContext)} tokens`;
  if (!fits) return ['fits', `no, not in ${limit}; ${longest}: --context ${longestContext}`];
  return ['fits', `yes, in ${limit}${longestContext > contextLength ? `; ${longest}` : ''}`];
}
